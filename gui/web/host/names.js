/**
 * File names as they may stand in a recording. The part that names the model is replaced; what a guest could act on stays
 * (numbers of shards, extensions), and so does what the guest itself named, which stands in the header bytes anyway.
 */
const ENDS = ['.safetensors.index.json', '.safetensors', '.gguf'];

export class TraceNames {
  #stems = new Map();

  constructor(plain = false) {
    this.plain = plain;
  }

  /** A name that the embedder gave. */
  given(name) {
    if (this.plain) return name;
    const [stem, rest] = split(name);
    if (!this.#stems.has(stem)) this.#stems.set(stem, this.#stems.size);
    return `file-${this.#stems.get(stem)}${rest}`;
  }

  /** A name that the guest asked for: replaced where it follows from one that was given. */
  asked(name) {
    const [stem, rest] = split(name);
    return this.#stems.has(stem) ? `file-${this.#stems.get(stem)}${rest}` : name;
  }
}

/** `name-00001-of-00003.gguf` → [`name`, `-00001-of-00003.gguf`]. */
function split(name) {
  const end = ENDS.find((ending) => name.endsWith(ending));
  const first = name.split('.')[0];
  let stem = end === undefined ? first || name : name.slice(0, -end.length);
  stem = /^(.*)-\d{5}-of-\d{5}$/s.exec(stem)?.[1] ?? stem;
  return [stem, name.slice(stem.length)];
}
