/** What the inspector must do in the page: the same run as the overview, drawn with WebGL. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { models, native, scratch } from './native.mjs';

const facts = 'JSON.parse(weighbridge.handle?.facts() || "{}")';

export const inspectorCases = {
  async 'the inspector shows the run that the overview loaded'(browser, base) {
    await browser.go(base);
    await browser.until("document.documentElement.dataset.ready === 'true' && !document.querySelector('#view-inspector').disabled");
    await browser.click('#sample');
    await browser.until("document.querySelector('#report')?.dataset.used");
    await browser.click('#view-inspector');
    await browser.until(`${facts}.rows > 50 && ${facts}.idle`);
    const { label, tensors, used, failure } = await browser.run(`return ${facts}`);
    assert.deepEqual({ label, tensors, used, failure }, { label: 'sample.gguf', tensors: 21, used: 'read-copy', failure: null });
  },

  async 'its commands reach the worker'(browser) {
    await browser.run("weighbridge.handle.command('evict')");
    await browser.until(`${facts}.idle`);
    await browser.run("weighbridge.handle.command('load')");
    await browser.until(`${facts}.idle && ${facts}.used === 'read-copy'`);
  },

  async 'recordings are compared, and the place is found where their routes part'(browser) {
    const record = (name, ...how) => {
      const out = join(scratch, name);
      native('record', join(models, 'minilm-q4_0.gguf'), '--out', out, '--force', ...how);
      return out;
    };
    const [mapped, copied] = [record('mapped.wbrec'), record('copied.wbrec', '--strategy', 'read-copy')];
    const again = record('again.wbrec', '--strategy', 'read-copy');
    const compared = async (...files) => {
      for (const file of files) {
        await browser.give('#files', file);
        await browser.until(`${facts}.idle && ${facts}.label === '${file.split('/').pop()}' && ${facts}.rows > 100`);
      }
      await browser.run("weighbridge.handle.command('compare')");
      return browser.until(`${facts}.compared`);
    };
    const { rows, parts } = await compared(mapped, copied);
    assert.ok(rows > 20 && parts !== null, JSON.stringify({ rows, parts }));
    const same = await compared(again);
    assert.deepEqual([same.parts, same.tensors], [null, 0], 'twice the same route');
  },
};
