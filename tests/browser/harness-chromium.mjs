/** Sessions for `tests/src/scripted.rs` in a worker of Chromium: questions and answers in JSON lines. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Browser } from './driver.mjs';
import { root } from './native.mjs';
import { serveStatic } from './static.mjs';

/** Makes a page that may share memory with its workers, as `xtask web --serve` does. */
const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

const server = await serveStatic({ '/host/web/': join(root, 'host/web/'), '/tests/browser/': join(root, 'tests/browser/') }, ISOLATED);
const browser = await Browser.start({ webgl: false });
try {
  await browser.go(`${server.url}tests/browser/scenarios.html`);
  await browser.run(`
    const worker = new Worker('scenario-worker.js', { type: 'module' });
    const next = () => new Promise((done, failed) => {
      worker.onmessage = ({ data }) => done(data);
      worker.onerror = ({ message }) => failed(new Error('the worker failed: ' + message));
    });
    globalThis.ask = (question) => {
      const answer = next();
      worker.postMessage(question);
      return answer;
    };
    await next();`);
  for await (const line of createInterface({ input: process.stdin })) {
    const { folder, into } = JSON.parse(line);
    // The text goes as it came: numbers of 64 bits are read in the page.
    let text = line;
    if (folder !== undefined) {
      const files = Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name)).toString('base64')]));
      text = `${line.trimEnd().slice(0, -1)},"files":${JSON.stringify(files)}}`;
    }
    let answered = await browser.run('return ask(args[0])', text);
    if (into !== undefined) {
      const { ok } = JSON.parse(answered);
      if (ok !== undefined) {
        writeFileSync(into, Buffer.from(ok, 'base64'));
        answered = '{"ok":null}';
      }
    }
    process.stdout.write(`${answered}\n`);
  }
} finally {
  await browser.stop();
  server.close();
}
