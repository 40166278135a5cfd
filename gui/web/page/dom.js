/** Elements and numbers. Text is only ever text: nothing from a file is parsed as HTML. */

/** An element with properties and children. */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (name in node && name !== 'list') node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined).map((child) => child?.nodeType ? child : String(child)));
  return node;
}

export const $ = (id) => document.getElementById(id);

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes with a unit. */
export function bytes(count) {
  let value = Number(count);
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(value < 10 ? 2 : 1)} ${UNITS[unit]}`;
}

/** Nanoseconds with a unit. */
export function time(ns) {
  const value = Number(ns);
  for (const [unit, size] of [['s', 1e9], ['ms', 1e6], ['µs', 1e3]]) {
    if (value >= size) return `${(value / size).toFixed(value < 10 * size ? 2 : value < 100 * size ? 1 : 0)} ${unit}`;
  }
  return `${Math.round(value)} ns`;
}

export const count = (number) => Number(number).toLocaleString('en');

export const shape = (sides) => (sides.length === 0 ? 'scalar' : sides.slice(0, 8).join(' × ') + (sides.length > 8 ? ' × …' : ''));

export { escape } from '../host/js/page.js';
