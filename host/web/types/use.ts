// Compiled, never run: the types carry what a program does with the package, in a page and in Node.
import * as browser from 'weighbridge';
import { Sender, newMailbox, watch } from 'weighbridge/page';
import * as node from '../types/node.js';

async function load(file: File): Promise<number> {
  const loader = await browser.component();
  const session = browser.Session.open({
    component: loader,
    sources: [new browser.FileSource(file, new browser.Readers())],
    limits: { deadline: 1000 },
    guest: { observe: 'transitions' },
    observe: (records) => records.forEach(({ seq }) => console.log(seq)),
  });
  const report = session.load({ matching: 'blk.0.*' }, { policy: { only: 'read-copy' } });
  await session.settled();
  const recording: Uint8Array = session.recording().write();
  // @ts-expect-error there is no such strategy
  session.load('all', { policy: { only: 'teleport' } });
  return report.tensors + recording.length + session.bytes(0, 16).length;
}

function hash(component: node.Component, path: string, update: (bytes: Uint8Array) => void): node.TensorInfo[] {
  const session = node.Session.open({ component, sources: [new node.FileSource(path)], ring: 0 });
  session.loadInto('all', (_, __, bytes) => update(bytes));
  session.close();
  return session.tensors();
}

async function answer(component: browser.Component, files: Map<string, File>, mailbox: SharedArrayBuffer): Promise<void> {
  const receiver = new browser.Receiver(mailbox);
  const source = (_: string, token: string) => new browser.FileSource(files.get(token)!);
  const desk = new browser.Desk({ component, source, find: () => undefined, tell: console.log, deliver: () => {}, take: () => receiver.take() });
  await desk.handle('"Replay"');
}

function guarded(worker: Worker, component: browser.Component, file: File): browser.Session {
  const { port1, port2 } = new MessageChannel();
  watch(worker, port1, ({ error }) => console.log(error.cause));
  return browser.Session.open({ component, sources: [new browser.FileSource(file)], alarm: port2, limits: { 'guest-time': 500, 'hostcall-bytes': 1 << 20 } });
}

new Sender(newMailbox()).send('"Cancel"');
export { answer, guarded, hash, load };
