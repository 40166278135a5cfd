/** What the package has everywhere. */
export { describe, formats } from './component.js';
export { Desk } from './desk.js';
export { LoadError, Sentence, StorageFault, escape, typed } from './fault.js';
export { parse, stringify } from './json.js';
export { Recording } from './recording.js';
export { STRATEGIES, Session } from './session.js';
export { watch } from './watch.js';
