/**
 * Answers the inspector: the messages of `gui/src/backend.rs` (`Request` in, `Update` out, as serde writes them), and those few of
 * the plain page. The same in a worker and in Node; whoever makes it gives it the package and says where files come from and where they go.
 */
import { digests } from './digests.js';
import { Faults } from './faults.js';
import { Gate } from './gate.js';
import { tellRecording } from './retell.js';

/** First bytes of a tensor that are shown. */
const PREVIEW = 64 << 10;
/** Tensors and records told at once, and how long records wait to be told together (ms). */
const PAGE = 8192;
const RECORDS = 4096;
const PATIENCE = 40;
/** Records that are remembered for a recording. */
const RING = 1 << 20;

const nanos = (ms) => Math.max(0, Math.round(ms * 1e6));

/** What takes long enough to be named. */
const BUSY = {
  Open: 'Opening',
  OpenRecording: 'Reading the recording',
  Load: 'Loading',
  Release: 'Releasing',
  Evict: 'Evicting',
  Advise: 'Advising',
  Replay: 'Re-executing',
  Race: 'Racing',
  Close: 'Closing',
  SaveRecording: 'Writing',
  WriteFile: 'Writing',
  Hash: 'Hashing',
};

/** Requests that act at once, also while the guest runs. */
export const URGENT = new Set(['Cancel', 'Pause', 'Continue', 'Step', 'SetBreakpoints', 'SetFaults']);

export class Desk {
  #session = null;
  #recording = null;
  #gate = new Gate();
  #faults = new Faults();
  #cancelled = false;
  #pending = [];
  #told = 0;
  #borrowed = null;
  #opened = null;

  /**
   * @param {object} options
   * @param {object} options.host the package `weighbridge`
   * @param {object} options.component
   * @param {(update: object | string) => void} options.tell
   * @param {(file: {name: string, token: string}) => object} options.source the source of a file
   * @param {(name: string) => object | undefined} options.find a file that was given, by its name
   * @param {(file: {name: string, token: string}) => Uint8Array} options.bytes all of a small file
   * @param {(name: string, bytes: Uint8Array, form?: string) => void} options.deliver gives a file to the person; `form` is what is to be made of a recording first
   * @param {(done: number) => void} [options.progress]
   * @param {() => void} [options.poll] takes urgent requests that came meanwhile
   * @param {(() => void)} [options.wait] blocks until an urgent request comes; without it nothing can be held
   * @param {number} [options.bufferBytes]
   */
  constructor(options) {
    Object.assign(this, { poll: () => {}, progress: () => {}, bufferBytes: 2 ** 31, ...options });
    this.tell({ Host: this.#facts() });
  }

  #facts(tables = this.host.describe(this.component)) {
    return {
      component_id: this.component.id,
      component_bytes: this.component.bytes,
      code: 'compiled by the browser',
      ready_ns: nanos(this.component.compileMs),
      imports: this.component.imports,
      exports: this.component.exports,
      granted: ['Granted: reading the files that you open, by handle; telling the observer what it does.'],
      formats: this.host.formats(this.component),
      tables,
    };
  }

  /** Does what is asked, and tells what came of it. */
  async handle(request) {
    const [name, asked] = typeof request === 'string' ? [request] : Object.entries(request)[0];
    if (URGENT.has(name)) return this.urgent(request);
    this.poll();
    this.#cancelled = false;
    const busy = BUSY[name];
    if (busy) this.tell({ Busy: busy });
    try {
      await this.#perform(name, asked);
    } catch (error) {
      this.#flush();
      if (error instanceof this.host.LoadError) this.#fail(name.toLowerCase(), error);
      else if (error instanceof this.host.Sentence) this.tell({ Problem: error.message });
      else this.tell({ Problem: `this page failed at ${name}: ${error?.message ?? error}; please report it` });
    }
    this.#flush();
    if (busy) {
      this.#tellStruck();
      this.tell('Idle');
    }
    return undefined;
  }

  /** What acts at once. */
  urgent(request) {
    const [name, asked] = typeof request === 'string' ? [request] : Object.entries(request)[0];
    if (name === 'Cancel') {
      this.#cancelled = true;
      this.#gate.goOn();
    }
    if (name === 'SetFaults') this.#faults.armed = asked;
    if (name === 'Continue') this.#gate.goOn();
    if (['Pause', 'Step', 'SetBreakpoints'].includes(name) && !this.wait) {
      if (name !== 'SetBreakpoints' || asked.length > 0) {
        this.tell({ Problem: 'This page cannot hold the component: that needs a page that is cross-origin isolated (headers COOP and COEP), as `cargo xtask web --serve` sends them' });
      }
    } else if (name === 'Pause') this.#gate.pause();
    else if (name === 'Step') this.#gate.step();
    else if (name === 'SetBreakpoints') this.#gate.breaks = asked;
  }

  async #perform(name, asked) {
    switch (name) {
      case 'Open':
        return this.#open(asked.files, asked.options);
      case 'OpenRecording':
        return this.#openRecording(asked);
      case 'Load':
        return this.#act(async (session) => this.tell({ Report: await this.#load(session, asked) }));
      case 'Release':
        return this.#act((session) => this.tell({ Notice: `Released ${session.release(asked)} tensors` }));
      case 'Evict':
        return this.#act((session) => this.tell({ Notice: `Evicted ${session.evict(asked)} tensors` }));
      case 'Advise':
        return this.#act((session) => this.tell({ Notice: `${asked[1]} was ${session.advise(...asked)}` }));
      case 'Observe':
        return this.#session?.observe(asked);
      case 'Borrow':
        return this.#borrow(asked);
      case 'Metadata':
        return this.#session && this.tell({ Metadata: this.#session.metadata(8) });
      case 'Preview':
        return this.#preview(asked);
      case 'Pages':
        return this.tell({ Problem: 'A browser does not say which pages of a file are in memory' });
      case 'SaveRecording':
        return this.#save(asked.name, this.#current().write());
      case 'ExportPerfetto':
      case 'ExportMermaid':
        // The forms of other programs are made by the library, which the inspector has.
        return this.deliver(asked.name, this.#current().write(), name === 'ExportPerfetto' ? 'perfetto' : 'mermaid');
      case 'WriteFile':
        return this.#save(asked[0].name, Uint8Array.from(asked[1]));
      case 'Replay':
        return this.#replay();
      case 'Race':
        return this.#race(asked);
      case 'Close':
        return this.#close();
      case 'Hash':
        return this.#act((session) => this.#hash(session, asked));
      default:
        return this.tell({ Problem: `This page does not know the request ${name}` });
    }
  }

  #save(name, bytes) {
    this.deliver(name, bytes);
    this.tell({ Notice: `Wrote ${this.host.escape(name)}` });
  }

