/** What the page must do, in Debian's Chromium, by the means of a person: files given to its dialog or dropped, buttons, what is shown. */
import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename, join } from 'node:path';
import { createHash } from 'node:crypto';
import { sleep } from './driver.mjs';
import { models, native, nativeRun, root, safetensors, scratch, verified } from './native.mjs';
import { serveStatic } from './static.mjs';

const idle = "!document.querySelector('#load')?.disabled";
const used = "document.querySelector('#report')?.dataset.used";

/** Opens a page that knows nothing yet. */
async function fresh(browser, base) {
  await browser.go(base);
  await browser.until("document.documentElement.dataset.ready === 'true'");
}

/** Gives files to the page's dialog and waits until they are open and loaded, or refused. */
async function open(browser, ...files) {
  await browser.give('#files', ...files);
  await browser.until(`document.querySelector('#model-name')?.textContent === ${JSON.stringify(basename(files[0]))} && (${used} || document.querySelector('#why')) && ${idle}`);
}

async function choose(browser, strategy) {
  await browser.click('#evict');
  await browser.until(`[...document.querySelectorAll('#messages')].some((all) => all.textContent.includes('Evicted')) && ${idle}`);
  await browser.run("document.querySelector('#strategy').value = args[0]; document.querySelector('#report').dataset.used = '';", strategy);
  await browser.click('#load');
  await browser.until(`${used} && ${idle}`);
}

/** Presses "Hash tensors" and answers name → SHA-256 as the table shows it. */
async function hashes(browser) {
  await browser.run("delete document.querySelector('#run').dataset.hashed");
  await browser.click('#hash');
  await browser.until("document.querySelector('#run').dataset.hashed !== undefined", 180);
  // The table is drawn with the next frame.
  await browser.until("[...document.querySelectorAll('#panel-tensors [data-sha256]')].every((cell) => cell.dataset.sha256)");
  return browser.run(`
    return Object.fromEntries([...document.querySelectorAll('#panel-tensors tbody tr')]
      .map((row) => [row.cells[0].textContent, row.querySelector('[data-sha256]').dataset.sha256]));`);
}

