/** Sessions for `tests/src/scripted.rs` in Node, over real files: questions and answers in JSON lines. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import * as host from '../../host/web/js/node.js';
import { answerer } from './scenarios.js';

const { FileSource, parse, stringify } = host;
let folder;
const find = (name) => (existsSync(join(folder, name)) ? new FileSource(join(folder, name)) : undefined);
const answer = answerer(host, { component: await host.component(), find });
for await (const line of createInterface({ input: process.stdin })) {
  const question = parse(line);
  folder = question.folder ?? folder;
  const answered = await answer(question);
  if (question.into && answered.ok) {
    writeFileSync(question.into, answered.ok);
    answered.ok = null;
  }
  process.stdout.write(`${stringify(answered)}\n`);
}
