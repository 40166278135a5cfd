/** What the browser itself takes for the same bytes, and the host module without the page: served beside the page while it is measured. */
import { component } from './host/component.js';
import { Log } from './host/log.js';
import { Session } from './host/session.js';
import { FileSource } from './worker/sources.js';

const folder = new URL('component/', import.meta.url);
const manifest = await (await fetch(new URL('manifest.json', folder))).json();
const { instantiate } = await import(new URL('weighbridge_loader.js', folder));
const loader = await component(manifest, instantiate, (name) => WebAssembly.compileStreaming(fetch(new URL(name, folder))));

const least = (times, work) => {
  let best = Infinity;
  for (let time = 0; time < times; time += 1) {
    const began = performance.now();
    work();
    best = Math.min(best, performance.now() - began);
  }
  return best;
};

const measured = {
  /** An open, from a file that is read anew to its summary; its header alone; and the windows of a mebibyte that the source reads. */
  open({ file, header }) {
    const reader = new FileReaderSync();
    const windows = Math.ceil(header / 2 ** 20);
    const read = (most) => {
      for (let at = 0; at < windows; at += 1) reader.readAsArrayBuffer(file.slice(at * 2 ** 20, Math.min((at + 1) * 2 ** 20, most)));
    };
    return {
      open: least(100, () => Session.open({ component: loader, sources: [new FileSource(file)], log: new Log({ keep: 0 }) })),
      header: least(100, () => read(header)),
      windows: least(100, () => read(Infinity)),
    };
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
