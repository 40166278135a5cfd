/** One model: the core's session, its values as JavaScript has them. */
import { Session as Core } from '../dist/weighbridge_web.js';
import { tablesOf } from './component.js';
import { Start } from './guest.js';
import { Hooks } from './hooks.js';
import { parse, stringify } from './json.js';
import { Memory } from './memory.js';
import { Recording } from './recording.js';

const STAGING = 4 << 20;

/** The contract's strategies. */
export const STRATEGIES = ['mapped-file', 'read-copy', 'staged-read', 'external-buffer'];

const told = (observe) => (text) => observe(parse(text));
const asked = (interpose) => (text) => {
  const answer = interpose(parse(text));
  return answer === undefined ? undefined : stringify(answer);
};

export class Session {
  #core;
  #hooks;

  /** Opens a model and reads its headers; see `types/index.d.ts`. On an error `session` of the error has what was recorded until then. */
  static open(options) {
    const session = new Session(options);
    try {
      const { sources, find = () => undefined } = options;
      session.#core.open(sources, find);
    } catch (error) {
      error.session = session;
      throw error;
    }
    return session;
  }

  constructor({ component, cancelled, progress, observe, interpose, registered = [], sources: _, find, ...settings }) {
    this.component = component;
    this.#hooks = new Hooks(cancelled, progress);
    this.#core = new Core(new Start(component), this.#hooks, stringify(settings), observe && told(observe), interpose && asked(interpose));
    for (const [name, bytes] of registered) this.register(name, bytes);
  }

  /** Memory for a tensor, which the session fills where it is; false while the tensor lies in what was registered before. */
  register(name, bytes) {
    return this.#core.register(name, Memory.of(bytes), bytes.length);
  }

  get summary() {
    return parse(this.#core.summary());
  }

  get files() {
    return parse(this.#core.files());
  }

  get capabilities() {
    return parse(this.#core.capabilities());
  }

  get stats() {
    return parse(this.#core.stats());
  }

  get timings() {
    return parse(this.#core.timings());
  }

  /** What the session holds and moved so far, also of one that could not be opened. */
  get usage() {
    const [moved, bufferBytes, buffers, mappings] = this.#core.usage();
    return { moved, bufferBytes, buffers, mappings };
  }

  #listing;

  /** What the headers say of every tensor, in the order of the files. Asked once, then kept. */
  tensors() {
    this.#listing ??= parse(this.#core.tensors());
    return this.#listing;
  }

  metadata(head) {
    return parse(this.#core.metadata(head));
  }

  states() {
    return parse(this.#core.states());
  }

  slots() {
    return parse(this.#core.slots());
  }

  buffers() {
    return parse(this.#core.buffers());
  }

  machines() {
    return parse(this.#core.machines());
  }

  /** The index of a tensor, by its exact name. */
  find(name) {
    return this.#core.find(name);
  }

  /** Makes tensors resident. Where sources are read by several at the same time their bytes are there when it is {@link settled}. */
  load(selection = 'all', options = {}) {
    return parse(this.#core.load(stringify(selection), stringify(options)));
  }

  settled() {
    return this.#hooks.settled();
  }

  /**
   * Hands the bytes of tensors to a consumer in chunks, each tensor's in order. The tensors count as resident, without a view, until they
   * are evicted. `take(tensor, offset, bytes)` may throw a {@link StorageFault}.
   */
  loadInto(selection, take, staging = STAGING) {
    return parse(this.#core.loadInto(stringify(selection), take, staging));
  }

  release(selection = 'all') {
    return this.#core.release(stringify(selection));
  }

  evict(selection = 'all') {
    return this.#core.evict(stringify(selection));
  }

  advise(tensor, advice) {
    return parse(this.#core.advise(tensor, stringify(advice)));
  }

  observe(level) {
    this.#core.observe(stringify(level));
  }

  /** A view of a resident tensor: until it is freed, evicting the tensor is answered `busy`. */
  view(tensor) {
    const view = this.#core.view(tensor);
    return { bytes: (most = Infinity) => view.bytes(most), free: () => view.free() };
  }

  /** The bytes of a resident tensor, at most so many, which nothing keeps from being evicted. */
  bytes(tensor, most) {
    const view = this.view(tensor);
    try {
      return view.bytes(most);
    } finally {
      view.free();
    }
  }

  /** What the session did, as far as it is remembered. */
  recording() {
    return new Recording(this.#core.recording(this.component.id, tablesOf(this.component)));
  }

  /** Releases everything. What is busy is reported and stays, and close can be asked again. */
  close() {
    this.#core.close();
  }

  /** Gives back all that is not in use by a view. Nothing can be asked afterwards. */
  free() {
    this.#core.free();
  }
}
