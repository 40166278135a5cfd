/** A worker that reads a piece of a file while others read other pieces, and hands it over without a copy. */
import { DONE, FAILED } from './mailbox.js';

const reader = new FileReaderSync();

self.onmessage = ({ data: { file, from, len, words, at } }) => {
  let state = FAILED;
  try {
    const bytes = reader.readAsArrayBuffer(file.slice(from, from + len));
    if (bytes.byteLength === len) {
      self.postMessage(bytes, [bytes]);
      state = DONE;
    }
  } catch {
    // Whoever asked reads the piece again itself, and so learns why.
  }
  Atomics.store(words, at, state);
  Atomics.notify(words, at);
};
self.postMessage('ready');
