/**
 * Values in their two spellings: as the component's glue has them (camelCase records, `{tag, val}` variants, bigint for 64
 * bits) and as recordings and messages have them (the JSON that serde writes: kebab-case records, `"case"` or
 * `{"case": value}`, integers of up to 64 bits).
 */
import { LoadError, escape, typed } from './fault.js';

/** @param {string} name */
const kebab = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/**
 * A value of the component as JSON has it. Absent options are left out; a float that JSON cannot say becomes a text.
 * Bytes stay bytes: {@link stringify} writes them as base64.
 */
export function toJson(value) {
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(toJson);
  if (ArrayBuffer.isView(value)) return Array.from(value);
  if ('tag' in value) {
    if (value.val === undefined) return value.tag;
    if (value.tag === 'floating' && !Number.isFinite(value.val)) return { text: String(value.val) };
    return { [value.tag]: toJson(value.val) };
  }
  const record = {};
  for (const [name, field] of Object.entries(value)) {
    if (field !== undefined) record[kebab(name)] = toJson(field);
  }
  return record;
}

/** A variant of JSON as the component has it; `read` makes the value of its case. */
export function variant(json, read = (value) => value) {
  if (typeof json === 'string') return { tag: json };
  const [[tag, val]] = Object.entries(json);
  return { tag, val: read(val, tag) };
}

const big = (value) => BigInt(value ?? 0);

/** `session-options`. */
export const guestOptions = (json = {}) => ({
  slots: json.slots ?? 0,
  limits: {
    headerBytes: big(json.limits?.['header-bytes']),
    tensors: json.limits?.tensors ?? 0,
    metadataEntries: json.limits?.['metadata-entries'] ?? 0,
    nameBytes: json.limits?.['name-bytes'] ?? 0,
    nesting: json.limits?.nesting ?? 0,
  },
  observe: json.observe ?? 'off',
});

/** The same in JSON, every field there. */
export const guestOptionsJson = (json) => toJson(guestOptions(json));

/** The contract's strategies. */
export const STRATEGIES = ['mapped-file', 'read-copy', 'staged-read', 'external-buffer'];

/** A policy whose strategies there are. What there is not must not look as if the component had failed at it. */
function policy(json) {
  const named = variant(json);
  if (json === 'auto') return named;
  const unknown = [named.val].flat().find((name) => !STRATEGIES.includes(name));
  if (unknown === undefined) return named;
  throw new LoadError(typed('request', 'invalid-request', `there is no strategy ${escape(unknown)}; there are ${STRATEGIES.join(', ')}`));
}

/** `load-options`. */
export const loadOptions = (json = {}) => ({
  policy: policy(json.policy ?? 'auto'),
  extent: variant(json.extent ?? 'whole-file', big),
  stagingBytes: big(json['staging-bytes']),
  validate: { structure: json.validate?.structure ?? false, architecture: json.validate?.architecture ?? false },
});

/** The same in JSON, every field there. */
export const loadOptionsJson = (json) => toJson(loadOptions(json));

/** `selection`. */
export const selection = (json = 'all') =>
  variant(json, (value, tag) => (tag === 'tensors' ? Uint32Array.from(value) : value));

/** `storage-error`. */
export const storageError = (json) => variant(json);

/** `capabilities`. */
export const capabilities = (json) => ({
  mmap: json.mmap,
  advise: json.advise,
  mapGranularity: big(json['map-granularity']),
  maxRead: json['max-read'],
  maxBatch: json['max-batch'],
  auto: json.auto,
});

/** `source-stat`. */
export const sourceStat = (json) => ({ size: big(json.size), fingerprint: json.fingerprint.map(BigInt) });

const nonce = crypto.getRandomValues(new Uint32Array(2)).join('');
const MARK = `\0int${nonce}:`;
const MARKED = new RegExp(`"\\\\u0000int${nonce}:(-?\\d+)"`, 'g');

/** JSON of a value: 64 bits as digits, bytes as base64. */
export function stringify(value, space) {
  let marked = false;
  const text = JSON.stringify(
    value,
    (_, field) => {
      if (typeof field === 'bigint') {
        if (Number.isSafeInteger(Number(field))) return Number(field);
        marked = true;
        return MARK + field;
      }
      return field instanceof Uint8Array ? base64(field) : field;
    },
    space,
  );
  return marked ? text.replace(MARKED, '$1') : text;
}

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** Reads JSON; an integer that a double cannot hold becomes a bigint. */
export function parse(text) {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const marked = text.replace(TOKEN, (token) =>
    token.length < 16 || !/^-?\d+$/.test(token) || Number.isSafeInteger(Number(token)) ? token : JSON.stringify(MARK + token),
  );
  return JSON.parse(marked, (_, field) =>
    typeof field === 'string' && field.startsWith(MARK) ? BigInt(field.slice(MARK.length)) : field,
  );
}

/** Bytes as base64 text. */
export function base64(bytes) {
  if (bytes.toBase64) return bytes.toBase64();
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(text);
}

/** Bytes of base64 text. */
export function unbase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

/** Whether two JSON values say the same. Numbers and bigints of the same value are equal; the order of fields is nothing. */
export function same(a, b) {
  if (a === b) return true;
  if (typeof a === 'bigint' || typeof b === 'bigint') {
    return ['bigint', 'number'].includes(typeof a) && ['bigint', 'number'].includes(typeof b) && a == b; // eslint-disable-line eqeqeq
  }
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && a.length === b.length && a.every((byte, at) => byte === b[at]);
  }
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
}
