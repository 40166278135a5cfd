/**
 * The sample model, made in the page: the same bytes as `weighbridge sample sample.gguf`. It has the tensors and the metadata of the
 * llama family; its weights are pseudo-random numbers.
 */
const WIDTH = 64;
const HEADS = 4;
const BLOCKS = 2;
const VOCABULARY = 256;
const ALIGNMENT = 32;

const [F32, F16, Q8_0] = [0, 1, 8];
const BYTES = { [F32]: [1, 4], [F16]: [1, 2], [Q8_0]: [32, 34] };

function tensors() {
  const all = [
    ['token_embd', [WIDTH, VOCABULARY], F16],
    ['output_norm', [WIDTH], F32],
    ['output', [WIDTH, VOCABULARY], Q8_0],
  ];
  for (let block = 0; block < BLOCKS; block += 1) {
    const add = (name, shape, dtype) => all.push([`blk.${block}.${name}`, shape, dtype]);
    add('attn_norm', [WIDTH], F32);
    for (const name of ['attn_q', 'attn_k', 'attn_v', 'attn_output']) add(name, [WIDTH, WIDTH], Q8_0);
    add('ffn_norm', [WIDTH], F32);
    add('ffn_gate', [WIDTH, 2 * WIDTH], Q8_0);
    add('ffn_up', [WIDTH, 2 * WIDTH], Q8_0);
    add('ffn_down', [2 * WIDTH, WIDTH], F16);
  }
  return all.map(([name, shape, dtype]) => {
    const elements = shape.reduce((product, side) => product * side, 1);
    const [per, size] = BYTES[dtype];
    return { name: `${name}.weight`, shape, dtype, elements, bytes: (elements / per) * size };
  });
}

/** Little-endian bytes, one after the other. */
class Writer {
  bytes = new Uint8Array(1 << 18);
  at = 0;
  #view = new DataView(this.bytes.buffer);

