/** The component as it lies in the package: its core modules, compiled once for all sessions. */
import { formats as formatsOf, tables } from '../dist/weighbridge_web.js';
import { Hooks } from './hooks.js';
import { Start } from './guest.js';
import { parse } from './json.js';

/** Of the folder's `manifest.json`, the `instantiate` of its `weighbridge_loader.js`, and what compiles a file of it. */
export async function made(manifest, instantiate, compile) {
  const began = performance.now();
  const modules = new Map(await Promise.all(manifest.modules.map(async (name) => [name, await compile(name)])));
  return { ...manifest, instantiate, modules, compileMs: performance.now() - began };
}

/** The formats that the component reads. */
export const formats = (component) => parse(formatsOf(new Start(component), new Hooks()));

/** The transition tables as JSON text, asked once. */
export function tablesOf(component) {
  component.tables ??= tables(new Start(component), new Hooks());
  return component.tables;
}

/** The transition tables of every machine in the component. */
export const describe = (component) => parse(tablesOf(component));
