/** The desk that answers an inspector, over files that the embedder opens. Requests and updates are JSON text. */
import { Desk as Core } from '../dist/weighbridge_web.js';
import { start } from './guest.js';
import { Hooks } from './hooks.js';

export class Desk {
  #core;
  #hooks;
  #answered = Promise.resolve();
  constructor({ component, progress, bufferBytes = 2 ** 31, source, find, tell, deliver, take = () => undefined, wait }) {
    const embedder = { source, beside: (token) => (name) => find(name, token), tell, deliver, take, wait };
    this.#hooks = new Hooks(undefined, progress);
    this.#core = new Core(start(component), this.#hooks, embedder, wait !== undefined, bufferBytes);
  }

  /** Does what is asked, one thing after the other. What broke the host itself is thrown, and from then on always. */
  handle(request) {
    this.#answered = this.#answered.then(async () => {
      for (let waits = this.#core.handle(request); waits; ) waits = this.#core.goOn(await this.#hooks.settled().catch((error) => error));
    });
    return this.#answered;
  }
}
