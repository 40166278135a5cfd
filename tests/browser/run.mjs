/**
 * Runs the cases in Chromium: `node tests/browser/run.mjs [PART OF A NAME]`. The page must be built (`cargo xtask web`); it is served by
 * `xtask web --serve --as-it-is`, unless WEIGHBRIDGE_PAGE has the address of one that is served already.
 */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cases } from './cases.mjs';
import { Browser } from './driver.mjs';
import { inspectorCases } from './inspector.mjs';
import { root, scratch } from './native.mjs';
import { serve } from './serve.mjs';
import { Tally } from './tally.mjs';

const tally = new Tally(process.argv[2]);

const { base, end } = await serve();
const withInspector = existsSync(join(root, 'target/web/inspector/inspector.js'));

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
    const work = async () => {
      await run(browser, base, end);
      assert.deepEqual(await complaints(browser, name), [], 'the console is silent');
      assert.deepEqual(await strangers(browser), [], 'no request leaves this machine');
    };
    await tally.run(name, work, async () => {
      const picture = join(process.env.WEIGHBRIDGE_SHOTS ?? scratch, 'failed.png');
      await browser.screenshot().then((png) => writeFileSync(picture, png), () => {});
      // What this case left on the console is not the next one's.
      await browser.logs().catch(() => {});
    });
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
      await end();
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
  await end();
}
await tally.run('without WebGL the overview stays and says so', async () => {
  const plain = await Browser.start({ webgl: false });
  const again = await serve();
  try {
    await plain.go(again.base);
    await plain.until("document.documentElement.dataset.ready === 'true'");
    const title = await plain.run("const button = document.querySelector('#view-inspector'); return button.disabled && button.title");
    assert.match(title, /no WebGL/);
  } finally {
    await plain.stop();
    await again.end();
  }
});
tally.end();
