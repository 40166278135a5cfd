/** Fault switches: answers in the host's place, so that the guest walks its real error routes. */
import { nameOf } from './gate.js';

/** Names of the messages for calls, and what they are called in the contract. */
const CALLS = { Map: 'map-range', Unmap: 'unmap', Read: 'read', ReadInto: 'read-into', Allocate: 'allocate', Advise: 'advise', Stat: 'stat' };

export class Faults {
  armed = [];
  #struck = false;

  /** Those that are left, if one struck since this was asked last. */
  struck() {
    const left = this.#struck ? this.armed : undefined;
    this.#struck = false;
    return left;
  }

  /** An answer instead of the deed, or none. `read` answers a read, for answers that are short. */
  before(call, read) {
    const name = nameOf(call);
    let strikes;
    for (const fault of this.armed) {
      const past = fault.Truncate && firstPast(call, BigInt(fault.Truncate.at));
      if (past !== undefined) return failed(name, past, 'end-of-source');
      if (CALLS[fault.Call?.call] !== name) continue;
      fault.Call.nth = Math.max(0, fault.Call.nth - 1);
      if (fault.Call.nth === 0) strikes ??= fault;
    }
    if (!strikes) return undefined;
    this.armed = this.armed.filter((fault) => fault !== strikes);
    this.#struck = true;
    const { kind } = strikes.Call;
    if (kind !== 'Short') return failed(name, 0, kind.Fail);
    // Other calls have no short answer: the nearest thing to it is the end of the file.
    if (name !== 'read') return failed(name, 0, 'end-of-source');
    const answer = read({ ...call.read, len: call.read.len >> 1 });
    return answer.bytes ? answer : failed(name, 0, { io: 5 });
  }
}

const failed = (name, span, error) => (name === 'read-into' ? { 'batch-failed': { span, error } } : { failed: error });

/** The first span of a call that ends past `at`. */
function firstPast(call, at) {
  const reaches = ({ offset, len }) => BigInt(offset) + BigInt(len) > at;
  const one = call.read ?? call['map-range'];
  if (one) return reaches(one) ? 0 : undefined;
  const span = (call['read-into']?.batch ?? []).findIndex(reaches);
  return span < 0 ? undefined : span;
}