  u8(value) {
    this.#view.setUint8(this.at++, value);
  }
  u16(value) {
    this.#view.setUint16(this.at, value, true);
    this.at += 2;
  }
  u32(value) {
    this.#view.setUint32(this.at, value, true);
    this.at += 4;
  }
  u64(value) {
    this.#view.setBigUint64(this.at, BigInt(value), true);
    this.at += 8;
  }
  f32(value) {
    this.#view.setFloat32(this.at, value, true);
    this.at += 4;
  }
  text(value) {
    const bytes = new TextEncoder().encode(value);
    this.u64(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }
  pad() {
    this.at = Math.ceil(this.at / ALIGNMENT) * ALIGNMENT;
  }
}

function vocabulary() {
  const first = [...'bdfghklmnprstvwz'];
  const second = ['a', 'e', 'i', 'o', 'u', 'ai', 'au', 'ei', 'oi', 'ou', 'an', 'en', 'in', 'on', 'un', 'ø'];
  const syllables = second.flatMap((end) => first.map((begin) => `▁${begin}${end}`));
  return ['<unk>', '<s>', '</s>', ...syllables].slice(0, VOCABULARY);
}

function metadata(out) {
  const u32 = (key, value) => [key, 4, () => out.u32(value)];
  const f32 = (key, value) => [key, 6, () => out.f32(value)];
  const text = (key, value) => [key, 8, () => out.text(value)];
  const list = (key, element, values, write) => [key, 9, () => {
    out.u32(element);
    out.u64(values.length);
    values.forEach(write);
  }];
  const tokens = vocabulary();
  const entries = [
    text('general.architecture', 'llama'),
    text('general.name', 'Weighbridge sample'),
    u32('general.file_type', 7),
    u32('general.quantization_version', 2),
    u32('general.alignment', ALIGNMENT),
    u32('llama.block_count', BLOCKS),
    u32('llama.context_length', 2048),
    u32('llama.embedding_length', WIDTH),
    u32('llama.feed_forward_length', 2 * WIDTH),
    u32('llama.attention.head_count', HEADS),
    u32('llama.attention.head_count_kv', HEADS),
    f32('llama.attention.layer_norm_rms_epsilon', 1e-5),
    f32('llama.rope.freq_base', 10_000),
    u32('llama.rope.dimension_count', WIDTH / HEADS),
    u32('llama.vocab_size', VOCABULARY),
    text('tokenizer.ggml.model', 'llama'),
    list('tokenizer.ggml.tokens', 8, tokens, (token) => out.text(token)),
    list('tokenizer.ggml.scores', 6, tokens, (_, rank) => out.f32(-rank)),
    list('tokenizer.ggml.token_type', 5, tokens, (_, token) => out.u32([2, 3, 3][token] ?? 1)),
    u32('tokenizer.ggml.bos_token_id', 1),
    u32('tokenizer.ggml.eos_token_id', 2),
    ['tokenizer.ggml.add_bos_token', 7, () => out.u8(1)],
  ];
  return entries;
}

/** SplitMix64 (Steele, Lea, Flood 2014), as numbers between −0.05 and 0.05. */
function random(seed) {
  const u64 = (value) => BigInt.asUintN(64, value);
  let state = BigInt(seed);
  return () => {
    state = u64(state + 0x9e3779b97f4a7c15n);
    let z = state;
    z = u64((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = u64((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    z ^= z >> 31n;
    return Math.fround(Math.fround(Number(z >> 40n) / 2 ** 24 - 0.5) * Math.fround(0.1));
  };
}

const word = new Float32Array(1);
const bits = new Uint32Array(word.buffer);

/** The nearest F16 below in magnitude; what is too small is 0. */
function half(value) {
  word[0] = value;
  const exponent = ((bits[0] >>> 23) & 0xff) - 127 + 15;
  const magnitude = exponent <= 0 ? 0 : (exponent << 10) | ((bits[0] & 0x7fffff) >>> 13);
  return ((bits[0] >>> 16) & 0x8000) | magnitude;
}

/** A block of Q8_0: the scale, then each number as a multiple of it. */
function block(out, numbers) {
  const scale = Math.fround(numbers.reduce((most, number) => Math.max(most, Math.abs(number)), 0) / 127);
  out.u16(half(scale));
  for (const number of numbers) {
    const quotient = scale === 0 ? 0 : Math.fround(number / scale);
    out.u8(Math.sign(quotient) * Math.floor(Math.abs(quotient) + 0.5));
  }
}

function numbers(out, { dtype, elements, shape }, seed) {
  const next = random(seed);
  const mean = shape.length === 1 ? 1 : 0;
  const number = () => Math.fround(mean + next());
  if (dtype === F32) for (let at = 0; at < elements; at += 1) out.f32(number());
  else if (dtype === F16) for (let at = 0; at < elements; at += 1) out.u16(half(number()));
  else for (let at = 0; at < elements; at += 32) block(out, Array.from({ length: 32 }, number));
}

/** The bytes of the sample's file. */
export function sample() {
  const out = new Writer();
  const all = tensors();
  const entries = metadata(out);
  out.bytes.set(new TextEncoder().encode('GGUF'));
  out.at = 4;
  out.u32(3);
  out.u64(all.length);
  out.u64(entries.length);
  for (const [key, kind, write] of entries) {
    out.text(key);
    out.u32(kind);
    write();
  }
  let offset = 0;
  for (const { name, shape, dtype, bytes } of all) {
    out.text(name);
    out.u32(shape.length);
    shape.forEach((side) => out.u64(side));
    out.u32(dtype);
    out.u64(offset);
    offset = Math.ceil((offset + bytes) / ALIGNMENT) * ALIGNMENT;
  }
  all.forEach((tensor, index) => {
    out.pad();
    numbers(out, tensor, index + 1);
  });
  out.pad();
  return out.bytes.slice(0, out.at);
}
