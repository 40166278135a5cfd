/**
 * The bytes of one target. What a browser reads comes as fresh memory; it is kept as it came, because copying it to its place would cost about
 * as much as reading it. So a target is a row of places, each with bytes of its own; what was never written is zero, and takes no room.
 */

/** A place costs some hundred bytes besides its own: there are no more than one for so many bytes, and these few. */
const BYTES_FOR_A_PLACE = 4096;
const FEW = 64;

export class Memory {
  /** By their beginnings; no two overlap. @type {{at: number, end: number, bytes: Uint8Array}[]} */
  #places = [];
  /** Ranges whose bytes are read and have not all come yet, likewise; and how many have not. @type {{at: number, end: number}[]} */
  #coming = [];
  #missing = 0;
  constructor(length) {
    this.length = length;
  }

  /** The embedder's own memory, which stays where it is. */
  static of(bytes) {
    const memory = new Memory(bytes.length);
    memory.put(0, bytes);
    return memory;
  }

  /** Takes `bytes` as what lies at `at`, without a copy. */
  put(at, bytes) {
    if (bytes.length === 0) return;
    if (this.#places.length >= FEW + this.length / BYTES_FOR_A_PLACE) this.range(0, this.length);
    const [only] = this.#places;
    if (only?.bytes.length === this.length) {
      // It is in one piece, which it stays.
      only.bytes.set(bytes, at);
      return;
    }
    this.#lay(at, bytes);
  }

  /** Says that bytes will come, and answers what takes them. */
  expect(at, length) {
    if (length === 0) return () => {};
    this.#coming.splice(endingBehind(this.#coming, at), 0, { at, end: at + length });
    this.#missing += 1;
    return (bytes) => {
      this.#missing -= 1;
      if (this.#missing === 0) this.#coming = [];
      this.put(at, bytes);
    };
  }

  /** Whether bytes will come that share one with a range. */
  expects(at, length) {
    return this.#coming[endingBehind(this.#coming, at)]?.at < at + length;
  }

  /**
   * The bytes of a range, to be read or written in place: in one piece, if need be by joining what lies there.
   * A RangeError where there is no memory for that.
   */
  range(at, length) {
    if (length === 0) return new Uint8Array();
    const first = endingBehind(this.#places, at);
    const { at: begin, end, bytes } = this.#places[first] ?? {};
    if (begin <= at && at + length <= end) return bytes.subarray(at - begin, at - begin + length);
    const joined = new Uint8Array(length);
    for (const place of this.#places.slice(first)) {
      if (place.at >= at + length) break;
      const skipped = Math.max(0, at - place.at);
      const part = place.bytes.subarray(skipped, at + length - place.at);
      joined.set(part, place.at + skipped - at);
    }
    this.#lay(at, joined);
    return joined;
  }

  /** A place of these bytes, instead of what lies there. */
  #lay(at, bytes) {
    const end = at + bytes.length;
    const first = endingBehind(this.#places, at);
    let last = first;
    const [before, behind] = [[], []];
    for (; this.#places[last]?.at < end; last += 1) {
      const place = this.#places[last];
      if (place.at < at) before.push({ at: place.at, end: at, bytes: own(place.bytes.subarray(0, at - place.at)) });
      if (place.end > end) behind.push({ at: end, end: place.end, bytes: own(place.bytes.subarray(end - place.at)) });
    }
    this.#places.splice(first, last - first, ...before, { at, end, bytes }, ...behind);
  }
}

/** Index of the first of several ranges, in their order and none sharing a byte, that ends behind `at`. */
function endingBehind(ranges, at) {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle].end <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Bytes that do not keep memory alive that is mostly not their own. */
export const own = (bytes) => (bytes.length * 2 < bytes.buffer.byteLength ? bytes.slice() : bytes);
