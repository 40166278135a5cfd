/** The built page, served by `xtask web --serve --as-it-is` with the headers that it sends. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from './native.mjs';

/** Its address, and how it is ended. WEIGHBRIDGE_PAGE has the address of a page that is served already. */
export async function serve() {
  if (process.env.WEIGHBRIDGE_PAGE) return { base: process.env.WEIGHBRIDGE_PAGE, async end() {} };
  const xtask = process.env.XTASK ?? join(root, 'target/debug/xtask');
  const child = spawn(xtask, ['web', '--serve', '--as-it-is', '--port', '0'], { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', () => reject(new Error('the server ended')));
    const end = () =>
      new Promise((done) => {
        if (child.exitCode !== null || child.signalCode !== null) return done();
        child.removeAllListeners('exit').once('exit', done);
        child.kill();
      });
    child.stdout.once('data', (line) => resolve({ base: String(line).trim(), end }));
  });
}
