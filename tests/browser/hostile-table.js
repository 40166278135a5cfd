/**
 * The table of `tests/hostile` against workers, on a page's own thread or Node's: each case twice at the same time, beside a third worker with an
 * honest session that sees nothing of it.
 */
import { watch } from '../../host/web/js/page.js';

/** Longest that a case may take, in ms. */
const MOST = 20_000;

/** One worker. */
class Bench {
  constructor(start) {
    this.start = start;
    this.worker = start();
    this.ready = this.#next();
  }
  #next() {
    return new Promise((done, failed) => {
      this.worker.onmessage = ({ data }) => done(data);
      this.worker.onerror = ({ message }) => failed(new Error(`the worker failed: ${message}`));
    });
  }

  #anew() {
    this.worker.terminate();
    this.worker = this.start();
    this.ready = this.#next();
  }

  /** What became of an attack; a worker that had to be ended is started anew. */
  async run(attack, file) {
    await this.ready;
    const { port1, port2 } = new MessageChannel();
    const ended = new Promise((done) => {
      watch(this.worker, port1, ({ error }) => done({ error, ended: true }));
    });
    const answered = this.#next();
    this.worker.postMessage({ attack, file, alarm: port2 }, [port2]);
    let late;
    const timeout = new Promise((done) => {
      late = setTimeout(() => done({ ended: true, error: { cause: 'nothing', message: `within ${MOST} ms` } }), MOST);
    });
    const became = await Promise.race([ended, answered, timeout]);
    clearTimeout(late);
    port1.close();
    if (became.ended) this.#anew();
    return became;
  }
}

/** What is not as the table says; nothing if all is. */
function wrong({ expect, files }, file, became) {
  if (became.honest === false) return 'the honest session beside it was touched';
  if (expect.cause) {
    if (!became.error) return 'it must not succeed';
    const { cause, message } = became.error;
    return cause === expect.cause && message.includes(expect.words) && message.length > 30 ? undefined : `${cause}: ${message}`;
  }
  if (became.error) return `${became.error.cause}: ${became.error.message}`;
  const { stats, shown } = became;
  for (const kind of ['mappings', 'buffers', 'handles']) {
    if (expect[kind] !== undefined && stats[kind] !== expect[kind]) return `${stats[kind]} ${kind}`;
  }
  for (const [most, found] of [[expect.read_at_most, stats['bytes-to-guest']], [expect.moved_at_most, stats['bytes-moved']]]) {
    if (most !== undefined && !(found >= 1 && found <= most)) return `${found} bytes`;
  }
  const right = shown?.length === 16 && shown.every((byte) => byte === file.each);
  return expect.shows && !right ? `it shows ${shown}` : undefined;
}

/** Runs the table: for each case its name, and what is wrong or why there is no such case here. */
export async function attackAll({ file, cases }, start) {
  const [honest, ...attackers] = [new Bench(start), new Bench(start), new Bench(start)];
  const results = [];
  for (const attack of cases) {
    const { name, web } = attack;
    const here = { ...attack, ...(web && { expect: web.expect }) };
    if (!here.expect) {
      results.push({ name, why: web.why });
      continue;
    }
    const began = performance.now();
    try {
      const became = await Promise.all(attackers.map((bench) => bench.run(here, file)));
      const beside = await honest.run({ name: 'honest', how: 0, do: 'open' }, file);
      const found = became.map((one) => wrong(here, file, one)).find((one) => one) ?? wrong({ expect: { shows: true, mappings: 1 } }, file, beside);
      results.push({ name, ms: performance.now() - began, wrong: found });
    } catch (error) {
      results.push({ name, ms: performance.now() - began, wrong: String(error?.message ?? error) });
    }
  }
  for (const { worker } of [honest, ...attackers]) worker.terminate();
  return results;
}
