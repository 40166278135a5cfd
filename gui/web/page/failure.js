/** The card that says why: the typed error, its sentence, and the bytes that are to blame. */
import { el, escape } from './dom.js';

export function failureCard({ doing, error, bytes }) {
  const facts = [
    ['While', doing],
    ['Phase', error.phase],
    ['Cause', typeof error.cause === 'string' ? error.cause : escape(Object.values(error.cause)[0])],
    ['Strategy', error.strategy],
    ['Field', error.field && escape(error.field)],
    ['At byte', error.offset?.toLocaleString('en')],
    ['Tensor', error.tensor],
    ['System code', error['os-code']],
  ].filter(([, value]) => value !== undefined && value !== null);
  return el(
    'section',
    { className: 'card why', id: 'why' },
    el('header', {}, el('h2', {}, error.cause === 'not-a-model' ? 'This is no model' : 'Why it failed')),
    el('p', { className: 'sentence' }, escape(error.message, 2000)),
    el('dl', { className: 'facts' }, ...facts.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value)))),
    ...(bytes ? [hex(bytes, Number(error.offset))] : []),
  );
}

/** Sixteen bytes a line; the one at the offset is marked. */
function hex({ offset, bytes }, marked) {
  const view = el('pre', { className: 'hex', tabIndex: 0 });
  view.setAttribute('aria-label', 'Bytes of the file');
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.slice(at, at + 16);
    view.append(`${(Number(offset) + at).toString(16).padStart(8, '0')}  `);
    row.forEach((byte, column) => {
      const text = byte.toString(16).padStart(2, '0');
      view.append(Number(offset) + at + column === marked ? el('mark', {}, text) : text, column === 7 ? '  ' : ' ');
    });
    view.append('   '.repeat(16 - row.length), ` ${row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : '·')).join('')}\n`);
  }
  return view;
}
