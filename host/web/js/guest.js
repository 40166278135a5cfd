/**
 * The component between its glue and the core: the classes of its handles, over the core's imports, and its exports by name. Handles carry
 * the core's own numbers: of a source its place in the table, of a mapping or a target its id.
 */
const drop = Symbol.dispose ?? Symbol.for('dispose');

/** What happened, as the core numbers it, and the words of an entry. */
const KINDS = { event: 0, guard: 1, action: 2, transition: 3, command: 4, answer: 5, outcome: 6 };
const WORDS = 6;

/** Entries of the observer, packed: machine, whether it has an instance, which, what happened, and two numbers of it. */
function packed(entries) {
  const words = new Uint32Array(WORDS * entries.length);
  let at = 0;
  for (const { machine, instance, what } of entries) {
    const isPair = typeof what.val === 'object';
    words[at] = machine;
    words[at + 1] = instance === undefined ? 0 : 1;
    words[at + 2] = instance ?? 0;
    words[at + 3] = KINDS[what.tag];
    words[at + 4] = isPair ? what.val[0] : what.val;
    words[at + 5] = isPair ? Number(what.val[1]) : 0;
    at += WORDS;
  }
  return words;
}

const numbers = (handles) => Uint32Array.from(handles, ({ number }) => number);
const spans = (batch) =>
  BigUint64Array.from(batch.flatMap(({ source, offset, len, target, targetOffset }) => [BigInt(source), offset, len, BigInt(target), targetOffset]));

/** The classes of `storage`. A handle that is dropped after its session is no news to anybody. */
function storage(core, isOver) {
  class Handle {
    constructor(number) {
      this.number = number;
    }
    [drop]() {
      if (!isOver()) this.dropped();
    }
  }
  class Source extends Handle {
    stat = () => core.stat(this.number);
    read = (offset, len) => core.read(this.number, offset, len);
    mapRange = (offset, len) => new Mapping(core.mapRange(this.number, offset, len));
    dropped = () => core.dropSource();
  }
  /** What has an id: to be asked for it is a call. */
  class Named extends Handle {
    id() {
      core.lookUp();
      return BigInt(this.number);
    }
  }
  class Mapping extends Named {
    advise = (offset, len, advice) => core.advise(this.number, offset, len, advice);
    unmap = () => core.unmap(this.number);
    dropped = () => core.dropMapping(this.number);
  }
  class Target extends Named {
    len = () => core.targetLen(this.number);
    free = () => core.freeTarget(this.number);
    dropped = () => core.dropTarget(this.number);
  }
  return {
    Source,
    Mapping,
    Target,
    getCapabilities: () => core.getCapabilities(),
    allocate: (len) => new Target(core.allocate(len)),
    registered: (tensors) => core.registered(tensors).map((number) => (number === undefined ? undefined : new Target(number))),
    readInto: (sources, targets, batch) => core.readInto(numbers(sources), numbers(targets), spans(batch)),
  };
}

/** One instance of a component. */
class Guest {
  #loader;
  #session;
  #memory;
  #isOver = false;
  constructor(component, core) {
    this.core = core;
    const handles = storage(core, () => this.#isOver);
    this.Source = handles.Source;
    const observer = { addNames: (names) => core.addNames(names), emit: (entries) => core.emit(packed(entries)) };
    const imports = { 'weighbridge:loader/storage': handles, 'weighbridge:loader/observer': observer };
    const instantiate = (module, given) => {
      const instance = new WebAssembly.Instance(module, given);
      this.#memory ??= instance.exports.memory;
      return instance;
    };
    this.#loader = component.instantiate((name) => component.modules.get(name), imports, instantiate).loader;
  }

  /** Calls an export. What the guest answers as an error is thrown as `{payload}`. */
  call(name, [first, ...rest]) {
    const granted = (files) => files.map(({ name: file, number }) => ({ name: file, source: new this.Source(number) }));
    if (name === 'describe' || name === 'formats') return this.#loader[name]();
    if (name === 'provide') return this.#session.provide(granted(first));
    if (name !== 'open') return this.#session[name](...(first === undefined ? [] : [first, ...rest]));
    this.#session = this.#loader.Session.open(granted(first), ...rest);
    return undefined;
  }

  /** Bytes of its memory. */
  memory() {
    return this.#memory?.buffer.byteLength ?? 0;
  }

  /** Nothing is asked of it any more, and nothing of the core by it. */
  end() {
    this.#isOver = true;
    this.core.free();
  }
}

/** How the core starts a component. */
export class Start {
  constructor(component) {
    this.component = component;
  }
  guest(core) {
    return new Guest(this.component, core);
  }
}
