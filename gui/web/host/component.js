/** The component as it lies beside a page or a program: its core modules, compiled once for all sessions. */
import { Guest } from './guest.js';
import { Log } from './log.js';

/**
 * @param {object} manifest `manifest.json` of the folder
 * @param {Function} instantiate of the folder's `weighbridge_loader.js`
 * @param {(name: string) => Promise<WebAssembly.Module>} compile compiles a file of the folder
 */
export async function component(manifest, instantiate, compile) {
  const began = performance.now();
  const modules = new Map(await Promise.all(manifest.modules.map(async (name) => [name, await compile(name)])));
  return { ...manifest, instantiate, modules, compileMs: performance.now() - began };
}

/** The formats that the component reads. */
export function formats(component) {
  component.formats ??= alone(component).formats();
  return component.formats;
}

/** The transition tables of every machine in the component. */
export function describe(component) {
  component.machines ??= alone(component).describe();
  return component.machines;
}

/** A guest that is asked about itself alone. */
function alone(component) {
  return new Guest({ component, backend: null, log: new Log({ keep: 0 }), control: { begin() {}, check() {} } });
}
