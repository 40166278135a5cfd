/** The package in a worker of a page. */
import init from '../dist/weighbridge_web.js';
import { made } from './component.js';

export * from './common.js';
export { Receiver } from './mailbox.js';
export { Readers } from './readers.js';
export { FileSource, UrlError, UrlSource, WINDOW } from './sources.js';

const dist = new URL('../dist/', import.meta.url);

/** Compiles the host and the component; sessions share them. */
export async function component(folder = new URL('component/', dist)) {
  const read = async (name, from = folder) => {
    const response = await fetch(new URL(name, from));
    if (!response.ok) throw new Error(`${name} is not there (${response.status})`);
    return response;
  };
  const manifest = await (await read('manifest.json')).json();
  const [{ instantiate }] = await Promise.all([
    import(new URL('weighbridge_loader.js', folder)),
    init({ module_or_path: read('weighbridge_web_bg.wasm', dist) }),
  ]);
  return made(manifest, instantiate, async (name) => WebAssembly.compileStreaming(read(name)));
}
