/** The worker of the page: the component, and the desk that answers the page's messages. */
import { Desk, FileSource, Readers, Receiver, UrlSource, component, stringify } from '../host/js/browser.js';

/** Files by their tokens; the page gives them before it asks for them. */
const files = new Map();
const readers = new Readers();

/** A new source each time, as what is behind a URL may be another by then. */
function source(name, token) {
  const given = files.get(token);
  if (given === undefined) throw new Error('the page did not give this file');
  return typeof given === 'string' ? new UrlSource(given) : new FileSource(given, readers);
}

/** A further file of the model: of a URL its neighbour, and nothing else; of a file, among those given, the newest of that name. */
function find(name, token) {
  const first = files.get(token);
  if (typeof first === 'string') return new UrlSource(new URL(encodeURIComponent(name), first).href);
  const found = [...files.values()].reverse().find((given) => given.name === name);
  return found && new FileSource(found, readers);
}

/** Progress is told as seldom as a person looks; that it begins anew is told at once. */
function progress() {
  let told = 0;
  let last = 0;
  return (done) => {
    const now = performance.now();
    if (now - told < 50 && done >= last) return;
    told = now;
    last = done;
    self.postMessage({ progress: done });
  };
}

async function start({ mailbox, bufferBytes }) {
  const receiver = mailbox && new Receiver(mailbox);
  return new Desk({
    component: await component(),
    bufferBytes,
    source,
    find,
    tell: (update) => self.postMessage({ update }),
    deliver: (name, bytes) => self.postMessage({ deliver: name, bytes }, [bytes.buffer]),
    progress: progress(),
    ...(receiver && { take: () => receiver.take(), wait: () => receiver.wait() }),
  });
}

let desk;
self.onmessage = async ({ data }) => {
  if (data.start) {
    desk = start(data.start).catch((error) => {
      self.postMessage({ broken: String(error?.message ?? error) });
      return new Promise(() => {});
    });
  } else if (data.file !== undefined) {
    files.set(data.token, data.file);
  } else if (data.request) {
    const { request } = data;
    await (await desk).handle(stringify(request)).catch((error) => self.postMessage({ failed: String(error?.message ?? error) }));
  }
};
