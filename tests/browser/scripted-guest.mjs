/** A component that is the test itself: the handles and the imports that the host gave it, to be used as a guest may that lies. */

const METHOD = 'weighbridge:loader/loader@0.1.0#[method]session.';
const LISTS = ['tensors', 'states', 'buffers'];

/** A core module of the memory that long lists lie in: what it exports it imports, but for the memory. */
function core() {
  const number = (value) => (value < 128 ? [value] : [(value & 127) | 128, ...number(value >> 7)]);
  const list = (items) => [...number(items.length), ...items.flat()];
  const text = (value) => list([...new TextEncoder().encode(value)]);
  const section = (id, items) => [id, ...list([list(items)].flat())];
  const [I32, FUNCTION, MEMORY] = [0x7f, 0, 2];
  const type = (takes, answers) => [0x60, ...list(Array(takes).fill([I32])), ...list(Array(answers).fill([I32]))];
  const types = [type(3, 1), type(2, 0), type(7, 0)];
  const imports = [...LISTS.map((name) => [name, 0]), ['emit', 1], ['read-into', 2]].map(([name, of]) => [...text('guest'), ...text(name), FUNCTION, of]);
  const exports = [...LISTS.map((name) => METHOD + name), 'emit', 'read-into'].map((name, at) => [...text(name), FUNCTION, at]);
  const sections = [section(1, types), section(2, imports), section(5, [[0, 32]]), section(7, [...exports, [...text('memory'), MEMORY, 0]])];
  return new WebAssembly.Module(Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections.flat()]));
}

/** Lists as a component leaves them in its memory, by the canonical ABI. */
class Lists {
  constructor(memory) {
    this.view = new DataView(memory.buffer);
  }
  /** Texts and shapes lie behind the records. */
  #beside(at, bytes, each) {
    new Uint8Array(this.view.buffer).set(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), this.behind);
    this.view.setUint32(at, this.behind, true);
    this.view.setUint32(at + 4, bytes.byteLength / each, true);
    this.behind += (bytes.byteLength + 7) & ~7;
  }
  tensors(at, { name, dtype, shape, source, offset, bytes }) {
    this.#beside(at, new TextEncoder().encode(name), 1);
    this.#beside(at + 8, new TextEncoder().encode(dtype), 1);
    this.#beside(at + 16, shape, 8);
    this.view.setUint32(at + 24, source, true);
    this.view.setBigUint64(at + 32, offset, true);
    this.view.setBigUint64(at + 40, bytes, true);
    return 48;
  }
  states(at, { lifecycle, location }) {
    this.view.setUint8(at, ['unbound', 'loading', 'resident', 'mmap-resident', 'evicted'].indexOf(lifecycle));
    if (location) {
      const { place, offset, bytes } = location;
      this.view.setUint8(at + 16, 1);
      this.view.setUint8(at + 24, ['mapping', 'target'].indexOf(place.tag));
      [place.val, offset, bytes].forEach((value, word) => this.view.setBigUint64(at + 32 + 8 * word, value, true));
    }
    return 56;
  }
  buffers() {
    throw new Error('no script has buffers');
  }
  /** Writes a list and answers where it is. */
  write(kind, values) {
    const [answer, records] = [64, 4096];
    new Uint8Array(this.view.buffer).fill(0);
    this.behind = 1 << 20;
    let at = records;
    for (const value of values) at += this[kind](at, value);
    this.view.setUint32(answer, records, true);
    this.view.setUint32(answer + 4, values.length, true);
    return answer;
  }
}

/** @param {object} host the package `weighbridge` * @param {object} options of a session; `exports` are what the guest answers */
export function scripted(host, { exports = {}, ...options }) {
  let imports;
  let granted;
  let own;
  let handles;
  const summary = () => ({ format: 'test', version: 0, sources: 1, tensors: exports.tensors?.().length ?? 0, metadataEntries: 0, tensorBytes: 0n, alignment: 1n });
  const session = { missing: () => [], summary, evict: () => 0, ...exports };
  const open = (files) => {
    granted = files.map(({ source }) => source);
    return session;
  };
  let storage;
  const instantiate = (_, given, instantiateCore) => {
    imports = given;
    storage = given['weighbridge:loader/storage'];
    // A script says the same of every page.
    const listed = (kind) => () => new Lists(own.memory).write(kind, exports[kind]?.() ?? []);
    const guest = Object.fromEntries(LISTS.map((kind) => [kind, listed(kind)]));
    own = instantiateCore(core(), { guest: { ...guest, emit() {}, 'read-into': () => storage.readInto(...handles) } }).exports;
    return { loader: { describe: () => [], Session: { open } } };
  };
  /** A batch, whose spans lie in its memory. */
  const readInto = (sources, targets, batch) => {
    handles = [sources, targets];
    const words = batch.flatMap(({ source, offset, len, target, targetOffset }) => [BigInt(source), offset, len, BigInt(target), targetOffset]);
    new BigUint64Array(own.memory.buffer).set(words);
    own['read-into'](0, 0, 0, 0, 0, batch.length, 0);
  };
  const opened = host.Session.open({ component: { id: '', modules: new Map(), tables: '[]', instantiate }, ...options });
  /** Entries in its memory, as words: machine, whether it has an instance, which, what happened, and two numbers of it. */
  const emit = (entries) => {
    new Uint32Array(own.memory.buffer).set(entries.flat());
    own.emit(0, entries.length);
  };
  return { session: opened, files: granted, storage: { ...storage, readInto }, observer: { ...imports['weighbridge:loader/observer'], emit } };
}

const spelled = ({ tag, val }) => (val === undefined ? tag : { [tag]: val });

/** What the host answers: its value, or the contract's refusal. */
export function answer(work) {
  try {
    return work();
  } catch (error) {
    if (!Object.hasOwn(error, 'payload')) throw error;
    const { payload } = error;
    return payload.error ? { span: payload.span, error: spelled(payload.error) } : { failed: spelled(payload) };
  }
}

/** A tensor of bytes, and a state that says where they lie. */
export const tensor = (name, offset, bytes) => ({ name, dtype: 'U8', shape: BigUint64Array.of(BigInt(bytes)), source: 0, offset: BigInt(offset), bytes: BigInt(bytes) });
export const lies = (id, offset, bytes, kind = 'target') => ({ lifecycle: 'resident', location: { place: { tag: kind, val: BigInt(id) }, offset: BigInt(offset), bytes: BigInt(bytes) } });
