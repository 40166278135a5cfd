/** What the numbers of a tensor are like, over chunks of whole elements. */

const half = (bits) => {
  const [sign, exponent, mantissa] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return mantissa ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + mantissa / 1024) : 2 ** -24 * mantissa);
};
const HALVES = Float32Array.from({ length: 65536 }, (_, bits) => half(bits));
const word = new Float32Array(1);
const bits = new Uint32Array(word.buffer);

/** Bytes of an element and how it is read. Blocks of quantized tensors have no numbers of their own. */
const READ = {
  F32: [4, (view, at) => view.getFloat32(at, true)],
  F64: [8, (view, at) => view.getFloat64(at, true)],
  F16: [2, (view, at) => HALVES[view.getUint16(at, true)]],
  BF16: [2, (view, at) => {
    bits[0] = view.getUint16(at, true) << 16;
    return word[0];
  }],
  I8: [1, (view, at) => view.getInt8(at)],
  I16: [2, (view, at) => view.getInt16(at, true)],
  I32: [4, (view, at) => view.getInt32(at, true)],
  U8: [1, (view, at) => view.getUint8(at)],
};

export class Statistics {
  /** For a type of elements; `undefined` where its bytes are no plain numbers. */
  static of(dtype) {
    return READ[dtype] && new Statistics(...READ[dtype]);
  }

  #rest = new Uint8Array();

  constructor(size, read) {
    Object.assign(this, { size, read, count: 0, sum: 0, min: Infinity, max: -Infinity, zeros: 0, nan: 0 });
  }

  add(chunk) {
    let bytes = chunk;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + chunk.length);
      bytes.set(this.#rest);
      bytes.set(chunk, this.#rest.length);
    }
    const whole = bytes.length - (bytes.length % this.size);
    const view = new DataView(bytes.buffer, bytes.byteOffset, whole);
    const { size, read } = this;
    let { sum, min, max, zeros, nan } = this;
    for (let at = 0; at < whole; at += size) {
      const value = read(view, at);
      if (value !== value) nan += 1; // eslint-disable-line no-self-compare
      else {
        sum += value;
        if (value < min) min = value;
        if (value > max) max = value;
        if (value === 0) zeros += 1;
      }
    }
    this.count += whole / size;
    Object.assign(this, { sum, min, max, zeros, nan });
    this.#rest = bytes.slice(whole);
  }

  result() {
    const { count, sum, min, max, zeros, nan } = this;
    const numbers = count - nan;
    return { count, zeros, nan, ...(numbers > 0 && { mean: sum / numbers, min, max }) };
  }
}
