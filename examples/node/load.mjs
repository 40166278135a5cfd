/**
 * Loads a model and prints the report and the SHA-256 of every tensor.
 *
 *     node examples/node/load.mjs FILE… [--json] [--strategy NAME] [--select GLOB] [--record OUT] [--staged]
 */
import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { FileSource, LoadError, STRATEGIES, Session, component, escape, stringify } from './host.mjs';

/** Records that are remembered for a recording. */
const RECORDS = 1 << 20;

const { options, paths } = asked();
const loader = await component();
/** Further shards are looked for beside the first file. */
const find = (name) => {
  const path = join(dirname(paths[0]), name);
  return existsSync(path) ? new FileSource(path) : undefined;
};
const policy = options.strategy === 'auto' ? undefined : { only: options.strategy };
const selection = options.select ? { matching: options.select } : 'all';

let session;
try {
  const sources = paths.map((path) => new FileSource(path));
  session = Session.open({ component: loader, sources, find, ring: RECORDS, guest: { observe: options.record ? 'transitions' : 'off' } });
  const tensors = session.tensors();
  // Staged, no tensor is kept: each chunk goes through the hash and is gone.
  const hashes = new Map();
  const hash = (tensor, bytes) => {
    if (!hashes.has(tensor)) hashes.set(tensor, createHash('sha256'));
    hashes.get(tensor).update(bytes);
  };
  const report = options.staged
    ? session.loadInto(selection, (tensor, _, bytes) => hash(tensor, bytes))
    : session.load(selection, { policy });
  const hashed = session.states().flatMap(({ lifecycle }, index) => {
    if (lifecycle !== 'resident') return [];
    if (!options.staged || Number(tensors[index].bytes) === 0) hash(index, options.staged ? new Uint8Array() : session.bytes(index));
    const { name, dtype, shape, bytes } = tensors[index];
    return [{ name, dtype, shape, bytes, sha256: hashes.get(index).digest('hex') }];
  });
  session.close();
  print(session, report, hashed);
} catch (error) {
  if (!(error instanceof LoadError)) throw error;
  session ??= error.session;
  if (options.json) console.log(stringify({ schema: 'weighbridge.error/1', error: shown(error.error) }));
  else console.error(`error: ${escape(error.message, 2000)}`);
  process.exitCode = 1;
} finally {
  if (options.record && session) writeFileSync(options.record, session.recording().write());
}

/** What was asked for; what cannot be meant is said with exit status 2. */
function asked() {
  const usage = (why) => {
    console.error(`error: ${why}\nusage: node load.mjs FILE… [--json] [--strategy NAME] [--select GLOB] [--staged] [--record OUT]`);
    process.exit(2);
  };
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        staged: { type: 'boolean', default: false },
        strategy: { type: 'string', default: 'auto' },
        select: { type: 'string' },
        record: { type: 'string' },
      },
    });
  } catch (error) {
    usage(escape(error.message));
  }
  const { values: options, positionals: paths } = parsed;
  if (paths.length === 0) usage('no file was given');
  if (!['auto', ...STRATEGIES].includes(options.strategy)) usage(`there is no strategy ${escape(options.strategy)}; there are auto, ${STRATEGIES.join(', ')}`);
  return { options, paths };
}

/** An error as `weighbridge.error/1` has it. */
function shown({ 'os-code': code, ...error }) {
  const file = error.file ?? paths[error.source];
  return { ...error, ...(file !== undefined && { file }), ...(code !== undefined && { os_code: code }) };
}

function print(session, report, hashed) {
  const used = report.used ?? null;
  if (options.json) {
    const files = session.files.map(({ size }, at) => ({ path: paths[at] ?? session.files[at].name, bytes: size }));
    console.log(stringify({ schema: 'weighbridge.verify/1', files, format: session.summary.format, strategy: used, tensors: hashed }));
    return;
  }
  const { format, version, architecture } = session.summary;
  console.log(`${session.files.map(({ name }) => escape(name)).join(', ')}: ${format} ${version || ''} ${escape(architecture ?? '')}`);
  for (const { strategy, reason } of report.refused) console.log(`  not ${strategy}: ${escape(reason.message, 2000)}`);
  console.log(`  ${used ?? 'nothing to load'}: ${report.tensors} tensors, ${report.bytes} bytes, ${report.moved} moved, ${report.extents} buffers`);
  const { stats } = session;
  console.log(`  ${stats['crossings-in'] + stats['crossings-out']} crossings, ${stats['bytes-to-guest']} header bytes\n`);
  for (const { sha256, name } of hashed) console.log(`${sha256}  ${escape(name)}`);
}
