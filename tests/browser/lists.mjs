/**
 * Lists of many tensors in Node: `node tests/browser/lists.mjs [TENSORS]` makes a safetensors file and a GGUF of so many, and says how long an
 * open, the list of tensors and their states take. PACKAGE is another build of the package.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from './median.js';

const count = Number(process.argv[2] ?? 100_000);
const { FileSource, Session, component } = await import(process.env.PACKAGE ?? '../../host/web/js/node.js');
const folder = mkdtempSync(join(tmpdir(), 'weighbridge-lists-'));
const name = (at) => `model.layers.${at >> 4}.block.${at & 15}.weight`;

function safetensors() {
  const entries = Array.from({ length: count }, (_, at) => `"${name(at)}":{"dtype":"F32","shape":[2,4],"data_offsets":[${at * 32},${at * 32 + 32}]}`);
  const header = Buffer.from(`{${entries.join(',')}}`);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(32 * count)]);
}

function gguf() {
  const numbers = (bytes, ...values) => {
    const buffer = Buffer.alloc(bytes * values.length);
    values.forEach((value, at) => (bytes === 4 ? buffer.writeUInt32LE(value, 4 * at) : buffer.writeBigUInt64LE(BigInt(value), 8 * at)));
    return buffer;
  };
  const tensors = Array.from({ length: count }, (_, at) => {
    const text = Buffer.from(name(at));
    return Buffer.concat([numbers(8, text.length), text, numbers(4, 2), numbers(8, 4, 2), numbers(4, 0), numbers(8, at * 32)]);
  });
  const head = Buffer.concat([Buffer.from('GGUF'), numbers(4, 3), numbers(8, count, 0), ...tensors]);
  return Buffer.concat([head, Buffer.alloc((32 - (head.length % 32)) % 32), Buffer.alloc(32 * count)]);
}

const loader = await component();
for (const [kind, bytes] of [['safetensors', safetensors()], ['gguf', gguf()]]) {
  const file = join(folder, `many.${kind}`);
  writeFileSync(file, bytes);
  const times = { open: [], tensors: [], states: [] };
  for (let round = 0; round < 5; round += 1) {
    let session;
    const timed = (what, work) => {
      const began = performance.now();
      const done = work();
      times[what].push(performance.now() - began);
      return done;
    };
    session = timed('open', () => Session.open({ component: loader, sources: [new FileSource(file)], ring: 0, limits: { 'host-work': 2 ** 40 } }));
    const list = timed('tensors', () => session.tensors());
    const states = timed('states', () => session.states());
    if (list.length !== count || states.length !== count || list.at(-1).name !== name(count - 1)) throw new Error('the list is not what the file has');
    session.free();
  }
  console.log(`${kind} of ${count} tensors: ${Object.entries(times).map(([what, took]) => `${what} ${median(took).toFixed(0)} ms`).join(', ')}`);
}
rmSync(folder, { recursive: true });
