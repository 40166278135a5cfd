/** What the core asks of JavaScript for one session. */
import { LoadError, Sentence, StorageFault } from './fault.js';
import { parse } from './json.js';
import { Memory, own } from './memory.js';

export class Hooks {
  #coming = [];
  constructor(cancelled = () => false, progress = () => {}, alarm = undefined) {
    Object.assign(this, { cancelled, progress, isWatched: alarm !== undefined });
    /** The component computes from now on, for at most so many ms, or is ended with this error; without a time it rests. */
    this.computes = (within, error) => alarm.postMessage({ within, error });
  }
  allocate(length) {
    return new Memory(length);
  }

  /** Bytes that were read come later; parts of them go to those that take them. Where they are of several, none keeps alive what is mostly not its own. */
  arrive(bytes, takers, at, len, isShared) {
    // The numbers are the core's memory, and not here any more when the bytes come.
    const parts = takers.map((take, index) => ({ take, from: at[index], to: at[index] + len[index] }));
    const put = (read) => {
      for (const { take, from, to } of parts) take(isShared ? own(read.subarray(from, to)) : read.subarray(from, to));
    };
    this.#coming.push(
      bytes.then(put).catch((error) => {
        throw error instanceof RangeError ? new StorageFault('exhausted') : error;
      }),
    );
  }

  /** Waits until all bytes that were read are in their places. */
  async settled() {
    await Promise.all(this.#coming.splice(0));
  }
  failure(text) {
    return new LoadError(parse(text));
  }
  sentence(text) {
    return new Sentence(text);
  }
}
