/**
 * One running component: its imports over a backend and a log, its exports between their two records, and what becomes of it
 * when it does not behave.
 */
import { Ended, LoadError, StorageFault, limit, typed } from './fault.js';
import { nanos } from './log.js';
import { TraceNames } from './names.js';
import { capabilities, guestOptions, guestOptionsJson, loadOptions, loadOptionsJson, selection, sourceStat, storageError, toJson } from './values.js';

/** Handles that the guest may have at once, and calls that one export may make. */
const HANDLES = 1 << 20;
const HOST_CALLS = 1 << 24;

/** Calls that can be cancelled. What gives something back is always done, so that a cancelled load leaves nothing behind. */
const WORK = new Set(['stat', 'read', 'map-range', 'allocate', 'registered', 'read-into']);

const drop = Symbol.dispose ?? Symbol.for('dispose');

export class Guest {
  /**
   * @param {object} options
   * @param {{instantiate: Function, modules: Map<string, WebAssembly.Module>}} options.component
   * @param {{perform(call): any, dropTarget(id): void}} options.backend
   * @param {import('./log.js').Log} options.log
   * @param {{begin(): void, check(): void}} options.control
   * @param {(call, perform: (deed) => any) => any} [options.interpose] an answer in the host's place: injected faults
   * @param {boolean} [options.namesInTrace]
   */
  constructor({ component, backend, log, control, interpose, namesInTrace = false }) {
    Object.assign(this, { backend, log, control, interpose, names: new TraceNames(namesInTrace) });
    this.stats = { handles: 0, crossingsIn: 0, crossingsOut: 0, bytesToGuest: 0, bytesMoved: 0 };
    this.timings = {};
    this.hostCalls = 0;
    this.session = null;
    this.dead = null;
    const began = performance.now();
    let memory;
    const instantiateCore = (module, imports) => {
      const instance = new WebAssembly.Instance(module, imports);
      memory ??= instance.exports.memory;
      return instance;
    };
    const found = (name) => component.modules.get(name);
    const imports = { 'weighbridge:loader/storage': this.#storage(), 'weighbridge:loader/observer': this.#observer() };
    this.loader = component.instantiate(found, imports, instantiateCore).loader;
    this.memory = () => memory?.buffer.byteLength ?? 0;
    this.timings.instantiate = performance.now() - began;
    log.host('instantiate', this.timings.instantiate);
  }

  /** Handles carry the host's own numbers: of a source its place in the table, of a target its id. */
  #storage() {
    const guest = this;
    const dropped = () => {
      guest.stats.crossingsOut += 1;
      guest.stats.handles -= 1;
    };
    class Source {
      constructor(number) {
        this.number = number;
      }
      stat() {
        return sourceStat(guest.#expect({ stat: { source: this.number } }, 'stat'));
      }
      read(offset, len) {
        return guest.#expect({ read: { source: this.number, offset, len } }, 'bytes');
      }
      mapRange(offset, len) {
        return new Mapping(guest.#expect({ 'map-range': { source: this.number, offset, len } }, 'mapping'));
      }
      [drop]() {
        dropped();
      }
    }
    class Mapping {
      constructor(id) {
        this.number = Number(id);
        guest.stats.handles += 1;
      }
      id() {
        guest.#crossed();
        return BigInt(this.number);
      }
      advise(offset, len, advice) {
        return guest.#expect({ advise: { mapping: this.number, offset, len, advice } }, 'effect');
      }
      unmap() {
        guest.#expect({ unmap: { mapping: this.number } }, 'done');
      }
      [drop]() {
        dropped();
      }
    }
    class Target {
      constructor(id, len) {
        this.number = Number(id);
        this.bytes = BigInt(len);
        guest.stats.handles += 1;
      }
      id() {
        guest.#crossed();
        return BigInt(this.number);
      }
      len() {
        guest.#crossed();
        return this.bytes;
      }
      free() {
        guest.#expect({ free: { target: this.number } }, 'done');
      }
      [drop]() {
        dropped();
        guest.backend.dropTarget(this.number);
      }
    }
    this.Source = Source;
    return {
      Source,
      Mapping,
      Target,
      getCapabilities: () => capabilities(this.#expect('get-capabilities', 'capabilities')),
      allocate: (len) => {
        const { id, len: bytes } = this.#expect({ allocate: { len } }, 'target');
        return new Target(id, bytes);
      },
      registered: (tensors) => {
        const targets = this.#expect({ registered: { tensors } }, 'targets');
        if (targets.length !== tensors.length) throw misfit('registered');
        return targets.map((found) => (found ? new Target(...found) : undefined));
      },
      readInto: (sources, targets, batch) => {
        const number = ({ number }) => number;
        const call = { sources: sources.map(number), targets: targets.map(number), batch: toJson(batch) };
        this.#expect({ 'read-into': call }, 'done');
      },
    };
  }

  #observer() {
    return {
      addNames: (names) => this.#told(() => this.log.addNames(names)),
      emit: (entries) => this.#told(() => this.log.emit(entries)),
    };
  }

  /** The guest told its observer something. What it may not tell ends the session: there is no answer to give. */
  #told(tell) {
    this.#crossed();
    this.#guarded(tell);
  }

  /** Clamp: only so many calls of one export. */
  #crossed() {
    this.stats.crossingsOut += 1;
    this.hostCalls += 1;
    if (this.hostCalls > HOST_CALLS) {
      this.#end(limit(`the component called the host more than ${HOST_CALLS} times in one request; the session has ended`));
    }
  }

