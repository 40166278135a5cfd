/** What the machines did: where each stands now, and every transition, call and answer, newest last. */
import { count, el, escape, time } from './dom.js';

/** Rows that are kept for showing; a recording keeps all. */
const KEPT = 20_000;
const SHOWN = 400;

export class Transitions {
  constructor() {
    Object.assign(this, { names: [], rows: [], lost: 0, machines: new Map() });
    this.list = el('ul', { className: 'machines' });
    this.body = el('tbody');
    this.filter = el('input', { type: 'search', placeholder: 'Filter: io/loader, reading, read-into …', spellcheck: false, oninput: () => this.#draw() });
    this.filter.setAttribute('aria-label', 'Filter transitions');
    this.status = el('span', { className: 'soft' });
    this.tools = el('div', { className: 'tools' }, this.filter, this.status);
    const head = el('tr', {}, ...['no.', 'time', 'machine', 'what'].map((title) => el('th', { scope: 'col', className: title === 'no.' || title === 'time' ? 'number' : '' }, title)));
    this.root = el('div', {}, this.list, this.tools, el('div', { className: 'scroll', tabIndex: 0 }, el('table', {}, el('thead', {}, head), this.body)));
  }

  /** Takes records. */
  add(records) {
    for (const record of records) {
      if (record.names) this.names.splice(record.names.first, Infinity, ...record.names.names.map((text) => escape(text)));
      const row = this.#row(record);
      if (row) this.rows.push({ seq: record.seq, at: record.at, ...row });
    }
    if (this.rows.length > KEPT) this.lost += this.rows.splice(0, this.rows.length - KEPT).length;
    if (this.due) return;
    this.due = setTimeout(() => {
      this.due = null;
      this.#draw();
    }, 60);
  }

  #row({ step, call, return: returned, enter, leave }) {
    if (step) return this.#step(step);
    if (enter !== undefined) return { machine: 'host', what: `calls ${name(enter)}`, kind: 'call' };
    if (leave !== undefined) return leave.ok === undefined ? { machine: 'host', what: `${name(leave)}: ${escape(leave.failed?.message ?? leave.trapped)}`, kind: 'bad' } : null;
    if (call !== undefined) return { machine: 'storage', what: words(call), kind: 'call' };
    if (!returned) return null;
    const { answer, ns } = returned;
    const bad = answer.failed ?? answer['batch-failed'];
    return { machine: 'storage', what: `${bad === undefined ? 'done' : `refused: ${escape(JSON.stringify(bad))}`} in ${time(ns)}`, kind: bad === undefined ? 'call' : 'bad' };
  }

  #step({ machine, instance, what: { transition } }) {
    if (!transition) return null;
    const [from, to] = transition.map((index) => this.names[index] ?? '?');
    const label = this.names[machine] ?? '?';
    if (!this.machines.has(label)) this.machines.set(label, { taken: 0, states: new Map() });
    const known = this.machines.get(label);
    known.taken += 1;
    known.states.set(instance, to);
    return { machine: instance === undefined ? label : `${label} ${instance}`, what: from === to ? `${to} (stays)` : `${from} → ${to}`, kind: '' };
  }

  #draw() {
    this.list.replaceChildren(
      ...[...this.machines].map(([label, { taken, states }]) => {
        const standing = new Map();
        for (const state of states.values()) standing.set(state, (standing.get(state) ?? 0) + 1);
        const words = [...standing].slice(0, 3).map(([state, many]) => (states.size > 1 ? `${count(many)} ${state}` : state)).join(', ');
        return el('li', {}, el('strong', {}, label), el('span', {}, `${words}; ${count(taken)} taken`));
      }),
    );
    const wanted = this.filter.value.trim().toLowerCase();
    const found = wanted === '' ? this.rows : this.rows.filter(({ machine, what }) => `${machine} ${what}`.toLowerCase().includes(wanted));
    const last = found.slice(-SHOWN);
    this.body.replaceChildren(
      ...last.map(({ seq, at, machine, what, kind }) =>
        el('tr', { className: kind }, el('td', { className: 'number' }, count(seq)), el('td', { className: 'number' }, time(at)), el('td', { className: 'mono' }, machine), el('td', { className: 'wrap' }, what)),
      ),
    );
    this.status.textContent = found.length > last.length ? `last ${count(last.length)} of ${count(found.length + this.lost)}` : count(found.length);
  }
}

const name = (value) => escape(typeof value === 'string' ? value : Object.keys(value)[0]);

/** A call in words. */
function words(call) {
  if (typeof call === 'string') return escape(call);
  const [[what, asked]] = Object.entries(call);
  if (what === 'read') return `read ${count(asked.len)} bytes of file ${asked.source} from ${count(asked.offset)}`;
  if (what === 'read-into') {
    const all = asked.batch.reduce((sum, { len }) => sum + Number(len), 0);
    return `read-into: ${count(asked.batch.length)} spans, ${count(all)} bytes`;
  }
  const of = asked.len !== undefined ? `${count(asked.len)} bytes` : (asked.source ?? asked.target ?? asked.mapping ?? '');
  return escape(`${what} ${of}`);
}
