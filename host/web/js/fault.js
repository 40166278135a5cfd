/** What goes wrong, in the ways that it can. */

/** A source does not do what it was asked: `why` is the contract's `storage-error` as JSON. An answer, not an end. */
export class StorageFault extends Error {
  constructor(why) {
    super(typeof why === 'string' ? why : Object.entries(why)[0].join(': '));
    this.why = why;
  }
}

/** The typed error of the contract, as JSON: `phase`, `cause`, `message` and what applies. */
export class LoadError extends Error {
  constructor(error) {
    super(error.message);
    this.error = error;
  }
}

/** What a person is told and can act on; no part of the contract. */
export class Sentence extends Error {}

/** A typed error with what every error has, and what else applies. */
export const typed = (phase, cause, message, more = {}) => ({ phase, cause, ...more, message });

/** Text of a model or a person, for a sentence: control characters and what reorders a line are made visible. */
export function escape(text, most = 200) {
  const shown = [...String(text)].slice(0, most).map((char) => (/[\p{C}\p{Zl}\p{Zp}]/u.test(char) ? `\\u{${char.codePointAt(0).toString(16)}}` : char));
  return shown.join('') + ([...String(text)].length > most ? '…' : '');
}
