/** What the browser itself takes for the same bytes, and the host module without the page: served beside the page while it is measured. */
import { FileSource, Session, WINDOW, component } from './host/js/browser.js';
import { median } from './median.js';

const loader = await component();

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
      () => Session.open({ component: loader, sources: [new FileSource(file)], ring: 0 }).free(),
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
