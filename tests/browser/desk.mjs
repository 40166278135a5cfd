/**
 * The web page's desk without a page, for `gui/tests/web_messages.rs`: requests in JSON lines; every update that they bring is a line, and
 * an empty line ends the answer. Whoever is held goes on at once.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { dirname, join } from 'node:path';
import { Desk, FileSource, component } from '../../host/web/js/node.js';

const urgent = [];
const desk = new Desk({
  component: await component(),
  source: (_, token) => new FileSource(token),
  find: (name, token) => (existsSync(join(dirname(token), name)) ? new FileSource(join(dirname(token), name)) : undefined),
  tell: (update) => process.stdout.write(`${update}\n`),
  deliver: (name, bytes) => writeFileSync(name, bytes),
  take: () => urgent.shift(),
  wait: () => urgent.push('"Continue"'),
});
process.stdout.write('\n');
for await (const line of createInterface({ input: process.stdin })) {
  await desk.handle(line);
  process.stdout.write('\n');
}
