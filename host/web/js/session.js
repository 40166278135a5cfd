/** One model: the core's session, its values as JavaScript has them. `types/common.d.ts` says what each does. */
import { Session as Core } from '../dist/weighbridge_web.js';
import { tablesOf } from './component.js';
import { start } from './guest.js';
import { Hooks } from './hooks.js';
import { parse, stringify } from './json.js';
import { Memory } from './memory.js';
import { Recording } from './recording.js';

const STAGING = 4 << 20;

/** The contract's strategies. */
export const STRATEGIES = ['mapped-file', 'read-copy', 'staged-read', 'external-buffer'];

const told = (observe) => (text) => observe(parse(text));
const answered = (interpose) => (text) => stringify(interpose(parse(text)));

export class Session {
  #core;
  #hooks;
  #listing;
  static {
    const shown = ['summary', 'files', 'capabilities', 'stats', 'timings'];
    const asked = ['metadata', 'findings', 'states', 'slots', 'buffers', 'machines'];
    const ask = (name) => function (...given) {
      return parse(this.#core[name](...given));
    };
    for (const name of shown) Object.defineProperty(this.prototype, name, { get: ask(name) });
    for (const name of asked) this.prototype[name] = ask(name);
    const over = (name) => function (selection = 'all') {
      return this.#core[name](stringify(selection));
    };
    for (const name of ['release', 'evict']) this.prototype[name] = over(name);
    for (const name of ['find', 'close', 'free']) {
      this.prototype[name] = function (...given) { return this.#core[name](...given); };
    }
  }

  static open({ sources, find = () => undefined, ...options }) {
    const session = new Session(options);
    try {
      session.#core.open(sources, find);
    } catch (error) {
      throw Object.assign(error, { session });
    }
    return session;
  }
  constructor({ component, cancelled, progress, alarm, observe, interpose, registered = [], limits = {}, ...settings }) {
    this.component = component;
    this.#hooks = new Hooks(cancelled, progress, alarm);
    // What the engine's side of the host keeps goes beside what the core does.
    const { 'guest-time': time, 'hostcall-bytes': carried, ...core } = limits;
    const given = stringify({ ...settings, limits: core });
    this.#core = new Core(start(component), this.#hooks, given, observe && told(observe), interpose && answered(interpose), time, carried);
    for (const [name, bytes] of registered) this.register(name, bytes);
  }
  register(name, bytes) {
    return this.#core.register(name, Memory.of(bytes), bytes.length);
  }
  get usage() {
    const [moved, bufferBytes, buffers, mappings] = this.#core.usage();
    return { moved, bufferBytes, buffers, mappings };
  }
  tensors() {
    this.#listing ??= parse(this.#core.tensors());
    return this.#listing;
  }
  load(selection = 'all', options = {}) {
    return parse(this.#core.load(stringify(selection), stringify(options)));
  }
  loadInto(selection, take, staging = STAGING) {
    return parse(this.#core.loadInto(stringify(selection), take, staging));
  }
  settled() {
    return this.#hooks.settled();
  }
  advise(tensor, advice) {
    return parse(this.#core.advise(tensor, stringify(advice)));
  }
  observe(level) {
    this.#core.observe(stringify(level));
  }
  view(tensor) {
    const view = this.#core.view(tensor);
    return { bytes: (most = Infinity) => view.bytes(most), free: () => view.free() };
  }
  bytes(tensor, most) {
    const view = this.view(tensor);
    try {
      return view.bytes(most);
    } finally {
      view.free();
    }
  }
  recording() {
    return new Recording(this.#core.recording(this.component.id, tablesOf(this.component)));
  }
}
