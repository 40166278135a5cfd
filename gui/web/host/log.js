/** Everything that a session did, as the records of a recording: stamped, kept, and told to whoever listens. */
import { limit } from './fault.js';
import { toJson } from './values.js';

const MAX_NAMES = 65536;
const NAME_BYTES = 1024;
const MAX_BATCH = 65536;

/** Nanoseconds of a reading of `performance.now()`. */
export const nanos = (milliseconds) => Math.max(0, Math.round(milliseconds * 1e6));

export class Log {
  /**
   * @param {object} [options]
   * @param {number} [options.keep] records kept; those before are lost
   * @param {(records: object[]) => void} [options.observe] told every record; the guest waits until it returns
   */
  constructor({ keep = 1 << 20, observe } = {}) {
    this.begin = performance.now();
    this.seq = 0;
    this.capacity = keep;
    this.observe = observe;
    this.records = [];
    this.lost = 0;
    this.names = [];
    this.namesLost = 0;
  }

  record(what) {
    this.#add([what]);
  }

  /** A part of the host's own work that took so many milliseconds. */
  host(part, took) {
    this.record({ host: { part, ns: nanos(took) } });
  }

  /** Names from the guest. Clamp: only so many, and none longer than an identifier gets. */
  addNames(names) {
    if (names.length > MAX_NAMES - this.names.length) {
      throw limit('the component gave its observer more names than it may; the session has ended');
    }
    if (names.some((name) => name.length > NAME_BYTES)) {
      throw limit('the component gave its observer a name that is too long; the session has ended');
    }
    const first = this.names.length;
    for (const name of names) this.names.push(name);
    this.record({ names: { first, names } });
  }

  /** Entries from the guest. Clamp: only so many at once, and every index one of a name that it gave. */
  emit(entries) {
    if (entries.length > MAX_BATCH) {
      throw limit('the component sent its observer more entries at once than it may; the session has ended');
    }
    const known = this.names.length;
    const valid = ({ machine, what: { tag, val } }) => {
      if (machine >= known) return false;
      if (tag === 'transition') return val[0] < known && val[1] < known;
      return (Array.isArray(val) ? val[0] : val) < known;
    };
    if (!entries.every(valid)) {
      throw limit('the component sent its observer the index of a name that it never gave; the session has ended');
    }
    this.#add(entries.map((entry) => ({ step: toJson(entry) })));
  }

  #add(whats) {
    const at = nanos(performance.now() - this.begin);
    const records = whats.map((what) => ({ seq: this.seq++, at, ...(this.capacity > 0 ? own(what) : what) }));
    for (const record of records) this.records.push(record);
    // Not one by one: the front of a long array is cut seldom.
    if (this.records.length > this.capacity + (this.capacity >> 2)) {
      const gone = this.records.splice(0, this.records.length - this.capacity);
      this.lost += gone.length;
      for (const { names } of gone) this.namesLost += names?.names.length ?? 0;
    }
    this.observe?.(records);
  }
}

/** What is kept has its bytes to itself: those that a source hands out may be a part of something large. */
function own(what) {
  const bytes = what.return?.answer?.bytes;
  return bytes ? { ...what, return: { ...what.return, answer: { bytes: bytes.slice() } } } : what;
}
