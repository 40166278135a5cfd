/** JSON as serde writes it: integers of up to 64 bits, bytes as base64. */

const nonce = crypto.getRandomValues(new Uint32Array(2)).join('');
const MARK = `\0int${nonce}:`;
const MARKED = new RegExp(`"\\\\u0000int${nonce}:(-?\\d+)"`, 'g');
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** JSON of a value: 64 bits as digits, bytes as base64. */
export function stringify(value) {
  let marked = false;
  const text = JSON.stringify(value, (_, field) => {
    if (typeof field === 'bigint') {
      if (Number.isSafeInteger(Number(field))) return Number(field);
      marked = true;
      return MARK + field;
    }
    return field instanceof Uint8Array ? base64(field) : field;
  });
  return marked ? text.replace(MARKED, '$1') : text;
}

/** Reads JSON; an integer that a double cannot hold becomes a bigint. */
export function parse(text) {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const marked = text.replace(TOKEN, (token) =>
    token.length < 16 || !/^-?\d+$/.test(token) || Number.isSafeInteger(Number(token)) ? token : JSON.stringify(MARK + token),
  );
  return JSON.parse(marked, (_, field) => (typeof field === 'string' && field.startsWith(MARK) ? BigInt(field.slice(MARK.length)) : field));
}

/** Bytes as base64 text. */
function base64(bytes) {
  if (bytes.toBase64) return bytes.toBase64();
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}
