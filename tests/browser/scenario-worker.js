/** Sessions for the scenarios in a module worker, over `File.slice`, `FileReaderSync` and several readers as in the page. */
import * as host from '../../host/web/js/browser.js';
import { answerer } from './scenarios.js';

const { FileSource, Readers, StorageFault, parse, stringify } = host;
const component = await host.component();

/** A file of the page; a file made in memory cannot change as one on a disk does, so that is told. */
class Changing extends FileSource {
  check() {
    if (changed.has(this.name)) throw new StorageFault('changed');
  }
}

const files = new Map();
const changed = new Set();
const find = (name) => (files.has(name) ? new Changing(files.get(name), readers) : undefined);
const answer = answerer(host, { component, find });

self.onmessage = async ({ data }) => {
  const question = parse(data);
  if (question.files) {
    changed.clear();
    files.clear();
    for (const [name, bytes] of Object.entries(question.files)) files.set(name, new File([Uint8Array.from(atob(bytes), (char) => char.charCodeAt(0))], name));
  }
  if (question.change) changed.add(question.change);
  self.postMessage(stringify(question.change ? { ok: null } : await answer(question)));
};
// A reader is there when one can be asked.
const readers = new Readers();
const empty = new File([], 'empty');
while (!readers.begin(empty, 0, 0)?.wait()) await new Promise((done) => setTimeout(done, 10));
self.postMessage('ready');
