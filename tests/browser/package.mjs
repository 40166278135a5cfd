/**
 * The package as strangers have it: packed, installed in an empty folder, and used as its README says, in Node and through a bundler in a worker of
 * Chromium. `node tests/browser/package.mjs`, after `cargo xtask web --component-only` and `npm ci` in host/web.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Browser } from './driver.mjs';
import { root, run, safetensorsBytes } from './native.mjs';
import { serveStatic } from './static.mjs';
import { Tally } from './tally.mjs';

const source = join(root, 'host/web');
const folder = join(root, 'target/npm');
const tool = (name) => join(source, 'node_modules', name);
const tally = new Tally(process.argv[2]);

/** Runs a program to its end in the folder, and answers what it said. */
function ran(...command) {
  const { status, stdout, stderr } = run(...command, { cwd: folder });
  assert.equal(status, 0, `${command.join(' ')}\n${stdout}\n${stderr}`);
  return stdout;
}

const readme = readFileSync(join(source, 'README.md'), 'utf8');
/** The examples of the README, by the word behind their language. */
const example = (kind) => {
  const found = new RegExp(`\`\`\`js ${kind}\\n([^]*?)\`\`\``).exec(readme);
  assert.ok(found, `the README has no example called ${kind}`);
  return found[1];
};

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const npm = (...args) => ran('npm', ...args, '--no-audit', '--no-fund');
const [packed] = JSON.parse(npm('pack', source, '--json', '--ignore-scripts'));
writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
npm('install', `./${packed.filename}`, '--offline');
writeFileSync(join(folder, 'model.safetensors'), safetensorsBytes({ embedding: { dtype: 'U8', shape: [4], data_offsets: [0, 4] } }, Buffer.from([1, 2, 3, 4])));

await tally.run('the package has what it needs and nothing else', () => {
  const names = packed.files.map(({ path }) => path);
  for (const needed of ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'dist/component/index.js', 'dist/weighbridge_web_bg.wasm', 'types/node.d.ts']) assert.ok(names.includes(needed), needed);
  assert.deepEqual(names.filter((name) => !/^(dist|js|types)\/|^(README\.md|package\.json|LICENSE-[A-Z]+)$/.test(name)), []);
  const { version, dependencies, exports } = JSON.parse(readFileSync(join(folder, 'node_modules/weighbridge/package.json'), 'utf8'));
  const { version: made } = JSON.parse(readFileSync(join(source, 'dist/component/manifest.json'), 'utf8'));
  assert.deepEqual([version, dependencies], [made, undefined], 'the version is the component’s, and nothing else is installed');
  const files = Object.values(exports).flatMap((entry) => (typeof entry === 'string' ? [entry] : Object.values(entry).flatMap((one) => (typeof one === 'string' ? [one] : Object.values(one)))));
  for (const file of files) assert.ok(names.includes(file.replace('./', '')), file);
});

await tally.run('the README’s example runs in Node, and its types hold', () => {
  writeFileSync(join(folder, 'example.mjs'), example('node'));
  assert.match(ran(process.execPath, 'example.mjs'), /read-copy.*\n.*embedding/);
  writeFileSync(join(folder, 'example.mts'), example('node'));
  const types = { noEmit: true, strict: true, skipLibCheck: true, target: 'es2022', lib: ['es2022', 'dom', 'esnext.disposable'], typeRoots: [tool('@types')], types: ['node'] };
  for (const resolution of [{ module: 'nodenext', moduleResolution: 'nodenext' }, { module: 'esnext', moduleResolution: 'bundler', customConditions: ['node'] }]) {
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: { ...types, ...resolution }, files: ['example.mts'] }));
    ran(process.execPath, tool('typescript/bin/tsc'), '-p', '.');
  }
});

await tally.run('nothing but the exports can be imported', () => {
  for (const inside of ['weighbridge/js/guest.js', 'weighbridge/dist/weighbridge_web.js']) {
    const { status, stderr } = run(process.execPath, '--input-type=module', '-e', `await import('${inside}')`, { cwd: folder });
    assert.ok(status !== 0 && stderr.includes('ERR_PACKAGE_PATH_NOT_EXPORTED'), stderr);
  }
});

await tally.run('an old Node is told so in a sentence', () => {
  writeFileSync(join(folder, 'old.mjs'), "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.19.0' } });\ndelete globalThis.crypto;");
  const { status, stderr } = run(process.execPath, '--import', pathToFileURL(join(folder, 'old.mjs')).href, 'example.mjs', { cwd: folder });
  assert.ok(status !== 0 && stderr.includes('weighbridge needs Node 20 or newer, and this is Node 18.19.0'), stderr);
});

await tally.run('a bundler takes it into a page, and its worker loads a model', async () => {
  writeFileSync(join(folder, 'worker.js'), example('worker'));
  writeFileSync(join(folder, 'main.js'), example('page'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html><link rel="icon" href="data:,"><script type="module" src="main.js"></script>');
  writeFileSync(join(folder, 'vite.config.js'), example('vite'));
  ran(process.execPath, tool('vite/bin/vite.js'), 'build', '--logLevel', 'warn');
  const server = await serveStatic({ '/': join(folder, 'dist/') });
  const browser = await Browser.start({ webgl: false });
  try {
    await browser.go(server.url);
    const loaded = await browser.run(`return Promise.race([
      globalThis.load(new File([new Uint8Array(args[0])], 'model.safetensors')),
      new Promise((_, failed) => setTimeout(() => failed(new Error('the worker does not answer')), 20000)),
    ])`, [...readFileSync(join(folder, 'model.safetensors'))]);
    assert.deepEqual(loaded, [['embedding', [1, 2, 3, 4]]]);
  } finally {
    await browser.stop();
    server.close();
  }
});
tally.end();