  #forget() {
    this.#giveBack();
    Object.assign(this, { registered: false });
    this.#session?.free();
    this.#recording?.free();
    this.#session = null;
    this.#recording = null;
  }

  #open(files, options) {
    this.#forget();
    this.#gate.forgetNames();
    const label = files.length > 1 ? `${files[0].name} and ${files.length - 1} more` : (files[0]?.name ?? '');
    this.tell({ Began: { label, origin: 'Live' } });
    this.#opened = { files, options };
    this.#files = [];
    let session;
    try {
      const granted = (source) => this.#files[this.#files.push(source) - 1];
      const settings = this.#settings(options, files, granted);
      session = this.host.Session.open({ ...settings, ring: RING, observe: this.#observe(), interpose: this.#interpose() });
    } catch (error) {
      // What happened until then can be saved and replayed.
      this.#recording = error.session?.recording() ?? null;
      error.session?.free();
      throw error;
    }
    this.#session = session;
    const { summary, capabilities } = session;
    this.#flush();
    this.tell({ Opened: { summary, files: session.files, capabilities } });
    this.#tellTensors(session.tensors());
    this.tell({ Metadata: session.metadata(8) });
    this.#refresh();
  }

  #files = [];

  /** What every session here has; `granted` hears of each source, in the order of the files. */
  #settings(options, files, granted = (source) => source) {
    return {
      component: this.component,
      sources: files.map((file) => granted(this.source(file))),
      find: (name) => {
        const source = this.find(name);
        return source && granted(source);
      },
      guest: options?.guest,
      limits: { 'buffer-bytes': this.bufferBytes, deadline: options?.deadline_ms ?? 0 },
      cancelled: () => {
        this.poll();
        return this.#cancelled;
      },
      progress: this.progress,
    };
  }

  #interpose() {
    return (call) => {
      this.poll();
      return this.#faults.armed.length > 0 ? this.#faults.before(call, (read) => this.#shortly(read)) : undefined;
    };
  }

  /** Answers a read in the host's place. */
  #shortly({ source: number, offset, len }) {
    const source = this.#files[number];
    try {
      return { bytes: source.read(Number(offset), Math.min(len, source.size - Number(offset))) };
    } catch (error) {
      return { failed: error.why ?? { io: 5 } };
    }
  }

  #observe() {
    return (records) => {
      for (const record of records) this.#pending.push(record);
      if (this.#pending.length >= RECORDS || performance.now() - this.#told > PATIENCE) this.#flush();
      this.poll();
      this.#tellStruck();
      if (!this.wait) return;
      const held = (why) => {
        this.#flush();
        this.tell({ Held: why });
      };
      this.#gate.pass(records, this.wait, held, () => this.tell('Resumed'));
    };
  }

  #flush() {
    if (this.#pending.length > 0) this.tell({ Records: this.#pending });
    this.#pending = [];
    this.#told = performance.now();
  }

  #tellStruck() {
    const left = this.#faults.struck();
    if (left) this.tell({ Faults: left });
  }

  #tellTensors(tensors) {
    for (let start = 0; start < tensors.length; start += PAGE) {
      this.tell({ Tensors: { start, tensors: tensors.slice(start, start + PAGE) } });
    }
  }

  /** Does something with the session, and tells how things stand. */
  async #act(deed) {
    if (!this.#session) return this.tell({ Problem: 'Open a model first' });
    try {
      return await deed(this.#session);
    } catch (error) {
      if (error instanceof this.host.StorageFault) {
        const cause = ['cancelled', 'deadline'].includes(error.why) ? error.why : 'other';
        throw new this.host.LoadError(this.host.typed('transfer', cause, error.message));
      }
      throw error;
    } finally {
      this.#flush();
      this.#refresh();
    }
  }

  async #load(session, { selection, options }) {
    if (options.policy?.only === 'external-buffer' && !this.registered) {
      // For external-buffer this program is the embedder that has the memory.
      const tensors = session.tensors();
      const total = tensors.reduce((sum, { bytes }) => sum + Number(bytes), 0);
      if (total > this.bufferBytes / 2) {
        throw new this.host.LoadError(this.host.typed('request', 'out-of-memory', `there is no memory for ${total} bytes of tensors; choose another strategy`));
      }
      for (const { name, bytes } of tensors) session.register(name, new Uint8Array(Number(bytes)));
      this.registered = true;
    }
    try {
      return session.load(selection, options);
    } finally {
      await session.settled();
    }
  }

  /** Tells how things stand. A guest that was ended answers nothing; the error that ended it has been told. */
  #refresh() {
    const session = this.#session;
    if (!session) return;
    try {
      this.tell({ States: session.states() });
      this.tell({ Slots: session.slots() });
    } catch (error) {
      if (!(error instanceof this.host.LoadError)) throw error;
      return;
    }
    const { stats } = session;
    this.tell({
      Sandbox: {
        guest_memory: stats['guest-memory-bytes'],
        guest_limit: this.component.memoryLimit ?? 2 ** 32,
        deadline_ms: this.#opened?.options?.deadline_ms ?? 0,
        handles: stats.handles,
        handle_limit: 1 << 20,
        crossings_in: stats['crossings-in'],
        crossings_out: stats['crossings-out'],
        bytes_to_guest: stats['bytes-to-guest'],
        bytes_moved: session.usage.moved,
        mapped_bytes: 0,
        mapped_limit: 0,
        mappings: 0,
        buffer_bytes: stats['buffer-bytes'],
        buffer_limit: this.bufferBytes,
      },
    });
  }

  #giveBack() {
    this.#borrowed?.free();
    this.#borrowed = null;
  }

  #borrow(tensor) {
    this.#giveBack();
    if (tensor === null || !this.#session) return;
    this.#borrowed = this.#session.view(tensor);
    this.tell({ Notice: 'A view is held: evicting this tensor will be answered busy' });
  }

  #preview(tensor) {
    if (!this.#session) return;
    let bytes = [];
    try {
      bytes = Array.from(this.#session.bytes(tensor, PREVIEW));
    } catch (error) {
      // A tensor that is not resident has nothing to show, which is no error here.
      if (!(error instanceof this.host.LoadError)) throw error;
    }
    this.tell({ Preview: { tensor, bytes } });
  }

  /** The recording of what is open. */
  #current() {
    if (this.#session) return this.#session.recording();
    if (this.#recording) return this.#recording;
    throw new this.host.Sentence('There is nothing to record yet: open a model first');
  }

  #openRecording(file) {
    this.#forget();
    const recording = this.host.Recording.read(this.bytes(file));
    this.tell({ Began: { label: file.name, origin: 'Recording' } });
    const { component, machines } = recording.header;
    if (component !== this.component.id) {
      this.tell({ Host: this.#facts(machines ?? []) });
      this.tell({ Notice: 'This recording is of another component: its own diagrams are shown' });
    }
    tellRecording(recording, this.tell);
    this.#recording = recording;
  }

  #replay() {
    const { compared, steps, calls, replayed_ns: ns } = this.#current().replay(this.component);
    const notice = `Re-executed without the file: ${compared} records, ${steps} steps and ${calls} calls are the same; ${(ns / 1e6).toFixed(1)} ms`;
    this.tell({ Notice: notice });
  }

  async #race(selection) {
    if (!this.#session) return this.tell({ Problem: 'Open a model first' });
    const rows = [];
    for (const strategy of ['mapped-file', 'read-copy', 'staged-read']) {
      this.poll();
      if (this.#cancelled) return this.tell({ Notice: 'The race was cancelled' });
      rows.push(await this.#run(selection, strategy));
      this.tell({ Race: rows });
    }
    return undefined;
  }

  /** One load in a session of its own, unwatched. */
  async #run(selection, strategy) {
    const row = { strategy, cold: false, bytes: 0, moved: 0, calls: 0, touch_ns: 0 };
    let session;
    try {
      session = this.host.Session.open({ ...this.#settings({ guest: { observe: 'off' } }, this.#opened.files), ring: 0 });
      const before = session.stats['crossings-out'];
      const began = performance.now();
      const { bytes, moved } = session.load(selection, { policy: { only: strategy } });
      await session.settled();
      const ns = nanos(performance.now() - began);
      const calls = session.stats['crossings-out'] - before;
      const touched = performance.now();
      session.states().forEach(({ lifecycle }, tensor) => lifecycle === 'resident' && touch(session.bytes(tensor)));
      return { ...row, result: { Ok: ns }, bytes, moved, calls, touch_ns: nanos(performance.now() - touched) };
    } catch (error) {
      if (!(error instanceof this.host.LoadError)) throw error;
      return { ...row, result: { Err: error.message } };
    } finally {
      session?.free();
    }
  }

  async #hash(session, selection) {
    const began = performance.now();
    const rows = await digests(this.host, session, selection, () => {
      this.poll();
      if (this.#cancelled) throw new this.host.StorageFault('cancelled');
    });
    const moved = rows.reduce((sum, { bytes }) => sum + Number(bytes), 0);
    this.tell({ Hashes: { rows, bytes: moved, ms: performance.now() - began } });
  }

  #close() {
    this.#giveBack();
    if (this.#session) {
      this.#session.close();
      this.tell({ Notice: 'Closed' });
    }
    this.#forget();
  }

  /** Tells what went wrong, with the bytes that are to blame. */
  #fail(doing, { error }) {
    const bytes = error.offset === undefined ? undefined : this.#bytesAround(error.source ?? 0, Number(error.offset));
    this.tell({ Failed: { doing, error, bytes: bytes ?? null } });
  }

  #bytesAround(file, offset) {
    const source = this.#files[file];
    const from = Math.floor(Math.max(0, offset - 64) / 16) * 16;
    if (!source || from >= source.size) return undefined;
    try {
      return { file, offset: from, bytes: Array.from(source.read(from, Math.min(176, source.size - from))) };
    } catch {
      return undefined;
    }
  }
}

/** Reads every byte once. */
function touch(bytes) {
  const skipped = -bytes.byteOffset & 3;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + skipped, Math.max(0, bytes.length - skipped) >> 2);
  let sum = 0;
  for (let at = 0; at < words.length; at += 1) sum = (sum + words[at]) | 0;
  return sum;
}
