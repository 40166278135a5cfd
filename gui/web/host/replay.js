/**
 * Re-execution: the component runs again, is told what it was told then, and everything that it does is compared with what it
 * did. The first difference is the end.
 */
import { Ended, Sentence, escape, typed } from './fault.js';
import { Guest } from './guest.js';
import { Log } from './log.js';
import { same, stringify } from './values.js';

/** Why a recording was not replayed to its end: a sentence. */
export class ReplayError extends Sentence {}

class Player {
  constructor({ header, records }) {
    this.records = records.filter((record) => record.host === undefined);
    this.names = [...(header.names ?? [])];
    Object.assign(this, { next: 0, difference: null, counts: { exports: 0, calls: 0, steps: 0, headerBytes: 0 } });
  }

  get over() {
    return this.difference !== null || this.next >= this.records.length;
  }

  observe(records) {
    for (const record of records) {
      if (this.over || record.host !== undefined) continue;
      const expected = this.records[this.next];
      const [a, b] = [what(expected), what(record)];
      const equal = a[0] === b[0] && (a[0] === 'return' ? same(a[1].answer, b[1].answer) : same(a[1], b[1]));
      if (!equal) {
        this.differs(expected, this.words(b));
        return;
      }
      this.next += 1;
      this.#count(a);
    }
  }

  differs(expected, got) {
    const recorded = this.words(what(expected));
    this.difference = new ReplayError(`the replay differs at record ${expected.seq}: recorded was ${recorded}; now it is ${got}`);
  }

  #count([kind, value]) {
    if (kind === 'enter') this.counts.exports += 1;
    if (kind === 'call') this.counts.calls += 1;
    if (kind === 'step') this.counts.steps += 1;
    if (kind === 'return') this.counts.headerBytes += value.answer.bytes?.length ?? 0;
    if (kind === 'names') this.names.push(...value.names);
  }

  words([kind, value]) {
    const name = (index) => this.names[index] ?? `#${index}`;
    if (kind === 'step') {
      const [[happening, of]] = Object.entries(value.what);
      const [first, second] = Array.isArray(of) ? of : [of];
      const rest = happening === 'transition' ? ` to ${name(second)}` : second === undefined ? '' : ` (${second})`;
      return `the ${happening} ${name(first)}${rest} of ${name(value.machine)}${value.instance === undefined ? '' : ` ${value.instance}`}`;
    }
    const text = stringify(kind === 'return' ? value.answer : value);
    return `the ${kind} ${text.length > 240 ? `${text.slice(0, 240)}…` : text}`;
  }

  /** The recorded answer to the call that was compared just now. */
  perform() {
    const answer = this.over ? undefined : this.records[this.next].return?.answer;
    if (answer === undefined) throw new Ended(typed('request', 'cancelled', 'the replay has ended'));
    return answer;
  }

  dropTarget() {}
}

const what = (record) => Object.entries(record).find(([key]) => key !== 'seq' && key !== 'at');

/**
 * Runs the component against a recording. No file is opened: every answer comes from the recording.
 *
 * @param {object} [options]
 * @param {(records: object[]) => void} [options.observe] told what the component does now
 * @param {() => void} [options.goesOn] asked before each export; what it throws ends the replay
 */
export function replay(component, recording, { observe = () => {}, goesOn = () => {} } = {}) {
  const { header } = recording;
  if (header.component !== component.id) {
    throw new ReplayError(
      `the recording is of another component: it was made by weighbridge ${escape(header.weighbridge, 40)} with component ` +
        `${escape(header.component, 12)}, and this is component ${component.id.slice(0, 12)}; replay it with that version`,
    );
  }
  if (header.lost > 0) {
    throw new ReplayError(`the recording begins after its beginning: ${header.lost} records had been dropped when it was saved, and a replay needs them all`);
  }
  const began = performance.now();
  const player = new Player(recording);
  const log = new Log({
    keep: 0,
    observe: (records) => {
      player.observe(records);
      observe(records);
    },
  });
  const guest = new Guest({ component, backend: player, log, control: { begin() {}, check() {} }, namesInTrace: true });
  const sources = { next: 0 };
  while (!player.over) {
    goesOn();
    const at = player.next;
    const record = player.records[at];
    if (record.enter === undefined) player.differs(record, 'nothing, as no export is called');
    else perform(guest, record, sources);
    if (!player.over && player.next === at) player.differs(record, 'nothing, as the component has ended');
  }
  if (player.difference) throw player.difference;
  return { compared: player.next, ...player.counts, ms: performance.now() - began };
}

/** Calls the export that a record says was called. What it answers was told to the log. */
function perform(guest, { seq, enter }, sources) {
  const [name, asked] = typeof enter === 'string' ? [enter, {}] : Object.entries(enter)[0];
  const number = (names) => names.map((file) => ({ name: file, number: sources.next++ }));
  const exports = {
    open: () => guest.open(number(asked.sources), asked.options),
    missing: () => guest.missing(),
    provide: () => guest.provide(number(asked.sources)),
    summary: () => guest.summary(),
    tensors: () => guest.tensors(asked.start, asked.count),
    metadata: () => guest.metadata(asked.start, asked.count, asked.head),
    load: () => guest.load(asked.selection, asked.options),
    release: () => guest.release(asked.selection),
    evict: () => guest.evict(asked.selection),
    advise: () => guest.advise(asked.tensor, asked.advice),
    observe: () => guest.observe(asked.level),
    close: () => guest.close(),
  };
  if (!Object.hasOwn(exports, name)) throw new ReplayError(`the recording calls an export ${escape(name)}, which this version does not know`);
  try {
    exports[name]();
  } catch (error) {
    // What the guest answered was told to the log. What is no answer of a guest was never recorded of one.
    if (error.error) return;
    throw error instanceof Sentence ? error : new ReplayError(`record ${seq} calls the export ${name} with what it does not take: ${escape(error.message)}`);
  }
}
