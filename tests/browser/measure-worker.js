/** What the browser itself takes for the same bytes, and the host module without the page: served beside the page while it is measured. */
import { component } from './host/component.js';
import { Log } from './host/log.js';
import { Session } from './host/session.js';
import { median } from './median.js';
import { FileSource, WINDOW } from './worker/sources.js';

const folder = new URL('component/', import.meta.url);
const manifest = await (await fetch(new URL('manifest.json', folder))).json();
const { instantiate } = await import(new URL('weighbridge_loader.js', folder));
const loader = await component(manifest, instantiate, (name) => WebAssembly.compileStreaming(fetch(new URL(name, folder))));

/** Times of several kinds of work, taken in turn: the median of each, in ms. */
function inTurn(rounds, works) {
  const times = works.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    works.forEach((work, at) => {
      const began = performance.now();
      work();
      times[at].push(performance.now() - began);
    });
  }
  return times.map(median);
}

const measured = {
  /** An open, from a file that is read anew to its summary; its header alone; and the windows that the source reads. */
  open({ file, header }) {
    const reader = new FileReaderSync();
    const read = (from, to) => reader.readAsArrayBuffer(file.slice(from, to));
    const [open, alone, windows] = inTurn(200, [
      () => Session.open({ component: loader, sources: [new FileSource(file)], log: new Log({ keep: 0 }) }),
      () => read(0, header),
      () => {
        for (let at = 0; at < header; at += WINDOW) read(at, at + WINDOW);
      },
    ]);
    return { open, header: alone, windows };
  },
  async bytes({ file, bytes }) {
    const began = performance.now();
    await file.slice(file.size - bytes).arrayBuffer();
    return performance.now() - began;
  },
};

self.onmessage = async ({ data: { how, ...asked } }) => self.postMessage(await measured[how](asked));
// Whoever asks before this would not be heard.
self.postMessage('ready');
