/** The page's end of the worker, over a worker that only notes what it is told. */
import assert from 'node:assert/strict';
import './page-modules.mjs';

/** Makes a client; its workers are in `workers`, the newest last, and `later` calls what it wants called later. */
async function client() {
  const workers = [];
  const waiting = [];
  const globals = {
    crossOriginIsolated: true,
    CustomEvent: class extends Event {
      constructor(kind, { detail } = {}) {
        super(kind);
        this.detail = detail;
      }
    },
    Worker: class {
      told = [];
      ended = false;
      constructor(url) {
        this.kind = String(url).split('/').pop();
        workers.push(this);
      }
      postMessage(message) {
        this.told.push(message);
      }
      terminate() {
        this.ended = true;
      }
    },
    setTimeout: (work) => waiting.push(work),
  };
  for (const [name, value] of Object.entries(globals)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  if (!globalThis.navigator) Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true });
  const { Client } = await import('../../gui/web/page/client.js');
  const made = new Client({ base: 'http://localhost/' });
  const heard = [];
  made.listen((kind, value) => heard.push(value ?? kind));
  return {
    made,
    workers,
    heard,
    says: (update) => workers.at(-1).onmessage({ data: { update: JSON.stringify(update) } }),
    later: () => waiting.splice(0).forEach((work) => work()),
    asked: () => workers.at(-1).told.filter(({ request }) => request).map(({ request }) => request),
    given: () => workers.at(-1).told.filter(({ file }) => file !== undefined).map(({ file }) => file),
  };
}

const timers = globalThis.setTimeout;
const restored = (work) => async () => {
  try {
    await work();
  } finally {
    globalThis.setTimeout = timers;
  }
};

const OPEN = { Open: { files: [], options: {} } };

export const clientCases = Object.fromEntries(
  Object.entries({
    async 'a cancellation that was heard does not end what comes after it'() {
      const { made, workers, says, later } = await client();
      made.send({ Load: 1 });
      says({ Busy: 'Loading' });
      made.send('Cancel');
      says('Idle');
      made.send({ Load: 2 });
      says({ Busy: 'Loading' });
      later();
      assert.equal(workers.length, 1);
      made.send('Cancel');
      later();
      assert.deepEqual(workers.map(({ ended }) => ended), [true, false], 'what does not hear is ended');
    },

    async 'what was open is opened anew, but not what could not be opened; what is armed stays armed'() {
      const { made, says, later, asked, heard } = await client();
      const faults = { SetFaults: [{ Truncate: { at: 9 } }] };
      made.send(faults);
      made.send(OPEN);
      says({ Busy: 'Opening' });
      says('Idle');
      made.send({ Load: 1 });
      says({ Busy: 'Loading' });
      made.send('Cancel');
      later();
      assert.deepEqual(asked(), [faults, OPEN]);
      assert.ok(heard.includes('Cancelled: the worker was ended, and the model opened anew'));
      says({ Busy: 'Opening' });
      made.send('Cancel');
      later();
      assert.deepEqual(asked(), [faults]);
      assert.equal(heard.at(-1), 'Cancelled: the worker was ended');
    },

    async 'a worker that may connect to other hosts is given no file of this machine, and opens none'() {
      const { made, workers, given } = await client();
      const [first, second] = [{ name: 'first' }, { name: 'second' }];
      made.file(first);
      made.url('https://example.com/100%.gguf');
      assert.deepEqual([workers.at(-1).kind, given()], ['remote.js', ['https://example.com/100%.gguf']]);
      made.file(second);
      assert.equal(workers.at(-1).kind, 'worker.js');
      assert.deepEqual(given().filter((file) => typeof file !== 'string'), [first, second]);
      assert.deepEqual(workers.map(({ ended }) => ended), [true, true, false]);
    },
  }).map(([name, work]) => [name, restored(work)]),
);
