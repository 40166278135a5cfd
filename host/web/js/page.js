/** The package on a page's own thread: what speaks with a worker that has it. */
export { LoadError, escape } from './fault.js';
export { parse, stringify } from './json.js';
export { Sender, newMailbox } from './mailbox.js';
export { nameOf } from './sources.js';
export { watch } from './watch.js';