/** A safetensors file of mostly nothing: a small tensor, one of `middle` bytes that takes no room on the disk, and a last one behind it. */
function sparse(name, middle) {
  const far = middle + 16;
  const header = {
    near: { dtype: 'U8', shape: [16], data_offsets: [0, 16] },
    middle: { dtype: 'U8', shape: [middle], data_offsets: [16, far] },
    far: { dtype: 'F32', shape: [1024], data_offsets: [far, far + 4096] },
  };
  const file = safetensors(name, header);
  const start = statSync(file).size;
  truncateSync(file, start + far + 4096);
  const bytes = Buffer.from(Float32Array.from({ length: 1024 }, (_, at) => at).buffer);
  const out = openSync(file, 'r+');
  writeSync(out, bytes, 0, 4096, start + far);
  closeSync(out);
  return { file, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** A GGUF that says that it has 2^60 tensors. */
function malformed() {
  const [good, bad] = ['good.gguf', 'malformed.gguf'].map((name) => join(scratch, name));
  native('sample', good, '--force');
  const bytes = readFileSync(good);
  bytes.writeBigUInt64LE(2n ** 60n, 8);
  writeFileSync(bad, bytes);
  return bad;
}

/** A server on another origin of this machine. */
async function elsewhere(file, { ranges = true, cors = true } = {}) {
  const bytes = readFileSync(file);
  const server = createServer((request, response) => {
    const headers = { 'Last-Modified': 'Mon, 01 Jan 2024 00:00:00 GMT', ...(cors && { 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Headers': 'Range' }) };
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
    server.asked = (server.asked ?? 0) + 1;
    if (request.method === 'OPTIONS') response.writeHead(204, headers).end();
    else if (from !== undefined && ranges) {
      const part = bytes.subarray(Number(from), Number(to) + 1);
      server.sent = (server.sent ?? 0) + part.length;
      response.writeHead(206, { ...headers, 'Content-Length': part.length }).end(part);
    } else response.writeHead(200, { ...headers, 'Content-Length': bytes.length }).end(request.method === 'HEAD' ? undefined : bytes);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { server, url: `http://localhost:${server.address().port}/${basename(file)}` };
}

/** The page from a server that knows nothing of headers. */
const bare = () => serveStatic({ '/': join(root, 'target/web/') });

async function openUrl(browser, url) {
  await browser.run("document.querySelector('#url-form').hidden = false; document.querySelector('#url').value = args[0]; document.querySelector('#url-form').requestSubmit();", url);
}

/** The cases, in their order: `name: async (browser, base) => …`. */
export const cases = {
  async 'the page opens, isolated, and says that nothing leaves the machine'(browser, base) {
    await fresh(browser, base);
    assert.equal(await browser.run('return crossOriginIsolated'), true);
    assert.match(await browser.run('return document.body.innerText'), /Nothing leaves this machine/);
  },

  async 'the policy of the page lets nothing out and runs no script that is written into it'(browser, base) {
    const { server, url } = await elsewhere(malformed());
    await fresh(browser, base);
    const tried = await browser.run(
      `
      const tell = (promise) => promise.then(() => 'went', () => 'refused');
      const image = new Image();
      const script = Object.assign(document.createElement('script'), { textContent: 'globalThis.ran = true' });
      document.body.append(script);
      const fetched = await tell(fetch(args[0]));
      return [
        fetched,
        await tell(new Promise((done, failed) => Object.assign(image, { onload: done, onerror: failed, src: args[0] }))),
        globalThis.ran ? 'went' : 'refused',
      ];`,
      url,
    );
    assert.deepEqual(tried, ['refused', 'refused', 'refused']);
    assert.equal(server.asked, undefined, 'nothing came to the other server');
    server.close();
    // The browser says what it refused.
    assert.ok((await browser.logs()).length >= 3);
  },

  async 'a browser without workers, or without WebAssembly, is told so in a sentence'(browser, base) {
    for (const [missing, sentence] of [['Worker', /too old/], ['WebAssembly', /no WebAssembly/]]) {
      const { identifier } = await browser.cdp('Page.addScriptToEvaluateOnNewDocument', { source: `delete globalThis.${missing}` });
      await browser.go(base);
      assert.match(await browser.until("document.querySelector('#messages').innerText"), sentence);
      await browser.cdp('Page.removeScriptToEvaluateOnNewDocument', { identifier });
    }
  },

  async 'the sample is the native one; auto says why it does not map'(browser, base) {
    const file = join(scratch, 'sample.gguf');
    native('sample', file, '--force');
    await fresh(browser, base);
    await browser.click('#sample');
    await browser.until(`${used} && ${idle}`);
    const report = await browser.run("return document.querySelector('#report').innerText");
    assert.match(report, /mapped-file\s+This host cannot map files/);
    assert.match(report, /read-copy\s+used: 21 tensors/);
    assert.deepEqual(await hashes(browser), verified(file));
  },

  async 'the real MiniLM, dropped as a file, loads by read-copy with the native hashes'(browser, base) {
    const file = join(models, 'minilm.safetensors');
    await fresh(browser, base);
    const { x, y } = await browser.run("const box = document.querySelector('#drop').getBoundingClientRect(); return { x: box.x + 20, y: box.y + 20 };");
    const data = { items: [], files: [file], dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop']) await browser.cdp('Input.dispatchDragEvent', { type, x, y, data });
    await browser.until(`${used} && ${idle}`);
    await choose(browser, 'read-copy');
    assert.match(await browser.run("return document.querySelector('#report').innerText"), /read-copy\s+used: 104 tensors/);
    const found = await hashes(browser);
    assert.deepEqual(found, verified(file));
    const python = JSON.parse(readFileSync(join(models, 'hashes.json'), 'utf8'));
    assert.ok(JSON.stringify(python).includes(Object.values(found)[3]), 'the Python readers find the same bytes');
  },

  async 'shards given together are one model'(browser, base) {
    await fresh(browser, base);
    const folder = join(models, 'minilm-sharded');
    const files = readdirSync(folder).filter((name) => /safetensors/.test(name)).sort().map((name) => join(folder, name));
    const first = files.filter((name) => name.endsWith('.json'));
    await open(browser, ...first, ...files.filter((name) => !name.endsWith('.json')));
    assert.match(await browser.run("return document.querySelector('#report').innerText"), /104 tensors/);
  },

  async 'a shard that was not given is named'(browser, base) {
    await fresh(browser, base);
    await browser.give('#files', join(models, 'minilm-q8_0-00001-of-00003.gguf'));
    const why = await browser.until("document.querySelector('#why')?.innerText");
    assert.match(why, /minilm-q8_0-00002-of-00003\.gguf/);
  },

  async 'a malformed file is answered with the why card and its bytes'(browser, base) {
    const file = malformed();
    await fresh(browser, base);
    await open(browser, file);
    const card = await browser.run("return { text: document.querySelector('#why').innerText, mark: document.querySelector('#why mark')?.textContent }");
    const said = nativeRun('load', file, '--json').json.error;
    assert.ok(card.text.includes(said.message), `${card.text}\n${said.message}`);
    assert.ok(card.text.includes(said.cause) && card.text.includes(said.field));
    assert.notEqual(card.mark, undefined);
  },

  async 'what was noticed is listed, of the file and of its values, in the words of the native tool'(browser, base) {
    const data = Buffer.alloc(16);
    [1, NaN, Infinity, -2].forEach((number, at) => data.writeFloatLE(number, 4 * at));
    const file = safetensors('noticed.gguf', { a: { dtype: 'F32', shape: [4], data_offsets: [0, 16] } }, data);
    await fresh(browser, base);
    await open(browser, file);
    const listed = () => browser.run("return document.querySelector('#findings').innerText");
    const expected = nativeRun('inspect', file, '--json').json.findings;
    assert.ok(expected.length > 0);
    const shown = await listed();
    for (const { message, severity } of expected) assert.ok(shown.includes(message) && shown.includes(severity), shown);
    await hashes(browser);
    assert.match(await listed(), /elements that are NaN[^]*elements that are infinite/);
    assert.match(await browser.run("return document.querySelector('#panel-tensors tbody').innerText"), /-2 … 1\b/);
    await browser.click('#sample');
    await browser.until(`document.querySelector('#model-name').textContent === 'sample.gguf' && ${used} && ${idle}`);
    assert.equal(await browser.run("return document.querySelector('#findings').hidden"), true);
  },

  async 'what is no model, or was cut off, is said in the words of the native tool'(browser, base) {
    const pointer = join(scratch, 'model.safetensors');
    writeFileSync(pointer, 'version https://git-lfs.github.com/spec/v1\noid sha256:4d4d\nsize 4976698672\n');
    const cut = join(scratch, 'cut.safetensors');
    writeFileSync(cut, readFileSync(join(models, 'minilm.safetensors')).subarray(0, 5_000_000));
    for (const [file, title] of [[pointer, /This is no model/], [cut, /Why it failed/]]) {
      await fresh(browser, base);
      await open(browser, file);
      const card = await browser.run("return document.querySelector('#why').innerText");
      const { cause, message } = nativeRun('load', file, '--json').json.error;
      assert.match(card, title);
      assert.ok(card.includes(message) && card.includes(cause), `${card}\n${message}`);
    }
  },

  async 'a name from a file cannot reorder or inject anything'(browser, base) {
    const file = safetensors('evil.safetensors', { '<img src=x onerror=alert(1)>\u202egpj': { dtype: 'U8', shape: [1], data_offsets: [0, 1] } }, Buffer.from([7]));
    await fresh(browser, base);
    await open(browser, file);
    const shown = await browser.run("return { text: document.querySelector('#why').innerText, images: document.querySelectorAll('main img').length }");
    assert.match(shown.text, /<img src=x onerror=alert\(1\)>\\u\{202e\}gpj/);
    assert.equal(shown.images, 0);
  },

  async 'tensors behind 5 GiB load by selection; what is too large is refused, not attempted'(browser, base) {
    const { file, sha256 } = sparse('huge.safetensors', 5 * 2 ** 30);
    await fresh(browser, base);
    await browser.give('#files', file);
    await browser.until(`document.querySelectorAll('#panel-tensors tbody tr').length === 3 && ${idle}`);
    await browser.run("document.querySelector('#glob').value = 'far'");
    await browser.click('#load');
    await browser.until(`${used} && ${idle}`);
    await browser.run("delete document.querySelector('#run').dataset.hashed; weighbridge.client.send({ Hash: { tensors: [0, 2] } })");
    await browser.until("document.querySelector('#run').dataset.hashed !== undefined");
    const shown = await browser.until("document.querySelectorAll('[data-sha256]')[2].dataset.sha256");
    assert.equal(shown, sha256);
    await browser.run("document.querySelector('#glob').value = '*'");
    await browser.click('#load');
    const why = await browser.until("document.querySelector('#why')?.innerText");
    assert.match(why, /out-of-memory|limit-exceeded/);
    rmSync(file);
  },

  async 'cancel ends a load between two pieces and leaves nothing behind'(browser, base) {
    const { file } = sparse('large.safetensors', 1000 << 20);
    await fresh(browser, base);
    await browser.give('#files', file);
    // It is loaded at once, being below a gigabyte; a cancellation in the middle is an answer that the component gets.
    await browser.until("weighbridge.overview.moved > 0");
    await browser.click('#cancel');
    const why = await browser.until("document.querySelector('#why')?.innerText", 20);
    assert.match(why, /cancelled/i);
    await browser.click('#tab-sandbox');
    assert.match(await browser.run("return document.querySelector('main').innerText"), /Tensor bytes held\s+0 B/);
  },

  async 'the guest is held before a call, steps, and goes on'(browser, base) {
    await fresh(browser, base);
    await browser.run(`weighbridge.held = []; weighbridge.client.listen((kind, value) => { if (kind === 'Held' || kind === 'Resumed') weighbridge.held.push(value ?? kind); });
      weighbridge.client.send('Pause');`);
    await browser.click('#sample');
    await browser.until('weighbridge.held.length === 1');
    await browser.click('#held button:nth-of-type(1)');
    await browser.until('weighbridge.held.length === 2');
    assert.match(await browser.run('return weighbridge.held[0]'), /→|before|asks to/);
    assert.ok((await browser.run("return document.querySelector('#held').innerText")).includes(await browser.run('return weighbridge.held[1]')));
    await browser.click('#held button:nth-of-type(2)');
    await browser.until(`${used} && ${idle}`);
    assert.equal(await browser.run("return document.querySelector('#held').hidden"), true);
    assert.equal(await browser.run('return weighbridge.held.at(-1)'), 'Resumed');
  },

  async 'an injected fault walks the error route to the card'(browser, base) {
    await fresh(browser, base);
    await browser.run("weighbridge.client.send({ SetFaults: [{ Call: { call: 'Read', nth: 2, kind: { Fail: { io: 5 } } } }] })");
    await browser.click('#sample');
    const why = await browser.until("document.querySelector('#why')?.innerText");
    assert.match(why, /io/);
    assert.match(why, /System code\s+5/);
  },

  async 'a native recording replays in the page, and the page’s natively'(browser, base) {
    const made = join(scratch, 'native.wbrec');
    native('record', join(models, 'minilm-q4_0.gguf'), '--out', made);
    await fresh(browser, base);
    await browser.give('#files', made);
    await browser.until("document.querySelector('#model-name')?.textContent === 'native.wbrec' && /mapped-file/.test(document.querySelector('#report').innerText)");
    await browser.click('#tab-transitions');
    await browser.click('#replay');
    const said = await browser.until("/Re-executed|Re-execution|another component: it was/.test(document.querySelector('#messages').innerText) && document.querySelector('#messages').innerText");
    assert.match(said, /Re-executed without the file: \d+ records/, 'if it is another component: build the native tool and the page anew');
    await browser.cdp('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: scratch });
    await fresh(browser, base);
    await open(browser, join(models, 'minilm-q4_0.gguf'));
    await browser.click('#tab-transitions');
    await browser.click('#save');
    const saved = join(scratch, 'load.wbrec');
    for (let tries = 0; tries < 600 && !existsSync(saved); tries += 1) await sleep(100);
    assert.match(native('replay', saved), /the component does what it did/);
    assert.ok(statSync(saved).size > 100_000);
  },

  async 'a changed recording is refused with its line'(browser, base) {
    const bytes = readFileSync(join(scratch, 'native.wbrec'));
    const at = bytes.indexOf(10, bytes.length >> 1) + 20;
    bytes[at] = bytes[at] === 49 ? 50 : 49;
    const file = join(scratch, 'changed.wbrec');
    writeFileSync(file, bytes);
    await fresh(browser, base);
    await browser.give('#files', file);
    assert.match(await browser.until("document.querySelector('#messages').innerText"), /line \d+ of the recording/);
  },

  async 'a URL opens by ranges; without ranges or permission it says so'(browser, base) {
    const file = join(models, 'minilm-q4_0.gguf');
    const { server, url } = await elsewhere(file);
    await fresh(browser, base);
    await openUrl(browser, url);
    await browser.until(`${used} && ${idle}`);
    assert.match(await browser.run("return document.querySelector('#report').innerText"), /104 tensors/);
    assert.match(await browser.run("return document.querySelector('#local').innerText"), /Ranges are fetched from localhost/);
    // What is opened from this machine afterwards has nothing to do with that server.
    const asked = [];
    server.on('request', ({ url: path }) => asked.push(path));
    const index = join(scratch, 'private.safetensors.index.json');
    writeFileSync(index, JSON.stringify({ metadata: {}, weight_map: { a: 'private-00001-of-00001.safetensors' } }));
    await browser.give('#files', index);
    assert.match(await browser.until("document.querySelector('#why')?.innerText"), /private-00001-of-00001\.safetensors is missing/);
    assert.match(await browser.run("return document.querySelector('#local').innerText"), /Nothing leaves this machine/);
    assert.deepEqual(asked, []);
    server.close();
    for (const [options, says] of [[{ ranges: false }, /does not answer range requests/], [{ cors: false }, /CORS/]]) {
      const other = await elsewhere(file, options);
      await openUrl(browser, other.url);
      await browser.until(`${says}.test(document.querySelector('#why')?.innerText)`);
      other.server.close();
    }
  },

  async 'where the server sends no headers cancel ends the worker, and pause is refused with a sentence'(browser) {
    const { close, url } = await bare();
    const { identifier } = await browser.cdp('Page.addScriptToEvaluateOnNewDocument', { source: "sessionStorage.setItem('isolated', 'not now')" });
    await fresh(browser, url);
    assert.equal(await browser.run('return crossOriginIsolated'), false);
    await browser.run("weighbridge.client.send('Pause')");
    await browser.until("/cross-origin isolated/.test(document.querySelector('#messages').innerText)");
    const { file } = sparse('again.safetensors', 1000 << 20);
    await browser.give('#files', file);
    await browser.until('weighbridge.overview.moved > 0');
    await browser.click('#cancel');
    await browser.until("/the worker was ended, and the model opened anew/.test(document.querySelector('#messages').innerText)");
    await browser.until(`document.querySelectorAll('#panel-tensors tbody tr').length === 3 && ${idle}`);
    // From the next load on the service worker sends the headers.
    await browser.until('navigator.serviceWorker.ready.then(() => true)');
    await fresh(browser, url);
    assert.equal(await browser.run('return crossOriginIsolated'), true);
    await browser.cdp('Page.removeScriptToEvaluateOnNewDocument', { identifier });
    close();
  },

  async 'at 400 px nothing is cut off'(browser, base) {
    await browser.cdp('Emulation.setDeviceMetricsOverride', { width: 400, height: 800, deviceScaleFactor: 1, mobile: false });
    await fresh(browser, base);
    await browser.click('#sample');
    await browser.until(`${used} && ${idle}`);
    for (const tab of ['tensors', 'metadata', 'transitions', 'sandbox']) {
      await browser.click(`#tab-${tab}`);
      assert.ok((await browser.run('return document.documentElement.scrollWidth')) <= 400, tab);
    }
    assert.ok(await browser.run("const { scrollWidth, clientWidth } = document.querySelector('.tabs'); return scrollWidth <= clientWidth"), 'every tab is there');
    await open(browser, malformed());
    assert.ok((await browser.run('return document.documentElement.scrollWidth')) <= 400, 'the why card');
    await browser.cdp('Emulation.setDeviceMetricsOverride', { width: 1200, height: 860, deviceScaleFactor: 1, mobile: false });
  },
};
