/**
 * Runs the cases in Chromium: `node tests/browser/run.mjs [PART OF A NAME]`. The page must be built (`cargo xtask web`); it is served by
 * `xtask web --serve --as-it-is`, unless WEIGHBRIDGE_PAGE has the address of one that is served already.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cases, scratch } from './cases.mjs';
import { Browser, sleep } from './driver.mjs';
import { inspectorCases } from './inspector.mjs';

const root = new URL('../../', import.meta.url).pathname;
const [wanted = ''] = process.argv.slice(2);

/** Serves the page; answers its address. */
function serve() {
  const xtask = process.env.XTASK ?? join(root, 'target/debug/xtask');
  const child = spawn(xtask, ['web', '--serve', '--as-it-is', '--port', '0'], { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', () => reject(new Error('the server ended')));
    child.stdout.once('data', (line) => resolve({ base: String(line).trim(), end: () => child.removeAllListeners('exit').kill() }));
  });
}

const { base, end } = process.env.WEIGHBRIDGE_PAGE ? { base: process.env.WEIGHBRIDGE_PAGE, end() {} } : await serve();
const withInspector = existsSync(join(root, 'target/web/inspector/inspector.js'));
let failed = 0;
let passed = 0;

/** Requests of the last case that left this machine. `chrome:` is the browser's own first page. */
async function strangers(browser) {
  const entries = (await browser.logs('performance')).map(({ message }) => JSON.parse(message).message);
  const urls = entries.filter(({ method }) => method === 'Network.requestWillBeSent').map(({ params }) => params.request.url);
  return urls.filter((url) => !/^(https?:\/\/(localhost|127\.0\.0\.1)(:\d+)?\/|blob:|data:|chrome:)/.test(url));
}

/** What was said on the console that nobody provoked. */
async function complaints(browser, name) {
  const said = (await browser.logs()).filter(({ level }) => level === 'SEVERE' || level === 'WARNING');
  // A refused URL is reported by the browser itself.
  return said.map(({ message }) => message).filter((message) => !(name.startsWith('a URL') && /CORS|Failed to load|net::ERR/.test(message)));
}

async function all(browser, list) {
  for (const [name, run] of Object.entries(list)) {
    if (!name.includes(wanted)) continue;
    const began = performance.now();
    try {
      await run(browser, base, end);
      assert.deepEqual(await complaints(browser, name), [], 'the console is silent');
      assert.deepEqual(await strangers(browser), [], 'no request leaves this machine');
      passed += 1;
      console.log(`ok      ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}\n${String(error.stack).replace(/^/gm, '        ')}`);
      const picture = join(process.env.WEIGHBRIDGE_SHOTS ?? scratch, 'failed.png');
      await browser.screenshot().then((png) => writeFileSync(picture, png), () => {});
    }
  }
}

const browser = await Browser.start();
try {
  await all(browser, cases);
  if (withInspector) await all(browser, inspectorCases);
  else console.log('        the inspector is not in this build of the page');
  await all(browser, {
    async 'works offline once it was loaded'() {
      await browser.go(base);
      await browser.until("navigator.serviceWorker.controller !== null && document.documentElement.dataset.ready === 'true'");
      end();
      await sleep(300);
      await browser.go(base);
      await browser.until("document.documentElement.dataset.ready === 'true'");
      await browser.click('#sample');
      await browser.until("document.querySelector('#report')?.dataset.used");
      // The browser reports what it could not fetch anew.
      await browser.logs();
    },
  });
} finally {
  await browser.stop();
  end();
}
if (wanted === '') {
  const plain = await Browser.start({ webgl: false });
  const again = process.env.WEIGHBRIDGE_PAGE ? { base, end() {} } : await serve();
  try {
    await plain.go(again.base);
    await plain.until("document.documentElement.dataset.ready === 'true'");
    const title = await plain.run("const button = document.querySelector('#view-inspector'); return button.disabled && button.title");
    assert.match(title, /no WebGL/);
    passed += 1;
    console.log('ok      without WebGL the overview stays and says so');
  } catch (error) {
    failed += 1;
    console.log(`FAILED  without WebGL\n${error.stack}`);
  } finally {
    await plain.stop();
    again.end();
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
