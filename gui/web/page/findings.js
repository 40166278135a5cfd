/** What was noticed of a model that can be loaded all the same: of its files when it was opened, of its values when they were hashed. */
import { count, el, escape } from './dom.js';

/** What is listed of many. */
const SHOWN = 100;
const RANK = { error: 0, warning: 1, note: 2 };

export class Findings {
  #model = [];
  #values = [];
  constructor() {
    this.title = el('h2', {});
    this.list = el('ul', { className: 'reasons' });
    this.root = el('section', { className: 'card', id: 'findings', hidden: true }, el('header', {}, this.title), this.list);
  }

  /** Those of the contract. */
  ofModel(findings, files) {
    const file = (source) => files.length > 1 && files[source] !== undefined && escape(files[source].name);
    this.#model = findings.map(({ rule, severity, message, source, offset }) => {
      const place = [escape(rule), file(source), offset !== undefined && `byte ${count(offset)}`];
      return { level: severity, message, place: place.filter(Boolean).join(', ') };
    });
    this.#draw();
  }

  /** Those of the values of tensors, the newest. */
  ofValues(findings) {
    this.#values = findings.map(({ rule, level, message }) => ({ level, message, place: rule }));
    this.#draw();
  }

  #draw() {
    const all = [...this.#model, ...this.#values].sort((a, b) => RANK[a.level] - RANK[b.level]);
    this.root.hidden = all.length === 0;
    this.title.textContent = all.length === 1 ? 'One finding' : `${count(all.length)} findings`;
    const lines = all.slice(0, SHOWN).map(({ level, message, place }) =>
      el('li', {}, el('span', { className: `tag ${level}` }, level), el('span', {}, escape(message, 2000), el('span', { className: 'soft' }, ` (${place})`))),
    );
    if (all.length > SHOWN) lines.push(el('li', {}, el('span', {}), el('span', { className: 'soft' }, `and ${count(all.length - SHOWN)} more`)));
    this.list.replaceChildren(...lines);
  }
}
