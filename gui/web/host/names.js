/**
 * File names as they may stand in a recording. The part that names the model is replaced; what a guest could act on stays
 * (numbers of shards, extensions), and so does what the guest itself named, which stands in the header bytes anyway.
 */
import { escape } from './fault.js';

const ENDS = ['.safetensors.index.json', '.safetensors', '.gguf'];

export class TraceNames {
  #stems = new Map();
  /** Whether the model has an index: then it names the other files, in header bytes that are in the recording. */
  #index = false;
  /** What was replaced, and by what. */
  #replaced = new Map();

  constructor(plain = false) {
    this.plain = plain;
  }

  /** The names that the embedder opens a model with. */
  opened(names) {
    this.#index = names.some(isIndex);
    return names.map((name) => (this.#index && !isIndex(name) ? name : this.#given(name)));
  }

  #given(name) {
    if (this.plain) return name;
    const [stem, rest] = split(name);
    if (!this.#stems.has(stem)) this.#stems.set(stem, this.#stems.size);
    return this.#replace(name, `file-${this.#stems.get(stem)}${rest}`);
  }

  /** A name that the guest asked for: replaced where it follows from one that was given. */
  asked(name) {
    const [stem, rest] = split(name);
    return this.#stems.has(stem) && !this.#index ? this.#replace(name, `file-${this.#stems.get(stem)}${rest}`) : name;
  }

  #replace(name, shown) {
    if (!this.#replaced.has(name)) this.#replaced.set(name, shown);
    return shown;
  }

  /** An error as it may stand in a recording: the guest quotes the names of files. */
  error(error) {
    let { message } = error;
    for (const [name, shown] of this.#replaced) {
      for (const quoted of [name, escape(name, Infinity)]) message = message.replaceAll(`"${quoted}"`, () => `"${shown}"`);
    }
    return { ...error, message };
  }
}

const isIndex = (name) => name.endsWith('.index.json');

/** `name-00001-of-00003.gguf` → [`name`, `-00001-of-00003.gguf`]. */
function split(name) {
  const end = ENDS.find((ending) => name.endsWith(ending));
  const dot = name.lastIndexOf('.');
  let stem = end === undefined ? name.slice(0, dot > 0 ? dot : undefined) : name.slice(0, -end.length);
  stem = /^(.*)-\d{5}-of-\d{5}$/s.exec(stem)?.[1] ?? stem;
  return [stem, name.slice(stem.length)];
}
