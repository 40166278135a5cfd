/**
 * Numbers of the page: `node tests/browser/measure.mjs`. The page must be built (`cargo xtask web`).
 * Each time is the median of several, the two sides of a ratio taken in turn.
 */
import { copyFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Browser } from './driver.mjs';
import { median } from './median.js';
import { root, scratch } from './native.mjs';
import { serve } from './serve.mjs';

/** Served beside the page while it is measured. */
const BESIDE = ['measure-worker.js', 'median.js'];
const ROUNDS = 31;
/** What is read in a round: a quarter of the file, so that few rounds meet the collection of what the rounds before them left. */
const BYTES = 2 ** 28;
const TENSORS = 256;

/** A GGUF of a gigabyte and a vocabulary of 32,000 tokens; its numbers take no room on the disk. */
function large() {
  const parts = [];
  const u32 = (value) => parts.push(new Uint8Array(new Uint32Array([value]).buffer));
  const u64 = (value) => parts.push(new Uint8Array(new BigUint64Array([BigInt(value)]).buffer));
  const text = (value) => {
    const bytes = new TextEncoder().encode(value);
    u64(bytes.length);
    parts.push(bytes);
  };
  const elements = 2 ** 20;
  parts.push(new TextEncoder().encode('GGUF'));
  u32(3);
  u64(TENSORS);
  u64(2);
  text('general.architecture');
  u32(8);
  text('none');
  text('tokenizer.ggml.tokens');
  u32(9);
  u32(8);
  u64(32_000);
  for (let token = 0; token < 32_000; token += 1) text(`token ${token}`);
  for (let tensor = 0; tensor < TENSORS; tensor += 1) {
    text(`tensor.${tensor}`);
    u32(1);
    u64(elements);
    u32(0);
    u64(tensor * elements * 4);
  }
  const header = Buffer.concat(parts);
  const file = join(scratch, 'large.gguf');
  writeFileSync(file, header);
  truncateSync(file, Math.ceil(header.length / 32) * 32 + TENSORS * elements * 4);
  return file;
}

/** Bytes of every file of the page as a server sends it. */
function compressed() {
  const web = join(root, 'target/web');
  return readdirSync(web, { recursive: true }).filter((name) => name.endsWith('.br')).reduce((sum, name) => sum + statSync(join(web, name)).size, 0);
}

const { base, end } = await serve();
for (const name of BESIDE) copyFileSync(new URL(name, import.meta.url), join(root, 'target/web', name));
const browser = await Browser.start();
try {
  await browser.go(base);
  await browser.until("document.documentElement.dataset.ready === 'true'");
  const interactive = await browser.run("return performance.getEntriesByName('ready')[0].startTime");
  await browser.until("navigator.serviceWorker.controller !== null || performance.now() > 20000");
  const inspector = await browser.run("return !document.querySelector('#view-inspector').disabled");
  if (inspector) {
    await browser.click('#view-inspector');
    await browser.until('weighbridge.handle');
    await browser.click('#view-overview');
  }
  console.log(`page interactive after            ${interactive.toFixed(0)} ms`);
  console.log(`everything, compressed            ${(compressed() / 1e6).toFixed(2)} MB${inspector ? '' : ' (without the inspector)'}`);

  await browser.give('#files', large());
  await browser.until("document.querySelector('#report')?.dataset.used");
  await browser.run(`
    const { client } = weighbridge;
    globalThis.once = (request, kind) => new Promise((done) => {
      const began = performance.now();
      const heard = ({ detail }) => {
        const name = typeof detail === 'string' ? detail : Object.keys(detail)[0];
        if (name === kind) globalThis.took = performance.now() - began;
        if (name === 'Failed') throw new Error(detail.Failed.error.message);
        if (name !== 'Idle') return;
        client.removeEventListener('update', heard);
        done(globalThis.took);
      };
      client.addEventListener('update', heard);
      client.send(request);
    });
    const worker = new Worker('measure-worker.js', { type: 'module' });
    const heard = () => new Promise((done, failed) => {
      worker.onmessage = ({ data }) => done(data);
      worker.onerror = ({ message }) => failed(new Error(message));
    });
    globalThis.plain = (question) => {
      const answer = heard();
      worker.postMessage(question);
      return answer;
    };
    await heard();`);
  const figures = await browser.run(`
    const { client } = weighbridge;
    const file = client.given();
    const token = client.file(file);
    const open = (observe) => once({ Open: { files: [token], options: { guest: { observe }, deadline_ms: 0 } } }, 'Opened');
    const load = (policy, count) => once({ Load: { selection: { tensors: [...Array(count).keys()] }, options: { policy: { only: policy } } } }, 'Report');
    // What is shown of what came before is drawn by then.
    const rest = () => new Promise((done) => setTimeout(done, 100));
    const pieces = [];
    const hear = ({ detail }) => { for (const { call } of detail.Records ?? []) if (call?.read) pieces.push([Number(call.read.offset), call.read.len]); };
    client.addEventListener('update', hear);
    await open('transitions');
    client.removeEventListener('update', hear);
    const length = pieces.reduce((end, [offset, len]) => Math.max(end, offset + len), 0);
    const { open: opened, header, windows } = await plain({ how: 'open', file, header: length });
    const out = { length, opened, header, windows, 'read-copy': [], 'staged-read': [], plains: [] };
    const [bytes, tensors] = [${BYTES}, ${TENSORS} * ${BYTES} / 2 ** 30];
    for (let round = 0; round < ${ROUNDS}; round += 1) {
      for (const policy of ['read-copy', 'staged-read']) {
        await open('off');
        await rest();
        out[policy].push(await load(policy, tensors));
        await once('Close', 'Notice');
      }
      await rest();
      out.plains.push(await plain({ file, bytes, how: 'bytes' }));
    }
    await open('off');
    await load('read-copy', ${TENSORS});
    const memory = await performance.measureUserAgentSpecificMemory();
    out.memory = memory.bytes;
    return out;`);
  const { opened, header, windows, length } = figures;
  console.log(`open of a GGUF of 1 GiB           ${opened.toFixed(1)} ms; its header of ${length} bytes through FileReaderSync alone ${header.toFixed(1)} ms: ${(opened / header).toFixed(2)}×; in the windows of a source ${windows.toFixed(1)} ms: ${(opened / windows).toFixed(2)}×`);
  const plain = median(figures.plains);
  for (const policy of ['read-copy', 'staged-read']) {
    const took = median(figures[policy]);
    console.log(`${policy.padEnd(11)} of 256 MiB          ${(BYTES / 1e6 / took).toFixed(2)} GB/s; File.slice().arrayBuffer() ${(BYTES / 1e6 / plain).toFixed(2)} GB/s: ${(plain / took).toFixed(2)}×`);
  }
  console.log(`memory of page and worker         ${((figures.memory - 2 ** 30) / 2 ** 20).toFixed(1)} MiB beyond the tensors that were loaded`);
} finally {
  await browser.stop();
  await end();
  for (const name of BESIDE) rmSync(join(root, 'target/web', name), { force: true });
}
