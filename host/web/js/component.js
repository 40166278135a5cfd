/** The component as it lies in the package: its core modules, compiled once for all sessions. */
import { formats as formatsOf, tables } from '../dist/weighbridge_web.js';
import { Hooks } from './hooks.js';
import { start } from './guest.js';
import { parse } from './json.js';

/** Of a component's `index.js`, and what compiles one of its files. */
export async function made({ manifest, instantiate, files }, compile) {
  const began = performance.now();
  const compiled = Object.entries(files).map(async ([name, file]) => [name, await compile(file)]);
  return { ...manifest, instantiate, modules: new Map(await Promise.all(compiled)), compileMs: performance.now() - began };
}

/** The formats that the component reads. */
export const formats = (component) => parse(formatsOf(start(component), new Hooks()));

/** The transition tables as JSON text, asked once. */
export function tablesOf(component) {
  component.tables ??= tables(start(component), new Hooks());
  return component.tables;
}

/** The transition tables of every machine in the component. */
export const describe = (component) => parse(tablesOf(component));
