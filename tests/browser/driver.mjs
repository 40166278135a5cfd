/** Chromium by WebDriver over plain HTTP: no package beyond Node and Debian's chromedriver. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

/** A port that nobody listens on. */
const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Browser {
  /** @param {{width?: number, height?: number, dark?: boolean, webgl?: boolean}} [options] */
  static async start(options = {}) {
    const port = await freePort();
    const driver = spawn('chromedriver', [`--port=${port}`], { stdio: 'ignore' });
    const profile = mkdtempSync(join(tmpdir(), 'weighbridge-browser-'));
    const browser = new Browser({ driver, profile, at: `http://127.0.0.1:${port}` });
    for (let tries = 0; ; tries += 1) {
      try {
        await browser.#call('GET', '/status');
        break;
      } catch (error) {
        if (tries > 100) throw new Error(`chromedriver does not answer: ${error.message}`);
        await sleep(100);
      }
    }
    const { width = 1200, height = 860, dark = false, webgl = true } = options;
    const args = [
      '--headless=new',
      '--no-sandbox',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-dev-shm-usage',
      '--hide-scrollbars',
      `--user-data-dir=${profile}`,
      `--window-size=${width},${height}`,
      ...(webgl ? ['--use-angle=swiftshader', '--enable-unsafe-swiftshader'] : ['--disable-gpu', '--disable-3d-apis']),
      ...(dark ? ['--force-dark-mode'] : []),
    ];
    const asked = {
      browserName: 'chrome',
      // In ms. A machine may be slow, and a script may be a measurement.
      timeouts: { script: 600_000, pageLoad: 300_000 },
      'goog:loggingPrefs': { browser: 'ALL', performance: 'ALL' },
      'goog:chromeOptions': { args, ...(process.env.CHROMIUM && { binary: process.env.CHROMIUM }) },
    };
    const made = await browser.#call('POST', '/session', { capabilities: { alwaysMatch: asked } });
    browser.session = `/session/${made.sessionId}`;
    await browser.cdp('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
    await browser.cdp('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }] });
    return browser;
  }

  constructor(parts) {
    Object.assign(this, parts);
  }

  async #call(method, path, body) {
    const response = await fetch(this.at + path, {
      method,
      headers: { 'Content-Type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const { value } = await response.json();
    if (value?.error) throw new Error(`${value.error}: ${String(value.message).split('\n')[0]}`);
    return value;
  }

  go(url) {
    return this.#call('POST', `${this.session}/url`, { url });
  }

  /** Runs the body of an async function in the page and answers what it returns. */
  run(script, ...args) {
    const wrapped = `const done = arguments[arguments.length - 1]; const args = [...arguments].slice(0, -1);
      (async () => { ${script} })().then(value => done({ value }), error => done({ error: String(error?.stack ?? error) }));`;
    return this.#call('POST', `${this.session}/execute/async`, { script: wrapped, args }).then(({ value, error }) => {
      if (error) throw new Error(error);
      return value;
    });
  }

  /** Waits until an expression of the page is true, and answers it. */
  async until(expression, seconds = 60) {
    const end = Date.now() + seconds * 1000;
    for (;;) {
      const value = await this.run(`return (${expression});`);
      if (value) return value;
      if (Date.now() > end) throw new Error(`not within ${seconds} s: ${expression}`);
      await sleep(50);
    }
  }

  async find(css) {
    return (await this.#call('POST', `${this.session}/element`, { using: 'css selector', value: css }))[ELEMENT];
  }

  async click(css) {
    return this.#call('POST', `${this.session}/element/${await this.find(css)}/click`, {});
  }

  /** Gives real files to a file input, as a person's dialog does. */
  async give(css, ...files) {
    return this.#call('POST', `${this.session}/element/${await this.find(css)}/value`, { text: files.join('\n') });
  }

  async type(css, text) {
    return this.#call('POST', `${this.session}/element/${await this.find(css)}/value`, { text });
  }

  cdp(cmd, params = {}) {
    return this.#call('POST', `${this.session}/goog/cdp/execute`, { cmd, params });
  }

  /** A picture as PNG. */
  async screenshot(whole = false) {
    const { data } = await this.cdp('Page.captureScreenshot', { format: 'png', captureBeyondViewport: whole });
    return Buffer.from(data, 'base64');
  }

  /** Messages on the console since the last call. */
  logs(kind = 'browser') {
    return this.#call('POST', `${this.session}/se/log`, { type: kind });
  }

  async stop() {
    try {
      await this.#call('DELETE', this.session);
    } catch {
      // It is gone already.
    }
    this.driver.kill();
    await sleep(200);
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
