/** Sessions for the scenarios in a module worker, over `File.slice`, `FileReaderSync` and several readers as in the page. */
import { component } from '../../gui/web/host/component.js';
import { StorageFault } from '../../gui/web/host/fault.js';
import { parse, stringify, unbase64 } from '../../gui/web/host/values.js';
import { Readers } from '../../gui/web/worker/readers.js';
import { FileSource } from '../../gui/web/worker/sources.js';
import { answerer } from './scenarios.js';

const folder = new URL('../../gui/web/component/', import.meta.url);
const manifest = await (await fetch(new URL('manifest.json', folder))).json();
const { instantiate } = await import(new URL('weighbridge_loader.js', folder));
const loader = await component(manifest, instantiate, (name) => WebAssembly.compileStreaming(fetch(new URL(name, folder))));

/** A file of the page; a file made in memory cannot change as one on a disk does, so that is told. */
class Changing extends FileSource {
  check() {
    if (changed.has(this.name)) throw new StorageFault('changed');
  }
}

const files = new Map();
const changed = new Set();
const find = (name) => (files.has(name) ? new Changing(files.get(name), readers) : undefined);
const answer = answerer({ component: loader, find });

self.onmessage = async ({ data }) => {
  const question = parse(data);
  if (question.files) {
    changed.clear();
    files.clear();
    for (const [name, bytes] of Object.entries(question.files)) files.set(name, new File([unbase64(bytes)], name));
  }
  if (question.change) changed.add(question.change);
  self.postMessage(stringify(question.change ? { ok: null } : await answer(question)));
};
// A reader is there when one can be asked.
const readers = new Readers();
const empty = new File([], 'empty');
while (!readers.begin(empty, 0, 0)?.wait(() => {})) await new Promise((done) => setTimeout(done, 10));
self.postMessage('ready');
