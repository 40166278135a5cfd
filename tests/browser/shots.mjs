/** Pictures of the page: `node tests/browser/shots.mjs FOLDER`. The page must be built (`cargo xtask web`). */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Browser } from './driver.mjs';
import { models, native, scratch } from './native.mjs';
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
const long = join(scratch, 'long.gguf');
writeFileSync(long, Buffer.concat([readFileSync(good), Buffer.alloc(100)]));
const pointer = join(scratch, 'model.safetensors');
writeFileSync(pointer, 'version https://git-lfs.github.com/spec/v1\noid sha256:4d4d\nsize 4976698672\n');
const cut = join(scratch, 'cut.safetensors');
writeFileSync(cut, readFileSync(join(models, 'minilm.safetensors')).subarray(0, 5_000_000));

const { base, end } = await serve();
const used = "document.querySelector('#report')?.dataset.used";
const idle = 'JSON.parse(weighbridge.handle?.facts() || "{}").idle';
const held = 'JSON.parse(weighbridge.handle?.facts() || "{}").held';
const why = "document.querySelector('#why')?.checkVisibility()";
const settled = 'await new Promise((done) => setTimeout(done, 1500))';
const command = (line) => `weighbridge.handle.command(${JSON.stringify(line)})`;
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
        await browser.run(settled);
        await shot('inspector', false);
        await browser.run(['evict', 'break io/loader allocating', 'load'].map(command).join(';'));
        await browser.until(held);
        await browser.run(`${command('step')}; ${settled}`);
        await shot('inspector-held', false);
        await browser.click('#view-overview');
        await shot('held');
        await browser.click('#held button:last-of-type');
        await browser.until(used);
        for (const [name, file] of [['why', bad], ['no-model', pointer], ['cut-off', cut]]) {
          await browser.give('#files', file);
          await browser.until(`${why} && document.querySelector('#model-name').textContent === '${file.split('/').pop()}'`);
          await shot(name);
        }
        await browser.click('#view-inspector');
        await browser.run(settled);
        await shot('inspector-why', false);
        await browser.click('#view-overview');
        await browser.run("weighbridge.client.send({ SetBreakpoints: [] })");
        await browser.give('#files', long);
        await browser.until(`${used} && document.querySelector('#model-name').textContent === 'long.gguf'`);
        await browser.click('#hash');
        await browser.until("document.querySelector('#run').dataset.hashed");
        await shot('findings');
      } finally {
        await browser.stop();
      }
    }
  }
} finally {
  await end();
}
