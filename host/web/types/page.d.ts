/** What a page's own thread needs of the package to speak with a worker that has it. */
export { LoadError, escape, parse, stringify, watch } from './common.js';

/** Memory for a mailbox: a way to tell a worker something while it works. */
export function newMailbox(): SharedArrayBuffer;

/** The page's end of a mailbox. */
export class Sender {
  constructor(shared: SharedArrayBuffer);
  send(text: string): void;
}

/** The name of the file behind a URL. */
export function nameOf(url: string): string;
