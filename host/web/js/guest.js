/**
 * The component between its glue and the core: the classes of its handles, over the core's imports, and its exports by name. Handles carry
 * the core's own numbers: of a source its place in the table, of a mapping or a target its id.
 */
const drop = Symbol.dispose ?? Symbol.for('dispose');

const numbers = (handles) => Uint32Array.from(handles, ({ number }) => number);

/** The classes of `storage`. A handle that is dropped after its session is no news to anybody. */
function storage(core, guest) {
  class Handle {
    constructor(number) {
      this.number = number;
    }
    [drop]() {
      if (!guest.isOver) this.dropped();
    }
  }
  class Source extends Handle {
    stat = () => core.stat(this.number);
    read = (offset, len) => core.read(this.number, offset, len);
    mapRange = (offset, len) => new Mapping(core.mapRange(this.number, offset, len));
    dropped = () => core.dropSource();
  }
  /** What has an id: to be asked for it is a call, which has no answer. */
  class Named extends Handle {
    id = () => core.lookUp() ?? BigInt(this.number);
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
    readInto: (sources, targets) => core.readInto(numbers(sources), numbers(targets), guest.spans),
  };
}

/** One instance of a component. Its glue makes objects of whatever the component says is there, so what it looks at for that is counted. */
class Guest {
  #loader;
  #session;
  /** Bytes in this export so far. */
  carried = 0;
  constructor(component, core) {
    const handles = storage(core, this);
    const most = core.mostCarried;
    const carry = (what, bytes = what.byteLength) => {
      this.carried += bytes;
      if (this.carried > most) throw core.carriedTooMuch();
      return what;
    };
    const decoder = new TextDecoder();
    // Entries of the observer are 6 words, spans 5, as the component has them in its memory.
    const words = (Words, each, at, count) => carry(new Words(this.exports.memory.buffer, at >>> 0, each * (count >>> 0)));
    // Long lists go past the glue: those that the component gives here, those that it is asked for by `exports`, with `rep` for the session.
    const past = {
      __proto__: null,
      emit: () => (at, count) => core.emit(words(Uint32Array, 6, at, count)),
      'read-into': (read) => (from, sources, to, targets, at, count, answer) => {
        this.spans = words(BigUint64Array, 5, at, count);
        read(from, sources, to, targets, 0, 0, answer);
      },
      '[resource-new]session': (make) => (rep) => core.madeHandle() ?? make((this.rep = rep)),
    };
    const changed = ([name, given]) => [name, past[name]?.(given) ?? given];
    const instantiate = (module, imports = {}) => {
      const given = Object.entries(imports).map(([from, named]) => [from, Object.fromEntries(Object.entries(named).map(changed))]);
      const { exports } = new WebAssembly.Instance(module, Object.fromEntries(given));
      if (!exports.memory) return { exports };
      this.exports = exports;
      return { exports: { ...exports, memory: { get buffer() { return carry(exports.memory.buffer, 4); } } } };
    };
    Object.assign(this, { core, Source: handles.Source });
    const imports = {
      utf8Decoder: { decode: (bytes) => decoder.decode(carry(bytes)) },
      'weighbridge:loader/storage': handles,
      'weighbridge:loader/observer': { addNames: (names) => core.addNames(names) },
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

  /** Nothing is asked of it any more, and nothing of the core by it. */
  end() {
    this.isOver = true;
    this.core.free();
  }
}

/** How the core starts a component. */
export const start = (component) => ({ component, guest: (core) => new Guest(component, core) });
