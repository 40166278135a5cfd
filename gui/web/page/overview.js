/** The plain view of a run: what was opened, how it was loaded and why so, tensors, metadata, every transition. */
import { bytes, count, el, escape, shape, time } from './dom.js';
import { failureCard } from './failure.js';
import { Findings } from './findings.js';
import { Table } from './table.js';
import { Transitions } from './transitions.js';

const STRATEGIES = [
  ['auto', 'auto'],
  ['read-copy', 'read-copy'],
  ['staged-read', 'staged-read'],
  ['external-buffer', 'external-buffer'],
  ['mapped-file', 'mapped-file'],
];
const EXTENTS = [
  ['whole-file', 'one buffer a file'],
  ['per-tensor', 'one buffer a tensor'],
  ['window', 'buffers of 16 MiB'],
];
/** What is loaded at once without being asked for. */
const AT_ONCE = 2 ** 30;

const select = (options, properties) => el('select', properties, ...options.map(([value, text]) => el('option', { value }, text)));

export class Overview {
  constructor({ client, root, say }) {
    Object.assign(this, { client, root, say });
    this.loadAfterOpening = false;
    this.busy = null;
  }

  /** Opens files, and loads them if they are not too large for that. */
  open(files) {
    this.loadAfterOpening = true;
    // Zeros are defaults.
    const limits = { 'header-bytes': 0, tensors: 0, 'metadata-entries': 0, 'name-bytes': 0, nesting: 0 };
    const guest = { slots: 0, limits, observe: 'transitions' };
    this.client.send({ Open: { files, options: { guest, mmap: false, deadline_ms: 0 } } });
  }

  /** Takes one update. */
  take(kind, value) {
    this[`on${kind}`]?.(value);
  }

  onBegan({ label, origin }) {
    this.began = performance.now();
    Object.assign(this, { label, origin, tensors: [], states: [], hashes: new Map(), moved: 0 });
    this.#build();
  }

