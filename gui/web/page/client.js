/** The page's end of the worker: gives it files and requests, and tells everyone who listens what it answers. */
import { Sender, nameOf, newMailbox, parse, stringify } from '../host/js/page.js';

/** Requests that act at once. */
const URGENT = ['Cancel', 'Pause', 'Continue', 'Step', 'SetBreakpoints', 'SetFaults'];
/** The worker for files, and the one that may connect to other hosts. */
const LOCAL = 'worker/worker.js';
const REMOTE = 'worker/remote.js';
/** How long a worker may take to hear of a cancellation before it is ended (ms). */
const HEARING = 4000;
/** How the desk calls what it is at when it opens something. */
const OPENING = new Set(['Opening', 'Reading the recording']);

export class Client extends EventTarget {
  #files = new Map();
  #history = [];
  #next = 0;
  /** What the worker is at, and how many things it was at before. */
  #busy = null;
  #begun = 0;
  /** What another worker has to be told to stand where this one does: what is open, and what is armed. */
  #last = null;
  #armed = new Map();

  /** @param {{base: URL | string}} options the page's folder */
  constructor({ base }) {
    super();
    this.base = base;
    this.isolated = globalThis.crossOriginIsolated === true;
    this.#start(LOCAL);
  }

  #start(file) {
    this.kind = file;
    this.worker = new Worker(new URL(file, this.base), { type: 'module', name: 'weighbridge' });
    const mailbox = this.isolated ? newMailbox() : null;
    this.sender = mailbox && new Sender(mailbox);
    this.worker.onmessage = ({ data }) => this.#hear(data);
    this.worker.onerror = (event) => this.#broken(event.message);
    const bufferBytes = Math.min(navigator.deviceMemory ?? 4, 8) * 2 ** 29;
    this.worker.postMessage({ start: { mailbox, bufferBytes } });
    // A worker that may connect elsewhere is given no file of this machine.
    for (const [token, given] of this.#files) {
      if (file === LOCAL || typeof given === 'string') this.worker.postMessage({ token, file: given });
    }
    for (const request of this.#armed.values()) this.worker.postMessage({ request });
    this.dispatchEvent(new CustomEvent('started', { detail: { mayConnect: file === REMOTE } }));
  }

  /** Ends the worker, whatever it is at, and starts one in its place. */
  #replace(file) {
    this.worker.terminate();
    const wasBusy = this.#busy !== null;
    this.#start(file);
    if (wasBusy) this.#tell('"Idle"');
  }

  #broken(why) {
    this.#tell(`{"Problem":${JSON.stringify(`The worker could not be started: ${why ?? 'module workers are missing in this browser'}`)}}`);
    this.dispatchEvent(new CustomEvent('broken', { detail: why }));
  }

  /** The host itself broke at work: a bug, or a component that used up the stack. Nothing can be asked of that worker. */
  #failed(why) {
    this.#replace(this.kind);
    this.#tell(JSON.stringify({ Problem: `The worker failed (${why}) and was started anew; open the model again, and please report it` }));
  }

  #hear(data) {
    if (data.update !== undefined) this.#tell(data.update);
    else if (data.progress !== undefined) this.dispatchEvent(new CustomEvent('progress', { detail: data.progress }));
    else if (data.deliver !== undefined) download(data.deliver, data.bytes);
    else if (data.broken !== undefined) this.#broken(data.broken);
    else if (data.failed !== undefined) this.#failed(data.failed);
  }

  #tell(json) {
    const kind = /^\{?"(\w+)"/.exec(json)[1];
    if (kind === 'Began') this.#history = this.#history.filter((old) => old.startsWith('{"Host"'));
    if (kind === 'Busy') {
      this.#busy = JSON.parse(json).Busy;
      this.#begun += 1;
    }
    if (kind === 'Idle') this.#busy = null;
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

  /** Makes a file known and answers what requests call it. A worker that may connect elsewhere gets none. */
  file(file) {
    if (this.kind !== LOCAL) this.#replace(LOCAL);
    return this.#give(file);
  }

  #give(file) {
    const token = String(this.#next++);
    this.#files.set(token, file);
    this.worker.postMessage({ token, file });
    return { name: file.name, token };
  }

  /** The same for a URL, which another worker opens. */
  url(url) {
    if (this.kind !== REMOTE) this.#replace(REMOTE);
    return { ...this.#give(url), name: nameOf(url) };
  }

  /** The file that was given last. */
  given() {
    return [...this.#files.values()].at(-1);
  }

  /** Asks. */
  send(request) {
    const name = typeof request === 'string' ? request : Object.keys(request)[0];
    if (name === 'Open' || name === 'OpenRecording') this.#last = request;
    if (name === 'SetFaults' || name === 'SetBreakpoints') this.#armed.set(name, request);
    if (!URGENT.includes(name)) return this.worker.postMessage({ request });
    if (name === 'Cancel' && this.#busy !== null) this.#cancel();
    // A worker that is idle takes the message as any other.
    if (this.sender && this.#busy !== null) return this.sender.send(stringify(request));
    return this.worker.postMessage({ request });
  }

  /** A worker that cannot hear, or does not, is ended; another takes its place and opens the same files. */
  #cancel() {
    const { worker } = this;
    const begun = this.#begun;
    const end = () => {
      // Whatever it is at now, it is not what was cancelled.
      if (this.worker !== worker || this.#busy === null || this.#begun !== begun) return;
      // What could not be opened in time is not tried again.
      const again = OPENING.has(this.#busy) ? null : this.#last;
      this.#replace(this.kind);
      this.#tell(`{"Notice":"Cancelled: the worker was ended${again ? ', and the model opened anew' : ''}"}`);
      if (again) this.worker.postMessage({ request: again });
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
