/** One model: its files, its guest, its tensors' bytes. The same walk as the native host's `Session`. */
import { LoadError, StorageFault, escape, typed } from './fault.js';
import { Guest } from './guest.js';
import { Log } from './log.js';
import { OFFERS, Storage } from './storage.js';

const PAGE = 4096;
const METADATA_PAGE = 256;
/** How often a model may name further files. */
const ROUNDS = 4;
const MAX_FILES = 4096;
const STAGING = 4 << 20;

const wrong = (phase, cause, message, more) => new LoadError(typed(phase, cause, message, more));

/** What may stop the work: a question that is asked between pieces, and a deadline. */
export class Control {
  /** @param {() => boolean} [cancelled] */
  constructor(cancelled = () => false, deadlineMs = 0) {
    Object.assign(this, { cancelled, deadlineMs, until: Infinity });
  }

  /** A call into the guest begins. */
  begin() {
    this.until = this.deadlineMs > 0 ? performance.now() + this.deadlineMs : Infinity;
  }

  check() {
    if (this.cancelled()) throw new StorageFault('cancelled');
    if (performance.now() >= this.until) throw new StorageFault('deadline');
  }
}

export class Session {
  /**
   * Opens a model and reads its headers. On an error `session` of the error has what was recorded until then.
   *
   * @param {object} options
   * @param {object} options.component as {@link Guest}
   * @param {object[]} options.sources as {@link Storage}: the first names the model
   * @param {(name: string) => object | undefined} [options.find] a further file of the model by its plain name
   * @param {object} [options.guest] `session-options` as JSON
   * @param {object} [options.offers] `capabilities` as JSON
   * @param {number} [options.bufferBytes]
   * @param {Control} [options.control]
   * @param {Log} [options.log]
   * @param {(settings: object) => Storage} [options.storage] another table than {@link Storage}, for tests
   */
  static open(options) {
    const session = new Session(options);
    try {
      session.#open(options);
    } catch (error) {
      error.session = session;
      throw error;
    }
    return session;
  }

  constructor({ component, offers = OFFERS, bufferBytes, control = new Control(), log = new Log(), progress, interpose, namesInTrace, storage = (settings) => new Storage(settings) }) {
    this.log = log;
    this.control = control;
    this.storage = storage({ offers, bufferBytes, control, progress });
    this.guest = new Guest({ component, backend: this.storage, log, control, interpose, namesInTrace });
    this.files = [];
  }

  #open({ sources, find = () => undefined, guest: options = {} }) {
    if (sources.length === 0) throw wrong('request', 'invalid-request', 'no file was given; give the file of a model');
    this.guest.open(sources.map((source) => this.#grant(source)), options);
    this.#provideMissing(find);
    this.summary = this.guest.summary();
  }

  #grant(source) {
    if (this.files.length >= MAX_FILES) {
      throw wrong('request', 'limit-exceeded', `the model has more than the ${MAX_FILES} files that the host opens`);
    }
    if (this.files.some(({ name }) => name === source.name)) {
      throw wrong('request', 'invalid-request', `two of the files are called ${escape(source.name)}; give each file once`);
    }
    this.files.push({ name: source.name, size: source.size });
    return { name: source.name, number: this.storage.grant(source) };
  }

  /** Gives the guest the further files of the model, if the embedder has files of these names. */
  #provideMissing(find) {
    for (let round = 0; round < ROUNDS; round += 1) {
      const missing = this.guest.missing();
      if (missing.length === 0) return;
      const found = missing.map((name) => {
        if (this.files.some((file) => file.name === name)) {
          throw wrong('parse', 'internal', `the component asks again for ${escape(name)}, which it has`);
        }
        return isPlain(name) ? find(name) : undefined;
      });
      const absent = missing.filter((_, at) => !found[at]);
      if (absent.length > 0) {
        const some = absent.slice(0, 10).map((name) => escape(name)).join(', ') + (absent.length > 10 ? ` and ${absent.length - 10} more` : '');
        throw wrong('request', 'not-found', `the model has more files than were given: ${some} ${absent.length > 1 ? 'are' : 'is'} missing; give all its files together`);
      }
      this.guest.provide(found.map((source) => this.#grant(source)));
    }
    const [name] = this.guest.missing();
    if (name !== undefined) {
      throw wrong('parse', 'malformed', `the model names one more file after another, lastly ${escape(name)}; it is not followed`);
    }
  }

  #pages(total, page, ask) {
    const all = [];
    while (all.length < total) {
      const some = ask(all.length, Math.min(page, total - all.length));
      if (some.length === 0 || some.length > page) {
        throw wrong('request', 'internal', `the component says that there are ${total} entries and lists others; please report it`);
      }
      for (const one of some) all.push(one);
    }
    return all;
  }

