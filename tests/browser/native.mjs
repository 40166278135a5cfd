/** The native host: what every other host is compared with. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const root = new URL('../../', import.meta.url).pathname;
export const models = join(root, 'target/models');
const tool = process.env.WEIGHBRIDGE ?? join(root, 'target/debug/weighbridge');

/** A folder that goes with the process. */
export const scratch = mkdtempSync(join(tmpdir(), 'weighbridge-browser-tests-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

/** What the tool prints; an exit other than 0 throws. */
export const native = (...args) => execFileSync(tool, args, { encoding: 'utf8', maxBuffer: 1 << 28 });

/** Exit status and what was printed, as JSON where it is some. The last argument may be options of the process. */
export function run(program, ...args) {
  const options = typeof args.at(-1) === 'object' ? args.pop() : {};
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28, ...options });
  if (error) throw error;
  return { status, stdout, stderr, json: /^\s*\{/.test(stdout) ? JSON.parse(stdout) : undefined };
}

/** The same of the native tool. */
export const nativeRun = (...args) => run(tool, ...args);

/** Name → SHA-256, as the native host has it. */
export const verified = (file) => Object.fromEntries(JSON.parse(native('verify', file, '--json')).tensors.map(({ name, sha256 }) => [name, sha256]));

/** Bytes of a safetensors file of this header (an object, or its text) and these bytes. */
export function safetensorsBytes(header, data = Buffer.alloc(0)) {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([size, text, data]);
}

/** A file of that in the folder. */
export function safetensors(name, header, data) {
  const file = join(scratch, name);
  writeFileSync(file, safetensorsBytes(header, data));
  return file;
}
