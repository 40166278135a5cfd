/** A session for `tests/src/node.rs`: questions and answers in JSON lines. */
import { writeFileSync } from 'node:fs';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { LoadError, Session, component, stringify } from '../../examples/node/host.mjs';
import { FileSource } from '../../examples/node/source.mjs';
import { StorageFault } from '../../gui/web/host/fault.js';
import { nameOf } from '../../gui/web/host/guest.js';
import { Storage } from '../../gui/web/host/storage.js';
import { parse } from '../../gui/web/host/values.js';

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

const loader = await component();
const faults = new Faults();
const views = [];
let session;

const answers = {
  open({ open, folder, guest, offers, registered, faults: armed }) {
    faults.armed = armed;
    const find = (name) => (existsSync(join(folder, name)) ? new FileSource(join(folder, name)) : undefined);
    const storage = (options) => {
      const made = new Mapping(options);
      for (const [name, len] of registered) made.register(name, new Uint8Array(len));
      return made;
    };
    session = Session.open({ component: loader, sources: open.map(find), find, guest, offers, storage, interpose: (call) => faults.before(call) });
    return null;
  },
  tensors: () => session.tensors(),
  load: ({ load, options }) => session.load(load, options),
  release: ({ release }) => session.guest.release(release),
  evict: ({ evict }) => session.guest.evict(evict),
  advise: ({ advise, advice }) => session.guest.advise(advise, advice),
  states: () => session.states(),
  slots: () => session.guest.slots(),
  machines: () => session.guest.machines(),
  close: () => session.close() ?? null,
  bytes({ bytes, into }) {
    writeFileSync(into, session.view(bytes).bytes);
    return null;
  },
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

function answer(line) {
  const question = parse(line);
  const [name, asked] = typeof question === 'string' ? [question, {}] : [Object.keys(question).find((key) => answers[key] && key in question), question];
  try {
    return { ok: answers[name](asked) };
  } catch (error) {
    return error instanceof LoadError ? { failed: error.error } : { trouble: String(error.stack) };
  }
}

// An `options` or a `folder` beside it must not be taken for the question.
for await (const line of createInterface({ input: process.stdin })) process.stdout.write(`${stringify(answer(line))}\n`);
