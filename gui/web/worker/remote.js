/**
 * The worker with which a page opens a URL. The same one; but the server lets this file, and no other, connect to other hosts, so
 * that nothing can leave the machine before a person asks for it.
 */
import './worker.js';
