/** The package in Node. */
import { readFile } from 'node:fs/promises';
import { made } from './component.js';

export * from './common.js';
export { FileSource } from './node-source.js';

const dist = new URL('../dist/', import.meta.url);

/** Compiles the host and the component; sessions share them. */
export async function component(folder = new URL('component/', dist)) {
  const { initSync } = await import('../dist/weighbridge_web.js');
  const compile = async (name, from = folder) => WebAssembly.compile(await readFile(new URL(name, from)));
  initSync({ module: await compile('weighbridge_web_bg.wasm', dist) });
  const manifest = JSON.parse(await readFile(new URL('manifest.json', folder), 'utf8'));
  const { instantiate } = await import(new URL('weighbridge_loader.js', folder));
  return made(manifest, instantiate, compile);
}
