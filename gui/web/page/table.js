/** A table of many rows: a filter, and as many rows as one cares to look at. */
import { count, el } from './dom.js';

const PAGE = 200;

export class Table {
  /** @param {{columns: [string, string][], row: (index: number) => any[], name: (index: number) => string, placeholder: string, empty: string}} options */
  constructor({ columns, row, name, placeholder, empty }) {
    Object.assign(this, { columns, row, name, empty, length: 0, shown: PAGE });
    this.filter = el('input', { type: 'search', placeholder, spellcheck: false, oninput: () => this.#restart() });
    this.filter.setAttribute('aria-label', placeholder);
    this.status = el('span', { className: 'soft' });
    this.body = el('tbody');
    const head = el('tr', {}, ...columns.map(([title, kind]) => el('th', { className: kind.includes('number') ? 'number' : '', scope: 'col' }, title)));
    this.more = el('button', { type: 'button', onclick: () => this.#more() }, 'Show more');
    const scroll = el('div', { className: 'scroll', tabIndex: 0 }, el('table', {}, el('thead', {}, head), this.body));
    this.root = el('div', {}, el('div', { className: 'tools' }, this.filter, this.status), scroll, this.more);
    this.refresh();
  }

  #restart() {
    this.shown = PAGE;
    this.refresh();
  }

  #more() {
    this.shown += 5 * PAGE;
    this.refresh();
  }

  /** Draws it anew, once after whatever changes it in a row. */
  refresh() {
    if (this.due) return;
    this.due = true;
    queueMicrotask(() => {
      this.due = false;
      this.#draw();
    });
  }

  #draw() {
    const wanted = this.filter.value.trim().toLowerCase();
    const found = [];
    for (let index = 0; index < this.length; index += 1) {
      if (wanted === '' || this.name(index).toLowerCase().includes(wanted)) found.push(index);
    }
    const rows = found.slice(0, this.shown).map((index) => {
      const cells = this.row(index).map((value, column) => el('td', { className: this.columns[column][1] }, value));
      return el('tr', {}, ...cells);
    });
    this.body.replaceChildren(...rows);
    this.status.textContent = this.length === 0 ? this.empty : `${count(found.length)} of ${count(this.length)}`;
    this.more.hidden = found.length <= this.shown;
  }
}
