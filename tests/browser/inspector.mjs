/** What the inspector must do in the page: the same run as the overview, drawn with WebGL. */
import assert from 'node:assert/strict';

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
};
