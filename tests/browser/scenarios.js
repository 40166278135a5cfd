/**
 * A session for the scenarios of `tests/src`, in Node and in a worker of a page: questions and answers are JSON. Whoever makes it says what
 * the files are.
 */
import { LoadError, StorageFault } from '../../gui/web/host/fault.js';
import { nameOf } from '../../gui/web/host/guest.js';
import { Session } from '../../gui/web/host/session.js';
import { Storage } from '../../gui/web/host/storage.js';

/**
 * Storage with mappings, which no page and no Node has: what is mapped is read at once. With it the tables about mapping run through the
 * same glue as all others.
 */
class Mapping extends Storage {
  mappings = new Map();

  perform(call) {
    const [name, asked] = typeof call === 'string' ? [call] : Object.entries(call)[0];
    try {
      if (name === 'map-range' && this.offers.mmap) return { mapping: this.#map(asked) };
      if (name === 'advise' && this.offers.mmap) return this.#advise(asked);
      if (name === 'unmap') return this.#unmap(asked.mapping);
    } catch (fault) {
      if (!(fault instanceof StorageFault)) throw fault;
      return { failed: fault.why };
    }
    return super.perform(call);
  }

  #map({ source: number, offset, len }) {
    const source = this.sources[number];
    const aligned = BigInt(offset) % BigInt(this.offers['map-granularity']) === 0n;
    if (!source || len === 0n || !aligned || offset + len > BigInt(source.size)) throw new StorageFault('out-of-bounds');
    source.check();
    const id = this.next++;
    this.mappings.set(id, { bytes: source.read(Number(offset), Number(len)), source, offset: Number(offset), views: 0 });
    return id;
  }

  #advise({ mapping: id, offset, len }) {
    const mapping = this.mappings.get(id);
    if (!mapping || offset + len > BigInt(mapping.bytes.length)) throw new StorageFault('out-of-bounds');
    return { effect: this.offers.advise ? 'ignored' : 'unsupported' };
  }

  #unmap(id) {
    const mapping = this.mappings.get(id);
    if (!mapping) throw new StorageFault('out-of-bounds');
    if (mapping.views > 0) throw new StorageFault('busy');
    this.mappings.delete(id);
    return 'done';
  }

  view(location) {
    const mapping = this.mappings.get(Number(location.place.mapping));
    if (!mapping) return super.view(location);
    const offset = Number(location.offset);
    return { bytes: mapping.bytes.subarray(offset, offset + Number(location.bytes)), buffer: mapping };
  }
}

/** Faults in the host's place, as `tests/src/faults.rs` counts them. */
class Faults {
  armed = [];
  calls = [];
  struck = 0;

  before(call) {
    const name = nameOf(call);
    if (name === 'get-capabilities') return undefined;
    this.calls.push(name);
    let found;
    this.armed = this.armed.filter((fault) => {
      if (fault.kind !== null && fault.kind !== name) return true;
      if (fault.at > 1) {
        fault.at -= 1;
        return true;
      }
      found = fault.instead;
      fault.times -= 1;
      return fault.times > 0;
    });
    if (!found) return undefined;
    this.struck += 1;
    if (found.short !== undefined) return { bytes: new Uint8Array(found.short).fill(71) };
    return name === 'read-into' ? { 'batch-failed': { span: found.span, error: found.error } } : { failed: found.error };
  }
}

/**
 * Answers questions about sessions, one session after the other.
 *
 * @param {object} options
 * @param {object} options.component
 * @param {(name: string) => object | undefined} options.find the source of a file
 */
export function answerer({ component, find }) {
  let faults;
  let session;
  let views;
  const answers = {
    open({ open, guest, offers, registered, faults: armed }) {
      faults = new Faults();
      faults.armed = armed;
      views = [];
      session = undefined;
      const storage = (options) => {
        const made = new Mapping(options);
        for (const [name, len] of registered) made.register(name, new Uint8Array(len));
        return made;
      };
      session = Session.open({ component, sources: open.map(find), find, guest, offers, storage, interpose: (call) => faults.before(call) });
      return null;
    },
    tensors: () => session.tensors(),
    async load({ load, options }) {
      try {
        return session.load(load, options);
      } finally {
        await session.storage.settled();
      }
    },
    release: ({ release }) => session.guest.release(release),
    evict: ({ evict }) => session.guest.evict(evict),
    advise: ({ advise, advice }) => session.guest.advise(advise, advice),
    states: () => session.states(),
    slots: () => session.guest.slots(),
    buffers: () => session.guest.buffers(0, 4096),
    machines: () => session.guest.machines(),
    close: () => session.close() ?? null,
    bytes: ({ bytes }) => session.view(bytes).bytes,
    view({ view }) {
      const { buffer } = session.view(view);
      if (buffer) buffer.views += 1;
      views.push(buffer);
      return null;
    },
    unview() {
      for (const buffer of views.splice(0)) if (buffer) buffer.views -= 1;
      return null;
    },
    arm({ arm }) {
      faults.armed.push(arm);
      return null;
    },
    disarm() {
      faults.armed = [];
      return null;
    },
    calls: ({ calls }) => faults.calls.filter((name) => calls === null || name === calls).length,
    struck: () => faults.struck,
    held: () => [session.storage.mappings.size, session.storage.usage.buffers],
  };
  return async (question) => {
    // What stands beside the question (`options`, `folder`) is none.
    const name = typeof question === 'string' ? question : Object.keys(question).find((key) => Object.hasOwn(answers, key));
    try {
      return { ok: await answers[name](question) };
    } catch (error) {
      return error instanceof LoadError ? { failed: error.error } : { trouble: String(error.stack) };
    }
  };
}
