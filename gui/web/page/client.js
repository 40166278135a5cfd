/** The page's end of the worker: gives it files and requests, and tells everyone who listens what it answers. */
import { newMailbox, Sender } from '../worker/mailbox.js';
import { parse } from '../host/values.js';

/** Requests that act at once. */
const URGENT = ['Cancel', 'Pause', 'Continue', 'Step', 'SetBreakpoints', 'SetFaults'];
/** How long a worker may take to hear of a cancellation before it is ended (ms). */
const HEARING = 4000;

export class Client extends EventTarget {
  #files = new Map();
  #busy = false;
  #history = [];
  #next = 0;
  #last = null;

  /** @param {{base: URL | string}} options the page's folder */
  constructor({ base }) {
    super();
    this.base = base;
    this.isolated = globalThis.crossOriginIsolated === true;
    this.#start('worker/worker.js');
  }

  #start(file) {
    this.kind = file;
    this.worker = new Worker(new URL(file, this.base), { type: 'module', name: 'weighbridge' });
    const mailbox = this.isolated ? newMailbox() : null;
    this.sender = mailbox && new Sender(mailbox);
    this.worker.onmessage = ({ data }) => this.#hear(data);
    this.worker.onerror = (event) => this.#broken(event.message);
    const bufferBytes = Math.min(navigator.deviceMemory ?? 4, 8) * 2 ** 29;
    this.worker.postMessage({ start: { folder: new URL('component/', this.base).href, mailbox, bufferBytes } });
    for (const [token, given] of this.#files) this.worker.postMessage({ token, file: given });
  }

  #broken(why) {
    this.#tell(`{"Problem":${JSON.stringify(`The worker could not be started: ${why ?? 'module workers are missing in this browser'}`)}}`);
    this.dispatchEvent(new CustomEvent('broken', { detail: why }));
  }

  #hear(data) {
    if (data.update !== undefined) this.#tell(data.update);
    else if (data.progress !== undefined) this.dispatchEvent(new CustomEvent('progress', { detail: data.progress }));
    else if (data.form !== undefined) this.dispatchEvent(new CustomEvent('convert', { detail: data }));
    else if (data.deliver !== undefined) download(data.deliver, data.bytes);
    else if (data.broken !== undefined) this.#broken(data.broken);
  }

  #tell(json) {
    const kind = /^\{?"(\w+)"/.exec(json)[1];
    if (kind === 'Began') this.#history = this.#history.filter((old) => old.startsWith('{"Host"'));
    if (kind === 'Busy') this.#busy = true;
    if (kind === 'Idle') this.#busy = false;
    this.#history.push(json);
    this.dispatchEvent(new CustomEvent('json', { detail: json }));
    if (this.#listened) this.dispatchEvent(new CustomEvent('update', { detail: parse(json) }));
  }

  #listened = false;

  /** Hears every update as a value: `(kind, value)`. */
  listen(heard) {
    this.#listened = true;
    this.addEventListener('update', ({ detail }) => {
      if (typeof detail === 'string') heard(detail);
      else heard(...Object.entries(detail)[0]);
    });
  }

  /** Every update since the current run began, as JSON: for a view that comes later. */
  history() {
    return this.#history;
  }

  /** Makes a file known and answers what requests call it. */
  file(file) {
    const token = String(this.#next++);
    this.#files.set(token, file);
    this.worker.postMessage({ token, file });
    return { name: file.name, token };
  }

  /** The same for a URL, which another worker opens. */
  url(url) {
    if (this.kind !== 'worker/remote.js') {
      this.worker.terminate();
      this.#start('worker/remote.js');
    }
    return { ...this.file(url), name: decodeURIComponent(new URL(url).pathname.split('/').pop() || url) };
  }

  /** The file that was given last. */
  given() {
    return [...this.#files.values()].at(-1);
  }

  /** Asks. */
  send(request) {
    const name = typeof request === 'string' ? request : Object.keys(request)[0];
    if (name === 'Open') this.#last = request;
    if (!URGENT.includes(name)) return this.worker.postMessage({ request });
    if (name === 'Cancel' && this.#busy) this.#cancel();
    // A worker that is idle takes the message as any other.
    if (this.sender && this.#busy) return this.sender.send(request);
    return this.worker.postMessage({ request });
  }

  /** A worker that cannot hear, or does not, is ended; another takes its place and opens the same files. */
  #cancel() {
    const { worker } = this;
    const end = () => {
      if (this.worker !== worker || !this.#busy) return;
      worker.terminate();
      this.#start(this.kind);
      this.#busy = false;
      this.#tell('"Idle"');
      this.#tell('{"Notice":"Cancelled: the worker was ended, and the model opened anew"}');
      if (this.#last) this.worker.postMessage({ request: this.#last });
    };
    if (this.isolated) setTimeout(end, HEARING);
    else end();
  }
}

/** Gives bytes to the person as a file. */
export function download(name, bytes) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([bytes]));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
