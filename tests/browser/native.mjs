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

/** Exit status and what was printed, as JSON where it is some. */
export function run(program, ...args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (error) throw error;
  return { status, stdout, stderr, json: /^\s*\{/.test(stdout) ? JSON.parse(stdout) : undefined };
}

/** The same of the native tool. */
export const nativeRun = (...args) => run(tool, ...args);

/** Name → SHA-256, as the native host has it. */
export const verified = (file) => Object.fromEntries(JSON.parse(native('verify', file, '--json')).tensors.map(({ name, sha256 }) => [name, sha256]));

/** A safetensors file of this header (an object, or its text) and these bytes. */
export function safetensors(name, header, data = Buffer.alloc(0)) {
  const text = typeof header === 'string' ? header : JSON.stringify(header);
  const padded = Buffer.from(text);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(padded.length));
  const file = join(scratch, name);
  writeFileSync(file, Buffer.concat([size, padded, data]));
  return file;
}