  /** What the headers say of every tensor, in the order of the files. Asked of the guest once, then kept. */
  tensors() {
    this.listing ??= this.#pages(this.summary.tensors, PAGE, (start, count) => this.guest.tensors(start, count));
    return this.listing;
  }

  metadata(head) {
    return this.#pages(this.summary['metadata-entries'], METADATA_PAGE, (start, count) => this.guest.metadata(start, count, head));
  }

  /** What was noticed of the model that did not keep it from being opened. */
  findings() {
    return this.guest.findings();
  }

  states() {
    return this.#pages(this.summary.tensors, PAGE, (start, count) => this.guest.states(start, count));
  }

  load(selection, options) {
    return this.guest.load(selection, options);
  }

  /**
   * Hands the bytes of tensors to a consumer in chunks, each tensor's in order; no more than `staging` bytes are in memory at a
   * time. The tensors count as resident, without a view, until they are evicted.
   *
   * @param {(tensor: number, offset: number, bytes: Uint8Array) => void} take may throw a {@link StorageFault}
   */
  loadInto(selection, take, staging = STAGING) {
    const tensors = new Map(this.tensors().map(({ name, bytes }, index) => [name, { index, bytes: Number(bytes) }]));
    this.storage.sink = { chunk: staging, tensors, take };
    try {
      return this.load(selection, { policy: { only: 'external-buffer' }, 'staging-bytes': staging });
    } finally {
      this.storage.sink = null;
    }
  }

  /**
   * The bytes of a resident tensor. Clamp: the guest says where they lie; they are shown only if that is a buffer of this
   * session and of the tensor's length.
   *
   * @param {number} [most] bytes that are wanted, from the tensor's beginning
   */
  view(index, most) {
    const info = this.tensors()[index];
    if (!info) throw wrong('request', 'not-found', `there is no tensor ${index}; indices are those of \`tensors\``);
    const [state] = this.guest.states(index, 1);
    if (!state?.location) {
      if (['resident', 'mmap-resident'].includes(state?.lifecycle) && Number(info.bytes) === 0) return { bytes: new Uint8Array() };
      throw wrong('request', 'not-resident', `tensor ${escape(info.name)} is not resident; load it first`, { tensor: index });
    }
    const view = this.#viewed(state.location, most, index);
    if (view === null) {
      throw wrong('request', 'not-resident', `tensor ${escape(info.name)} went to a consumer; the host does not have its bytes`, { tensor: index });
    }
    if (!view || Number(state.location.bytes) !== Number(info.bytes)) {
      throw wrong(
        'request',
        'internal',
        'the component says that the tensor lies where the host has nothing of it; no byte was shown. Please report it',
        { tensor: index },
      );
    }
    return view;
  }

  #viewed(location, most, tensor) {
    try {
      return this.storage.view(location, most);
    } catch (error) {
      if (!(error instanceof StorageFault)) throw error;
      throw wrong('request', 'out-of-memory', 'there is no memory to show the tensor in one piece; release others first, or load it by read-copy', { tensor });
    }
  }

  /** Releases everything. What is busy is reported and stays, and close can be asked again. */
  close() {
    if (this.closed) return;
    this.guest.close();
    this.closed = true;
  }
}

/** Nothing but a plain name is looked for: one that can only mean a file in the folder it is looked for in. */
export const isPlain = (name) =>
  name !== '' && name !== '.' && name !== '..' && new TextEncoder().encode(name).length <= 255 && !/[/\\\0]/.test(name);
