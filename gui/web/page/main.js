/** The page: what is opened, and which of its two views shows it. */
import { Client } from './client.js';
import { $, el, escape } from './dom.js';
import { inspectorFor, webglMissing } from './inspector.js';
import { Overview } from './overview.js';
import { sample } from './sample.js';

const base = new URL('..', import.meta.url);

function say(kind, text) {
  const close = el('button', { type: 'button', onclick: () => card.remove() }, '✕');
  close.setAttribute('aria-label', 'Dismiss');
  const card = el('div', { className: `message ${kind}` }, el('span', {}, text), close);
  const all = $('messages');
  all.prepend(card);
  while (all.childElementCount > 4) all.lastElementChild.remove();
  if (kind === 'notice') setTimeout(() => card.remove(), 12_000);
}

function supported() {
  if (typeof WebAssembly !== 'object') return 'This browser has no WebAssembly, which the component is made of';
  if (typeof BigInt !== 'function' || typeof Worker !== 'function') return 'This browser is too old to run the component';
  return null;
}

class Page {
  /** The formats that the component reads, once it runs. */
  formats = [];

  constructor() {
    this.client = new Client({ base });
    this.overview = new Overview({ client: this.client, root: $('run'), say });
    const local = $('local-text').textContent;
    this.client.addEventListener('started', ({ detail: { mayConnect } }) => {
      $('local').classList.toggle('remote', mayConnect);
      if (!mayConnect) $('local-text').textContent = local;
    });
    this.client.addEventListener('broken', () => say('problem', 'The component could not be started in this browser: it needs module workers'));
    this.client.listen((kind, value) => {
      if (kind === 'Host') {
        this.formats = value.formats;
        $('formats').textContent = `: ${anyOf(value.formats.map(({ title }) => escape(title)))}`;
        document.documentElement.dataset.ready = 'true';
        performance.mark('ready');
      }
      if (kind === 'Notice') say('notice', value);
      if (kind === 'Problem') say('problem', value);
      this.overview.take(kind, value);
    });
    this.client.addEventListener('progress', ({ detail }) => this.overview.progress(detail));
    this.#buttons();
    this.#drops();
    this.#views();
  }

  /** Opens what was given: a recording alone, or the files of a model. */
  open(files) {
    if (files.length === 0) return;
    this.#busy();
    const recording = files.find(({ name }) => /\.(wbrec|jsonl)$/.test(name));
    if (recording) return this.client.send({ OpenRecording: this.client.file(recording) });
    return this.#model(firstFirst(files, this.formats).map((file) => this.client.file(file)));
  }

  #busy() {
    $('start').classList.add('compact');
    $('messages').replaceChildren();
  }

  #model(files) {
    // A model is opened with its first file; the others are found by the names that it asks for.
    this.overview.open(files.slice(0, 1));
  }

  #buttons() {
    $('pick').onclick = () => $('files').click();
    $('files').onchange = ({ target }) => {
      this.open([...target.files]);
      target.value = '';
    };
    $('sample').onclick = () => {
      this.#busy();
      this.#model([this.client.file(new File([sample()], 'sample.gguf', { lastModified: 0 }))]);
    };
    $('ask-url').onclick = () => {
      const hidden = ($('url-form').hidden = !$('url-form').hidden);
      $('ask-url').setAttribute('aria-expanded', String(!hidden));
      if (!hidden) $('url').focus();
    };
    $('url-form').onsubmit = (event) => {
      event.preventDefault();
      const url = new URL($('url').value);
      if (!['http:', 'https:'].includes(url.protocol)) return say('problem', 'Only http and https can be opened');
      this.#busy();
      const model = this.client.url(url.href);
      $('local-text').textContent = `Ranges are fetched from ${escape(url.host)}`;
      return this.#model([model]);
    };
  }

  #drops() {
    let inside = 0;
    const dragging = (by) => {
      inside = Math.max(0, inside + by);
      document.body.classList.toggle('dragging', inside > 0);
    };
    // Before the canvas hears of it, whose own way reads whole files.
    const first = (name, heard) =>
      addEventListener(
        name,
        (event) => {
          event.preventDefault();
          event.stopPropagation();
          heard(event);
        },
        true,
      );
    first('dragenter', () => dragging(1));
    first('dragleave', () => dragging(-1));
    first('dragover', () => {});
    first('drop', ({ dataTransfer }) => {
      inside = 0;
      dragging(0);
      this.open([...(dataTransfer?.files ?? [])]);
    });
  }

  #views() {
    const missing = webglMissing();
    const button = $('view-inspector');
    if (missing) {
      button.title = missing;
      return;
    }
    inspectorFor({ base, client: this.client, page: this }).then((inspector) => {
      if (!inspector) return;
      button.disabled = false;
      $('view-overview').onclick = () => this.#show(null);
      button.onclick = () => this.#show(inspector);
      if (location.hash === '#inspector') this.#show(inspector);
    });
  }

  async #show(inspector) {
    const on = inspector !== null;
    document.body.classList.toggle('inspecting', on);
    $('inspector').hidden = !on;
    $('view-overview').setAttribute('aria-pressed', String(!on));
    $('view-inspector').setAttribute('aria-pressed', String(on));
    if (!on) return;
    try {
      this.handle = await inspector.start($('canvas'));
      $('canvas').focus();
    } catch (error) {
      this.#show(null);
      $('view-inspector').disabled = true;
      say('problem', `The inspector could not be started (${error?.message ?? error}); this overview shows the same run`);
    }
  }
}

/** `GGUF, safetensors or NPY` */
const anyOf = (words) => words.join(', ').replace(/, ([^,]*)$/, ' or $1');

/** The index of shards, or the first of them, is the file that names the others. */
function firstFirst(files, formats) {
  const indices = formats.map((format) => format['multi-file'].index).filter(Boolean);
  const isIndex = (name) => indices.some((ending) => name.endsWith(`.${ending}`));
  const rank = ({ name }) => (isIndex(name) ? 0 : /-00001-of-\d{5}\./.test(name) ? 1 : 2);
  return [...files].sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}

const unsupported = supported();
if (unsupported) say('problem', unsupported);
else globalThis.weighbridge = new Page();

if ('serviceWorker' in navigator && isSecureContext) {
  navigator.serviceWorker.register(new URL('sw.js', base)).then(async () => {
    await navigator.serviceWorker.ready;
    // Where the server sends no headers the service worker adds them, from the next load on.
    if (!crossOriginIsolated && !navigator.serviceWorker.controller && !sessionStorage.getItem('isolated')) {
      sessionStorage.setItem('isolated', 'tried');
      location.reload();
    }
  }, () => {});
}
