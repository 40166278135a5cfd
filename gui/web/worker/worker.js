/** The worker of the page: the component, and a desk that answers the page's messages. */
import { component } from '../host/component.js';
import { Desk } from '../host/desk.js';
import { stringify } from '../host/values.js';
import { Receiver } from './mailbox.js';
import { Readers } from './readers.js';
import { FileSource, UrlSource } from './sources.js';

/** Files by their tokens; the page gives them before it asks for them. */
const files = new Map();
const sources = new Map();
const readers = new Readers();

function source({ name, token }) {
  if (!sources.has(token)) {
    const given = files.get(token);
    if (given === undefined) throw new Error(`the file ${name} was not given`);
    sources.set(token, typeof given === 'string' ? new UrlSource(given) : new FileSource(given, readers));
  }
  return sources.get(token);
}

/** A further file of the model: among those given, the newest of that name; of a URL, its neighbour. */
function find(name, beside) {
  const [token] = [...files].reverse().find(([, given]) => given.name === name) ?? [];
  if (token !== undefined) return source({ name, token });
  if (beside === undefined) return undefined;
  const url = new URL(encodeURIComponent(name), beside).href;
  files.set(url, url);
  return source({ name, token: url });
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

async function start({ folder, mailbox, bufferBytes }) {
  const read = async (name) => {
    const response = await fetch(new URL(name, folder));
    if (!response.ok) throw new Error(`${name} is not there (${response.status})`);
    return response;
  };
  const manifest = await (await read('manifest.json')).json();
  const { instantiate } = await import(new URL('weighbridge_loader.js', folder));
  const loader = await component(manifest, instantiate, async (name) => WebAssembly.compileStreaming(read(name)));
  const receiver = mailbox && new Receiver(mailbox);
  const poll = () => {
    for (let request = receiver?.take(); request; request = receiver.take()) desk.urgent(request);
  };
  let beside;
  const desk = new Desk({
    component: loader,
    tell: post,
    source: (file) => {
      const given = files.get(file.token);
      if (typeof given === 'string') beside = given;
      return source(file);
    },
    find: (name) => find(name, beside),
    bytes: (file) => {
      const all = source(file);
      return all.read(0, all.size);
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
