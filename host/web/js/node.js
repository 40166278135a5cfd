/** The package in Node. */
import './node-version.js';
import { readFile } from 'node:fs/promises';
import { initSync } from '../dist/weighbridge_web.js';
import { made } from './component.js';

export * from './common.js';
export { FileSource } from './node-source.js';

const dist = new URL('../dist/', import.meta.url);

/** Compiles the host and the component; sessions share them. */
export async function component(folder = new URL('component/', dist)) {
  const compile = async (file) => WebAssembly.compile(await readFile(file));
  initSync({ module: await compile(new URL('weighbridge_web_bg.wasm', dist)) });
  return made(await import(new URL('index.js', folder)), compile);
}
