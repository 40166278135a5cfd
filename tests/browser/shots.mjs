/** Pictures of the page: `node tests/browser/shots.mjs FOLDER`. The page must be built (`cargo xtask web`). */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Browser } from './driver.mjs';
import { native, scratch } from './native.mjs';
import { serve } from './serve.mjs';

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error('usage: node shots.mjs FOLDER');
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
const good = join(scratch, 'sample.gguf');
native('sample', good);
const bad = join(scratch, 'malformed.gguf');
const bytes = readFileSync(good);
bytes.writeBigUInt64LE(2n ** 60n, 8);
writeFileSync(bad, bytes);

const { base, end } = await serve();
const used = "document.querySelector('#report')?.dataset.used";
const idle = 'JSON.parse(weighbridge.handle?.facts() || "{}").idle';
try {
  for (const dark of [false, true]) {
    for (const width of [1200, 400]) {
      const browser = await Browser.start({ width, height: width === 400 ? 800 : 860, dark });
      const shot = async (name, whole = true) => writeFileSync(join(folder, `${name}-${width}-${dark ? 'dark' : 'light'}.png`), await browser.screenshot(whole));
      try {
        await browser.go(base);
        await browser.until("document.documentElement.dataset.ready === 'true' && !document.querySelector('#view-inspector').disabled");
        await shot('start');
        await browser.click('#sample');
        await browser.until(used);
        await shot('overview');
        await browser.click('#tab-transitions');
        await shot('transitions');
        await browser.click('#view-inspector');
        await browser.until(idle);
        await browser.run('await new Promise((done) => setTimeout(done, 1500))');
        await shot('inspector', false);
        await browser.click('#view-overview');
        await browser.give('#files', bad);
        await browser.until("document.querySelector('#why')");
        await shot('why');
      } finally {
        await browser.stop();
      }
    }
  }
} finally {
  await end();
}