  /** What the host throws while the guest is below it on the stack is remembered: the glue must not make an answer of it. */
  #guarded(work) {
    try {
      return work();
    } catch (error) {
      return this.#end(error);
    }
  }

  #end(error) {
    this.ended ??= error;
    throw error;
  }

  /** The one way of the guest to the storage. Takes the good kind of answer out, or throws the contract's error. */
  #expect(call, good) {
    this.#crossed();
    const answer = this.#guarded(() => this.#perform(call));
    if (answer === good) return undefined;
    if (Object.hasOwn(answer, good)) return answer[good];
    if (answer.failed !== undefined) throw payload(storageError(answer.failed));
    const batch = answer['batch-failed'];
    if (batch !== undefined && call['read-into']) throw payload({ span: batch.span, error: storageError(batch.error) });
    return this.#end(misfit(nameOf(call)));
  }

  #perform(call) {
    this.log.record({ call });
    const began = performance.now();
    const answer = this.#answer(call);
    const took = performance.now() - began;
    const name = nameOf(call);
    this.timings[name] = (this.timings[name] ?? 0) + took;
    if (answer.bytes) this.stats.bytesToGuest += answer.bytes.length;
    if (answer === 'done' && call['read-into']) {
      for (const span of call['read-into'].batch) this.stats.bytesMoved += Number(span.len);
    }
    this.log.record({ return: { answer, ns: nanos(took) } });
    return answer;
  }

  #answer(call) {
    const name = nameOf(call);
    const fit = (why) => (name === 'read-into' ? { 'batch-failed': { span: 0, error: why } } : { failed: why });
    const injected = this.interpose?.(call, (deed) => this.backend.perform(deed));
    if (injected !== undefined) return injected.failed === undefined ? injected : fit(injected.failed);
    if (WORK.has(name)) {
      try {
        this.control.check();
      } catch (fault) {
        if (fault instanceof StorageFault) return fit(fault.why);
        throw fault;
      }
    }
    const more = name === 'registered' ? call.registered.tensors.length : 1;
    if (['map-range', 'allocate', 'registered'].includes(name) && this.stats.handles + more > HANDLES) return fit('exhausted');
    return this.backend.perform(call);
  }

  /** Calls one export. A guest that trapped is not called again. */
  call(phase, work) {
    if (this.dead) throw this.dead;
    this.stats.crossingsIn += 1;
    this.hostCalls = 0;
    this.control.begin();
    try {
      const value = work();
      // The guest may not answer as if nothing had happened.
      if (this.ended) throw this.ended;
      return value;
    } catch (error) {
      const ended = this.ended ?? error;
      if (!this.ended && Object.hasOwn(Object(error), 'payload')) throw new LoadError(toJson(error.payload));
      this.dead = ended instanceof LoadError ? ended : new Ended(typed(phase, 'internal', trapped(ended)));
      throw this.dead;
    }
  }

  /** Calls an export between its two records. `shown` makes the JSON of its value. */
  traced(phase, enter, work, shown = () => null) {
    if (this.dead) throw this.dead;
    this.log.record({ enter });
    try {
      const value = this.call(phase, work);
      this.log.record({ leave: { ok: shown(value) } });
      return value;
    } catch (error) {
      const outcome = this.dead ? { trapped: error.message } : { failed: this.names.error(error.error) };
      this.log.record({ leave: outcome });
      throw error;
    }
  }

  #open() {
    if (this.session) return this.session;
    throw this.dead ?? new LoadError(typed('request', 'invalid-request', 'no model is open in this session; open one first'));
  }

  #grant(sources) {
    this.stats.handles += sources.length;
    return sources.map(({ name, number }) => ({ name, source: new this.Source(number) }));
  }

  formats() {
    return toJson(this.call('request', () => this.loader.formats()));
  }

  describe() {
    return toJson(this.call('request', () => this.loader.describe()));
  }

  /** @param {{name: string, number: number}[]} sources */
  open(sources, options) {
    const enter = { open: { sources: this.names.opened(sources.map(({ name }) => name)), options: guestOptionsJson(options) } };
    this.traced('parse', enter, () => {
      this.session = this.loader.Session.open(this.#grant(sources), guestOptions(options));
    });
  }

  missing() {
    const session = this.#open();
    return this.traced('parse', 'missing', () => session.missing(), (names) => names.map((name) => this.names.asked(name)));
  }

  provide(sources) {
    const session = this.#open();
    const enter = { provide: { sources: sources.map(({ name }) => this.names.asked(name)) } };
    this.traced('parse', enter, () => session.provide(this.#grant(sources)));
  }

  summary() {
    const session = this.#open();
    return toJson(this.traced('request', 'summary', () => session.summary(), toJson));
  }

  tensors(start, count) {
    const session = this.#open();
    const list = this.traced('request', { tensors: { start, count } }, () => session.tensors(start, count), (all) => all.length);
    return toJson(list);
  }

  metadata(start, count, head) {
    const session = this.#open();
    const enter = { metadata: { start, count, head } };
    return toJson(this.traced('parse', enter, () => session.metadata(start, count, head), (all) => all.length));
  }

  findings() {
    return toJson(this.#open().findings());
  }

  load(which, options) {
    const session = this.#open();
    const enter = { load: { selection: which, options: loadOptionsJson(options) } };
    const began = performance.now();
    try {
      return toJson(this.traced('transfer', enter, () => session.load(selection(which), loadOptions(options)), toJson));
    } finally {
      this.timings.load = performance.now() - began;
    }
  }

  release(which) {
    const session = this.#open();
    return this.traced('release', { release: { selection: which } }, () => session.release(selection(which)), toJson);
  }

  evict(which) {
    const session = this.#open();
    return this.traced('evict', { evict: { selection: which } }, () => session.evict(selection(which)), toJson);
  }

  advise(tensor, advice) {
    const session = this.#open();
    return this.traced('advise', { advise: { tensor, advice } }, () => session.advise(tensor, advice), toJson);
  }

  observe(level) {
    const session = this.#open();
    this.traced('request', { observe: { level } }, () => session.observe(level));
  }

  close() {
    const session = this.#open();
    this.traced('close', 'close', () => session.close());
  }

  find(name) {
    const session = this.#open();
    return this.call('request', () => session.find(name));
  }

  states(start, count) {
    const session = this.#open();
    return toJson(this.call('request', () => session.states(start, count)));
  }

  slots() {
    const session = this.#open();
    return toJson(this.call('request', () => session.slots()));
  }

  buffers(start, count) {
    const session = this.#open();
    return toJson(this.call('request', () => session.buffers(start, count)));
  }

  machines() {
    const session = this.#open();
    return toJson(this.call('request', () => session.machines()));
  }
}

/** The name of a call. */
export const nameOf = (call) => (typeof call === 'string' ? call : Object.keys(call)[0]);

/** A `result`'s error, as the glue wants it thrown. */
const payload = (value) => ({ payload: value });

const misfit = (call) =>
  new Ended(typed('transfer', 'internal', `the host's storage gave an answer to ${call} that it cannot have; please report it`));

function trapped(error) {
  if (error instanceof RangeError && /stack/i.test(error.message)) {
    return 'the component ran out of stack; the session has ended. Please report it';
  }
  return `the component trapped: ${error?.message ?? error}. This is a bug in the component; please report it with a recording`;
}
