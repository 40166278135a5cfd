/** The inspector: the same program as on the desktop, compiled for the web; fetched when the page has nothing else to do. */
import { parse } from '../host/js/page.js';

/** Why it cannot be shown here; `null` where it can. */
export function webglMissing() {
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('webgl2') ?? canvas.getContext('webgl');
  context?.getExtension('WEBGL_lose_context')?.loseContext();
  return context ? null : 'This browser has no WebGL, which the inspector draws with; the overview shows the same run';
}

/** The inspector of this page, or `null` where the page was built without it. */
export async function inspectorFor({ base, client, page }) {
  const found = await fetch(new URL('files.json', base)).then((response) => response.json(), () => ({ files: [] }));
  if (!found.files.includes('inspector/inspector.js')) return null;
  let started = null;
  return {
    start(canvas) {
      started ??= start(canvas, { base, client, page });
      return started;
    },
  };
}

async function start(canvas, { base, client, page }) {
  const module = await import(new URL('inspector/inspector.js', base));
  await module.default({ module_or_path: new URL('inspector/inspector_bg.wasm', base) });
  return module.start(canvas, new Bridge(client, page));
}

/** What the inspector asks of the page: `client` of `gui/src/web`. */
class Bridge {
  #updates;
  #picked = [];

  constructor(client, page) {
    Object.assign(this, { client, page });
    this.#updates = [...client.history()];
    client.addEventListener('json', ({ detail }) => {
      this.#updates.push(detail);
      this.wake?.();
    });
  }

  /** Called when there is news. */
  onWake(wake) {
    this.wake = wake;
  }

  /** Asks; the request is JSON. */
  send(json) {
    this.client.send(parse(json));
  }

  /** The next update as JSON. */
  poll() {
    return this.#updates.shift();
  }

  /** Shows the browser's file dialog; its result comes by `picked`. */
  pick(what) {
    const input = Object.assign(document.createElement('input'), { type: 'file', multiple: what !== 'recording' });
    input.addEventListener('change', () => this.#pick(what, [...input.files]));
    input.addEventListener('cancel', () => this.#pick(what, []));
    input.click();
  }

  #pick(what, files) {
    this.#picked.push(JSON.stringify({ what, files: files.map((file) => this.client.file(file)) }));
    this.wake?.();
  }

  /** The result of a dialog as JSON. */
  picked() {
    return this.#picked.shift();
  }
}
