/** The package in a worker of a page. */
import init from '../dist/weighbridge_web.js';
import { made } from './component.js';

export * from './common.js';
export { Receiver } from './mailbox.js';
export { Readers } from './readers.js';
export { FileSource, UrlError, UrlSource, WINDOW } from './sources.js';

async function fetched(file) {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${file} is not there (${response.status})`);
  return response;
}

/** Compiles the host and the component; sessions share them. Bundlers know files by an address in `import.meta.url`, written out. */
export async function component(folder) {
  const [parts] = await Promise.all([
    folder ? import(/* @vite-ignore */ new URL('index.js', folder).href) : import('../dist/component/index.js'),
    init({ module_or_path: fetched(new URL('../dist/weighbridge_web_bg.wasm', import.meta.url)) }),
  ]);
  return made(parts, (file) => WebAssembly.compileStreaming(fetched(file)));
}
