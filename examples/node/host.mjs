/** The host module of the web page and the transpiled component, found in the repository or beside this file. */
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { component as load } from '../../gui/web/host/component.js';

export { LoadError, StorageFault, escape, typed } from '../../gui/web/host/fault.js';
export { Control, Session } from '../../gui/web/host/session.js';
export { Log } from '../../gui/web/host/log.js';
export { readRecording, writeRecording } from '../../gui/web/host/recording.js';
export { replay } from '../../gui/web/host/replay.js';
export { STRATEGIES, stringify } from '../../gui/web/host/values.js';

const folder = new URL('../../target/web/component/', import.meta.url);

/** Compiles the component; sessions share it. */
export async function component() {
  if (!existsSync(new URL('manifest.json', folder))) {
    throw new Error('the component is not there as a web module; make it with `cargo xtask web --component-only`');
  }
  const manifest = JSON.parse(readFileSync(new URL('manifest.json', folder), 'utf8'));
  const { instantiate } = await import(new URL('weighbridge_loader.js', folder));
  return load(manifest, instantiate, async (name) => WebAssembly.compile(await readFile(new URL(name, folder))));
}
