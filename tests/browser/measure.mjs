/**
 * Numbers of the page: `node tests/browser/measure.mjs`. The page must be built (`cargo xtask web`).
 * Each time is the least of several, the two sides of a ratio taken in turn.
 */
import { copyFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Browser } from './driver.mjs';
import { root, scratch } from './native.mjs';
import { serve } from './serve.mjs';

const beside = join(root, 'target/web/measure-worker.js');
const ROUNDS = 7;

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
  const tensors = 256;
  const elements = 2 ** 20;
  parts.push(new TextEncoder().encode('GGUF'));
  u32(3);
  u64(tensors);
  u64(2);
  text('general.architecture');
  u32(8);
  text('none');
  text('tokenizer.ggml.tokens');
  u32(9);
  u32(8);
  u64(32_000);
  for (let token = 0; token < 32_000; token += 1) text(`token ${token}`);
  for (let tensor = 0; tensor < tensors; tensor += 1) {
    text(`tensor.${tensor}`);
    u32(1);
    u64(elements);
    u32(0);
    u64(tensor * elements * 4);
  }
  const header = Buffer.concat(parts);
  const file = join(scratch, 'large.gguf');
  writeFileSync(file, header);
  truncateSync(file, Math.ceil(header.length / 32) * 32 + tensors * elements * 4);
  return file;
}

/** Bytes of every file of the page as a server sends it. */
function compressed() {
  const web = join(root, 'target/web');
  return readdirSync(web, { recursive: true }).filter((name) => name.endsWith('.gz')).reduce((sum, name) => sum + statSync(join(web, name)).size, 0);
}

const { base, end } = await serve();
copyFileSync(new URL('measure-worker.js', import.meta.url), beside);
const browser = await Browser.start();
const least = (list) => Math.min(...list);
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
    const load = (policy) => once({ Load: { selection: 'all', options: { policy: { only: policy } } } }, 'Report');
    const pieces = [];
    const hear = ({ detail }) => { for (const { call } of detail.Records ?? []) if (call?.read) pieces.push([Number(call.read.offset), call.read.len]); };
    client.addEventListener('update', hear);
    await open('transitions');
    client.removeEventListener('update', hear);
    const length = pieces.reduce((end, [offset, len]) => Math.max(end, offset + len), 0);
    const { open: opened, header, windows } = await plain({ how: 'open', file, header: length });
    const out = { length, opened, header, windows, 'read-copy': [], 'staged-read': [], plains: [] };
    const bytes = 2 ** 30;
    for (let round = 0; round < ${ROUNDS}; round += 1) {
      for (const policy of ['read-copy', 'staged-read']) {
        await open('off');
        out[policy].push(await load(policy));
        await once('Close', 'Notice');
      }
      out.plains.push(await plain({ file, bytes, how: 'bytes' }));
    }
    await open('off');
    await load('read-copy');
    const memory = await performance.measureUserAgentSpecificMemory();
    out.memory = memory.bytes;
    return out;`);
  const { opened, header, windows, length } = figures;
  console.log(`open of a GGUF of 1 GiB           ${opened.toFixed(1)} ms; its header of ${length} bytes through FileReaderSync alone ${header.toFixed(1)} ms: ${(opened / header).toFixed(2)}×; in the windows of a source ${windows.toFixed(1)} ms: ${(opened / windows).toFixed(2)}×`);
  const plain = least(figures.plains);
  for (const policy of ['read-copy', 'staged-read']) {
    const took = least(figures[policy]);
    console.log(`${policy.padEnd(11)} of 1 GiB            ${(2 ** 30 / 1e6 / took).toFixed(2)} GB/s; File.slice().arrayBuffer() ${(2 ** 30 / 1e6 / plain).toFixed(2)} GB/s: ${(plain / took).toFixed(2)}×`);
  }
  console.log(`memory of page and worker         ${((figures.memory - 2 ** 30) / 2 ** 20).toFixed(1)} MiB beyond the tensors that were loaded`);
} finally {
  await browser.stop();
  await end();
  rmSync(beside, { force: true });
}
