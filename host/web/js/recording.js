/** Recordings as `docs/recording.md` describes them: read, written and re-executed by the core, as in every host. */
import { Recording as Core } from '../dist/weighbridge_web.js';
import { start } from './guest.js';
import { Hooks } from './hooks.js';
import { parse } from './json.js';

const hooks = new Hooks();

export class Recording {
  #core;

  /** For this package: what the core made. */
  constructor(core) {
    this.#core = core;
  }
  static read(bytes) {
    return new Recording(Core.read(hooks, bytes));
  }
  write() {
    return this.#core.write(hooks);
  }
  get header() {
    return parse(this.#core.header(hooks));
  }
  get length() {
    return this.#core.length;
  }
  records(from = 0, count = 0xffff_ffff) {
    return parse(this.#core.records(hooks, from, count));
  }
  replay(component, { until } = {}) {
    return parse(this.#core.replay(hooks, start(component), component.id, until));
  }
  free() {
    this.#core.free();
  }
}
