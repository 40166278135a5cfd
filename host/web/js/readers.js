/**
 * Workers that read pieces of one file at the same time, for a worker that may not return to its event loop meanwhile: that a piece is there it
 * learns through shared memory, and the bytes follow as a message. Where pages may not share memory, or workers start none, there are none.
 */
import { BUSY, DONE } from './mailbox.js';

const COUNT = 4;

/** How long a wait takes, in ms, before whoever waits looks at whether it should go on. */
const PATIENCE = 100;

class Reader {
  #words;
  #at;
  #awaited = [];
  isFree = false;
  constructor(words, at) {
    this.#words = words;
    this.#at = at;
    this.worker = new Worker(new URL('reader.js', import.meta.url), { type: 'module' });
    this.worker.onmessage = () => {
      this.worker.onmessage = ({ data }) => this.#awaited.shift()(new Uint8Array(data));
      this.isFree = true;
    };
  }

  /** Begins to read; a reader does one thing at a time. */
  begin(file, from, len) {
    this.isFree = false;
    Atomics.store(this.#words, this.#at, BUSY);
    const bytes = new Promise((arrived) => this.#awaited.push(arrived));
    this.worker.postMessage({ file, from, len, words: this.#words, at: this.#at });
    return { bytes, wait: () => this.#wait() };
  }

  /** Blocks a moment until it has read, and answers whether it could; nothing where that is not known yet. */
  #wait() {
    if (Atomics.wait(this.#words, this.#at, BUSY, PATIENCE) === 'timed-out') return undefined;
    this.isFree = true;
    const done = Atomics.load(this.#words, this.#at) === DONE;
    // Nothing will arrive of what could not be read.
    if (!done) this.#awaited.pop();
    return done;
  }
}

export class Readers {
  #readers = [];
  constructor() {
    if (typeof SharedArrayBuffer === 'undefined' || typeof Worker === 'undefined') return;
    const words = new Int32Array(new SharedArrayBuffer(4 * COUNT));
    this.#readers = Array.from({ length: COUNT }, (_, at) => new Reader(words, at));
  }

  /**
   * Begins to read a piece, if a reader is free: `wait()` blocks a moment until it is read and answers whether it could be,
   * and `bytes` comes when the caller is back in its event loop.
   */
  begin(file, from, len) {
    return this.#readers.find(({ isFree }) => isFree)?.begin(file, from, len);
  }
}
