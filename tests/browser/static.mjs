/** A static server on this machine; of headers it sends those that it is given. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const KINDS = { html: 'text/html', js: 'text/javascript', css: 'text/css', json: 'application/json', svg: 'image/svg+xml', wasm: 'application/wasm' };

/** @param {Record<string, string>} folders what a path begins with, and the folder that is meant * @param {Record<string, string>} [headers]
 */
export async function serveStatic(folders, headers = {}) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const [begin] = Object.keys(folders).filter((start) => pathname.startsWith(start)).sort((a, b) => b.length - a.length);
    const file = begin === undefined ? '' : join(folders[begin], pathname.slice(begin.length) || 'index.html');
    if (!existsSync(file) || !statSync(file).isFile()) response.writeHead(404).end();
    else response.writeHead(200, { ...headers, 'Content-Type': KINDS[file.split('.').pop()] ?? 'application/octet-stream' }).end(readFileSync(file));
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { close, url: `http://localhost:${server.address().port}/` };
}
