/**
 * A way to tell a worker something while it works: one text at a time in shared memory. Where pages may not share memory (they
 * are not cross-origin isolated) there is none, and a worker hears of a wish only when it is done.
 *
 * Int32 0: 0 = empty, 1 = a text; 1: its length in bytes. The text is UTF-8 from byte 8 on.
 */
const BYTES = 1 << 16;

/** What a word says that is a reader's: whoever waits for a piece looks at it. */
export const [BUSY, DONE, FAILED] = [0, 1, 2];
export const newMailbox = () => new SharedArrayBuffer(BYTES);

class End {
  constructor(shared) {
    this.words = new Int32Array(shared);
    this.bytes = new Uint8Array(shared, 8);
  }
}

/** The page's end. */
export class Sender extends End {
  #queue = [];
  send(text) {
    this.#queue.push(new TextEncoder().encode(text));
    this.#post();
  }
  #post() {
    if (this.#queue.length === 0) return;
    if (Atomics.load(this.words, 0) === 0) {
      const text = this.#queue.shift();
      // 2000 breakpoints fit; what does not is not held back for ever.
      if (text.length <= this.bytes.length) {
        this.bytes.set(text);
        this.words[1] = text.length;
        Atomics.store(this.words, 0, 1);
        Atomics.notify(this.words, 0);
      }
    }
    if (this.#queue.length > 0) setTimeout(() => this.#post(), 1);
  }
}

/** The worker's end. */
export class Receiver extends End {
  /** The text, if there is one. */
  take() {
    if (Atomics.load(this.words, 0) === 0) return undefined;
    const text = new TextDecoder().decode(this.bytes.slice(0, this.words[1]));
    Atomics.store(this.words, 0, 0);
    return text;
  }

  /** Blocks until there is one. */
  wait() {
    Atomics.wait(this.words, 0, 0);
  }
}
