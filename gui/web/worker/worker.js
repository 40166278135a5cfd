/** The worker of the page: the component, and a desk that answers the page's messages. */
import * as host from '../host/js/browser.js';
import { Desk } from './desk.js';

const { FileSource, Readers, Receiver, UrlSource, stringify } = host;

/** Files by their tokens; the page gives them before it asks for them. */
const files = new Map();
const readers = new Readers();

/** What was given, and its source: a new one each time, as what is behind a URL may be another by then. */
function opened({ name, token }) {
  const given = files.get(token);
  if (given === undefined) throw new Error(`the file ${name} was not given`);
  return { given, source: typeof given === 'string' ? new UrlSource(given) : new FileSource(given, readers) };
}

/** A further file of the model: of a URL its neighbour, and nothing else; of a file, among those given, the newest of that name. */
function find(name, first) {
  if (typeof first === 'string') return new UrlSource(new URL(encodeURIComponent(name), first).href);
  const found = [...files.values()].reverse().find((given) => given.name === name);
  return found && new FileSource(found, readers);
}

const post = (update) => self.postMessage({ update: stringify(update) });

/** Progress is told as seldom as a person looks. */
function progress() {
  let told = 0;
  return (done) => {
    const now = performance.now();
    if (now - told < 50) return;
    told = now;
    self.postMessage({ progress: done });
  };
}

async function start({ mailbox, bufferBytes }) {
  const component = await host.component();
  const receiver = mailbox && new Receiver(mailbox);
  const poll = () => {
    for (let request = receiver?.take(); request; request = receiver.take()) desk.urgent(request);
  };
  // What the model that was opened last begins with.
  let first;
  const desk = new Desk({
    host,
    component,
    tell: post,
    source: (file) => {
      const { given, source } = opened(file);
      first = given;
      return source;
    },
    find: (name) => find(name, first),
    bytes: (file) => {
      const { source } = opened(file);
      return source.read(0, source.size);
    },
    deliver: (name, bytes, form) => self.postMessage({ deliver: name, bytes, form }, [bytes.buffer]),
    progress: progress(),
    poll,
    ...(receiver && {
      wait: () => {
        receiver.wait();
        poll();
      },
    }),
    bufferBytes,
  });
  return desk;
}

let desk;
let queue = Promise.resolve();
self.onmessage = ({ data }) => {
  if (data.start) {
    desk = start(data.start).catch((error) => {
      self.postMessage({ broken: String(error?.message ?? error) });
      return new Promise(() => {});
    });
  } else if (data.file !== undefined) {
    files.set(data.token, data.file);
  } else if (data.request) {
    // One after the other: some requests wait for a hash.
    queue = queue.then(async () => (await desk).handle(data.request));
  }
};