  #build() {
    this.facts = el('dl', { className: 'facts' });
    this.title = el('h2', { id: 'model-name' }, escape(this.label));
    this.under = el('span', { className: 'soft' }, this.origin === 'Recording' ? 'recording' : '');
    const strategy = select(STRATEGIES, { id: 'strategy' });
    const extent = select(EXTENTS, { id: 'extent' });
    const glob = el('input', { id: 'glob', value: '*', spellcheck: false, placeholder: 'blk.0.*' });
    this.begin = () => this.#load(strategy.value, extent.value, glob.value);
    this.load = el('button', { id: 'load', type: 'button', className: 'primary', onclick: this.begin }, 'Load');
    this.cancel = el('button', { id: 'cancel', type: 'button', disabled: true, onclick: () => this.client.send('Cancel') }, 'Cancel');
    this.evict = el('button', { id: 'evict', type: 'button', onclick: () => this.client.send({ Evict: 'all' }) }, 'Evict');
    this.hash = el('button', { id: 'hash', type: 'button', title: 'SHA-256 of every tensor; what is not resident is read in chunks and not kept', onclick: () => this.client.send({ Hash: 'all' }) }, 'Hash tensors');
    this.bar = el('progress', { hidden: true, max: 1 });
    this.bar.setAttribute('aria-label', 'Bytes moved');
    this.report = el('ul', { className: 'reasons', id: 'report' });
    const live = this.origin === 'Live';
    const controls = el(
      'div',
      { className: 'controls' },
      el('label', {}, 'Strategy', strategy),
      el('label', {}, 'Memory', extent),
      el('label', { className: 'grow' }, 'Tensors', glob),
      this.load,
      this.cancel,
      this.evict,
      this.hash,
    );
    this.held = el('div', { className: 'message problem', id: 'held', hidden: true });
    this.failure = el('div', { hidden: true });
    this.findings = new Findings();
    this.lists = this.#lists();
    this.root.replaceChildren(
      el('section', { className: 'card' }, el('header', {}, this.title, this.under), this.facts, ...(live ? [] : [this.report])),
      this.held,
      this.failure,
      this.findings.root,
      ...(live ? [el('section', { className: 'card', id: 'load-card' }, controls, this.bar, this.report)] : []),
      this.lists,
    );
    this.root.hidden = false;
    this.#enable(this.busy !== null);
  }

  #lists() {
    this.table = new Table({
      columns: [
        ['tensor', 'wrap mono'],
        ['dtype', ''],
        ['shape', ''],
        ['bytes', 'number'],
        ['state', ''],
        ['sha256', 'mono'],
        ['range', 'number'],
      ],
      placeholder: 'Filter tensors by name',
      empty: 'No tensors yet',
      row: (index) => this.#row(index),
      name: (index) => this.tensors[index].name,
    });
    this.metadata = new Table({
      columns: [['key', 'mono'], ['type', ''], ['value', 'wrap']],
      placeholder: 'Filter metadata by key',
      empty: 'No metadata',
      row: (index) => this.entries[index],
      name: (index) => this.entries[index][0],
    });
    this.entries = [];
    this.transitions = new Transitions();
    this.sandbox = el('dl', { className: 'facts' });
    const pages = [
      ['tensors', 'Tensors', this.table.root],
      ['metadata', 'Metadata', this.metadata.root],
      ['transitions', 'Transitions', this.transitions.root],
      ['sandbox', 'Sandbox', el('div', {}, this.sandbox, el('p', { className: 'hint' }, 'The component’s imports are its storage and its observer, and nothing else: no file system, no network, no clock. Tensor bytes never enter its memory.'))],
    ];
    const tabs = el('div', { className: 'tabs' });
    tabs.setAttribute('role', 'tablist');
    const show = (name) =>
      pages.forEach(([id, , page], at) => {
        page.hidden = id !== name;
        tabs.children[at].setAttribute('aria-selected', String(id === name));
      });
    for (const [id, text, page] of pages) {
      const tab = el('button', { type: 'button', id: `tab-${id}`, onclick: () => show(id) }, text);
      tab.setAttribute('role', 'tab');
      tabs.append(tab);
      page.id = `panel-${id}`;
      page.setAttribute('role', 'tabpanel');
    }
    const save = el('button', { type: 'button', id: 'save', onclick: () => this.client.send({ SaveRecording: { name: 'load.wbrec', token: 'save' } }) }, 'Save recording');
    const again = el('button', { type: 'button', id: 'replay', title: 'Runs the component again on what was recorded, and compares every step', onclick: () => this.client.send('Replay') }, 'Replay');
    this.transitions.tools.append(save, again);
    show('tensors');
    this.show = show;
    return el('section', { className: 'card' }, tabs, ...pages.map(([, , page]) => page));
  }

  #load(strategy, extent, glob) {
    const options = {
      policy: strategy === 'auto' ? 'auto' : { only: strategy },
      extent: extent === 'window' ? { window: 16 << 20 } : extent,
      'staging-bytes': 0,
      validate: { structure: false, architecture: false },
    };
    const selection = glob === '*' || glob === '' ? 'all' : { matching: glob };
    this.failure.hidden = true;
    this.client.send({ Load: { selection, options } });
  }

  onOpened({ summary, files, findings }) {
    this.findings.ofModel(findings ?? [], files);
    const format = summary.version > 0 ? `${summary.format} ${summary.version}` : summary.format;
    this.total = Number(summary['tensor-bytes']);
    this.opened = performance.now() - this.began;
    const facts = [
      ['Format', escape(format)],
      ['Architecture', summary.architecture ? escape(summary.architecture) : 'not said'],
      ['Tensors', count(summary.tensors)],
      ['Tensor bytes', bytes(summary['tensor-bytes'])],
      ['Metadata', `${count(summary['metadata-entries'])} entries`],
      [files.length > 1 ? `Files (${files.length})` : 'File', bytes(files.reduce((sum, { size }) => sum + Number(size), 0))],
    ];
    this.facts.replaceChildren(...facts.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))));
    if (this.origin === 'Live') this.under.textContent = `headers read in ${time(this.opened * 1e6)}`;
  }

  onTensors({ start, tensors }) {
    tensors.forEach((tensor, at) => {
      this.tensors[start + at] = tensor;
    });
    this.table.length = this.tensors.length;
    this.table.refresh();
  }

  #row(index) {
    const { name, dtype, shape: sides, bytes: size } = this.tensors[index];
    const state = this.states[index]?.lifecycle ?? (this.origin === 'Live' ? 'unbound' : '');
    const hashed = this.hashes.get(index);
    const hash = el('span', { title: hashed?.sha256 ?? '' }, hashed ? `${hashed.sha256.slice(0, 16)}…` : '');
    hash.dataset.sha256 = hashed?.sha256 ?? '';
    return [
      escape(name),
      escape(dtype),
      shape(sides),
      count(size),
      el('span', { className: /resident/.test(state) ? 'resident' : 'soft' }, state),
      hash,
      hashed?.range ? `${short(hashed.range[0])} … ${short(hashed.range[1])}` : '',
    ];
  }

  onStates(states) {
    this.states = states;
    this.table.refresh();
    if (this.loadAfterOpening) {
      this.loadAfterOpening = false;
      if (this.total <= AT_ONCE) this.begin();
      else this.say('notice', `${bytes(this.total)} of tensors: choose some of them to load, or hash them all without keeping them`);
    }
  }

  onMetadata(entries) {
    this.entries = entries.map(({ key, kind, value }) => [escape(key), escape(kind), escape(shown(value), 400)]);
    this.metadata.length = entries.length;
    this.metadata.refresh();
  }

  onRecords(records) {
    this.transitions.add(records);
    if (this.origin === 'Recording') for (const { leave } of records) if (leave?.ok?.refused) this.onReport(leave.ok);
  }

  onReport({ used, refused, tensors, bytes: size, moved, extents }) {
    const lines = refused.map(({ strategy, reason }) => [strategy, 'refused', escape(reason.message, 2000)]);
    const took = this.origin === 'Live' ? ` in ${time((performance.now() - this.since) * 1e6)}` : '';
    const how = used
      ? `used: ${count(tensors)} tensors, ${bytes(size)}; ${bytes(moved)} moved into ${count(extents)} ${extents === 1 ? 'buffer' : 'buffers'}${took}`
      : 'nothing to load: all of it is resident already';
    lines.push([used ?? 'none', 'good', how]);
    this.report.replaceChildren(
      ...lines.map(([name, kind, text]) => el('li', {}, el('span', { className: `tag ${kind}` }, escape(name)), el('span', {}, text))),
    );
    this.report.dataset.used = used ?? '';
  }

  /** What was said of a load is not true of the next one. */
  #clearReport() {
    this.report.replaceChildren();
    this.report.dataset.used = '';
  }

  onSandbox(numbers) {
    const facts = [
      ['Component memory', bytes(numbers.guest_memory)],
      ['Its bound', bytes(numbers.guest_limit)],
      ['Calls into it', count(numbers.crossings_in)],
      ['Calls out of it', count(numbers.crossings_out)],
      ['Header bytes given', bytes(numbers.bytes_to_guest)],
      ['Tensor bytes moved', bytes(numbers.bytes_moved)],
      ['Tensor bytes held', bytes(numbers.buffer_bytes)],
      ['Most that may be held', bytes(numbers.buffer_limit)],
    ];
    this.sandbox.replaceChildren(...facts.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))));
  }

  onHashes({ rows, findings, bytes: size, ms }) {
    for (const row of rows) this.hashes.set(row.index, row);
    this.findings.ofValues(findings);
    this.table.refresh();
    this.say('notice', `${count(rows.length)} tensors hashed, ${bytes(size)} in ${time(ms * 1e6)}`);
    this.root.dataset.hashed = String(rows.length);
  }

  onFailed(failure) {
    this.failure.replaceChildren(failureCard(failure));
    this.failure.hidden = false;
    this.#clearReport();
    // A model that was not opened has nothing to load, but what its component did can be seen.
    if (failure.doing === 'open') {
      this.under.textContent = 'not opened';
      this.root.querySelector('#load-card').hidden = true;
      this.root.querySelector('#tab-tensors').hidden = true;
      this.root.querySelector('#tab-metadata').hidden = true;
      this.root.querySelector('#tab-sandbox').hidden = true;
      this.show('transitions');
    }
  }

  onBusy(what) {
    this.busy = what;
    this.since = performance.now();
    if (this.bar) Object.assign(this.bar, { hidden: !['Loading', 'Hashing'].includes(what) });
    if (this.bar) this.bar.value = 0;
    this.movedBefore = this.moved;
    if (what === 'Loading' && this.report) this.#clearReport();
    this.#enable(true);
  }

  /** The component waits, as the inspector told it to. */
  onHeld(why) {
    if (!this.held) return;
    const button = (text, request) => el('button', { type: 'button', onclick: () => this.client.send(request) }, text);
    this.held.replaceChildren(el('span', {}, `Held: ${escape(why)}`), button('Step', 'Step'), button('Continue', 'Continue'));
    this.held.hidden = false;
  }

  onResumed() {
    if (this.held) this.held.hidden = true;
  }

  onIdle() {
    this.onResumed();
    this.busy = null;
    if (this.bar) this.bar.hidden = true;
    if (this.root.dataset) this.root.dataset.idle = String(Date.now());
    this.#enable(false);
  }

  /** Bytes moved since the model was opened. */
  progress(moved) {
    this.moved = moved;
    if (this.total > 0) this.bar.value = Math.min(1, (moved - this.movedBefore) / this.total);
  }

  #enable(busy) {
    for (const button of [this.load, this.evict, this.hash]) if (button) button.disabled = busy || this.origin !== 'Live';
    if (this.cancel) this.cancel.disabled = !busy;
  }
}

const short = (number) => (Number.isInteger(number) ? String(number) : Number(number).toPrecision(3));

/** A metadata value in words. */
function shown(value) {
  const [[kind, of]] = Object.entries(value);
  if (kind !== 'sequence') return String(of);
  const more = Number(of.count) > of.head.length ? ` … (${count(of.count)})` : '';
  return `${of.element}[${of.head.join(', ')}${more}]`;
}
