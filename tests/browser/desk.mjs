/**
 * The web page's desk without a page, for `gui/tests/web_messages.rs`: requests in JSON lines; every update that they bring is a line, and
 * an empty line ends the answer.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Desk } from '../../gui/web/worker/desk.js';
import * as host from '../../host/web/js/node.js';

const { FileSource, parse, stringify } = host;
const tell = (update) => process.stdout.write(`${stringify(update)}\n`);
const desk = new Desk({
  host,
  component: await host.component(),
  tell,
  source: ({ token }) => new FileSource(token),
  find: () => undefined,
  bytes: ({ token }) => readFileSync(token),
  deliver: (name, bytes) => writeFileSync(name, bytes),
  wait: () => {
    throw new Error('nothing comes to a desk that waits here');
  },
});
process.stdout.write('\n');
for await (const line of createInterface({ input: process.stdin })) {
  await desk.handle(parse(line));
  process.stdout.write('\n');
}
