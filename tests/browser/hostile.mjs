/**
 * The table of hostile components in Node or in Chromium: `node tests/browser/hostile.mjs node|chromium FOLDER`, where FOLDER has the component that
 * `tests/tests/hostile_web.rs` makes.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Browser } from './driver.mjs';
import { attackAll } from './hostile-table.js';
import { root } from './native.mjs';
import { serveStatic } from './static.mjs';

const [host, folder] = process.argv.slice(2);
const table = JSON.parse(readFileSync(join(root, 'tests/hostile/cases.json'), 'utf8'));

/** Workers of Node, as a page has them. */
function inNode() {
  const start = () => {
    const worker = new Worker(new URL('hostile-node-worker.mjs', import.meta.url), { workerData: pathToFileURL(`${join(folder, 'component')}/`).href });
    worker.on('message', (data) => worker.onmessage({ data }));
    worker.on('error', (error) => worker.onerror(error));
    return worker;
  };
  return attackAll(table, start);
}

async function inChromium() {
  // Where the page may not share memory, a worker is ended as well: nothing here needs it.
  const server = await serveStatic({ '/host/web/': join(root, 'host/web/'), '/tests/browser/': join(root, 'tests/browser/'), '/hostile/': `${folder}/` });
  const browser = await Browser.start({ webgl: false });
  try {
    await browser.go(`${server.url}tests/browser/scenarios.html`);
    const start = "() => new Worker('/tests/browser/hostile-worker.js', { type: 'module' })";
    return await browser.run(`const { attackAll } = await import('/tests/browser/hostile-table.js'); return attackAll(args[0], ${start});`, table);
  } finally {
    await browser.stop();
    server.close();
  }
}

const results = await (host === 'node' ? inNode() : inChromium());
for (const { name, ms, wrong, why } of results) console.log(`${wrong ? 'FAILED' : why ? 'not here' : 'ok'} ${name} ${Math.round(ms ?? 0)} ms${wrong ? `: ${wrong}` : ''}${why ? `: ${why}` : ''}`);
const failed = results.filter(({ wrong }) => wrong).length;
console.log(`${results.length - failed} of ${results.length} as they should be`);
process.exit(failed === 0 && results.length === table.cases.length ? 0 : 1);
