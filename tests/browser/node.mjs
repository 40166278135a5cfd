/**
 * The host module in Node against the native host, on real files: `node tests/browser/node.mjs [PART OF A NAME]`. The component must be
 * there as a web module (`cargo xtask web --component-only`), and the native tool (`cargo build`).
 */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import * as host from '../../host/web/js/node.js';
import { clientCases } from './client.mjs';
import { crc16 } from './crc16.mjs';
import { memoryCases } from './memory.mjs';
import { models, native, nativeRun, root, run, safetensors, scratch } from './native.mjs';
import { storageCases } from './storage.mjs';
import { Tally } from './tally.mjs';

const { Desk, FileSource, LoadError, Recording, STRATEGIES, Session, component, parse, stringify } = host;
const load = (...args) => run(process.execPath, join(root, 'examples/node/load.mjs'), ...args);
const loader = await component();
const tally = new Tally(process.argv[2]);

const sample = join(scratch, 'sample.gguf');
native('sample', sample);
const MODELS = {
  'a sample': sample,
  'GGUF': join(models, 'minilm-q4_0.gguf'),
  'GGUF, split': join(models, 'minilm-q8_0-00001-of-00003.gguf'),
  'safetensors': join(models, 'minilm.safetensors'),
  'safetensors, sharded': join(models, 'minilm-sharded/model.safetensors.index.json'),
};

/** A session on a file and what lies beside it. */
const open = (path, options = {}) =>
  Session.open({
    component: loader,
    sources: [new FileSource(path)],
    find: (name) => (existsSync(join(dirname(path), name)) ? new FileSource(join(dirname(path), name)) : undefined),
    ...options,
  });

/** What `work` throws. */
function thrown(work) {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/** The steps of the machines, by name and without time: what they did. */
function steps(file) {
  const recording = Recording.read(readFileSync(file));
  const { header } = recording;
  const records = recording.records();
  const names = [...(header.names ?? [])];
  return records.flatMap(({ names: more, step }) => {
    if (more) names.push(...more.names);
    if (!step) return [];
    const [[kind, value]] = Object.entries(step.what);
    const [first, second] = [value].flat();
    return [[names[step.machine], step.instance ?? null, kind, names[first], kind === 'transition' ? names[second] : second]];
  });
}

for (const [what, file] of Object.entries(MODELS)) {
  await tally.run(`${what}: formats, strategy and hashes are the native ones`, () => {
    const expected = nativeRun('verify', file, '--no-mmap', '--json').json;
    for (const how of [[], ['--staged'], ['--strategy', 'read-copy']]) {
      const { status, json } = load(file, '--json', ...how);
      assert.equal(status, 0, how);
      assert.deepEqual(json.files.map(({ path, bytes }) => [basename(path), bytes]), expected.files.map(({ path, bytes }) => [basename(path), bytes]));
      // The command line also counts values; this host hashes alone.
      const hashed = expected.tensors.map(({ bytes, dtype, name, sha256, shape }) => ({ bytes, dtype, name, sha256, shape }));
      assert.deepEqual(json.tensors, hashed, how);
      assert.deepEqual([json.schema, json.format], [expected.schema, expected.format]);
      assert.equal(json.strategy, how[0] === '--staged' ? 'external-buffer' : 'read-copy');
    }
  });

  await tally.run(`${what}: the report is the native one, with the reason why nothing is mapped`, () => {
    const expected = nativeRun('load', file, '--no-mmap', '--json').json;
    const session = open(file);
    // The order of `auto` is each host's own.
    const report = session.load('all', { policy: { 'first-available': ['mapped-file', 'staged-read', 'read-copy'] } });
    assert.deepEqual(
      report.refused.map(({ strategy, reason }) => ({ strategy, cause: reason.cause, reason: reason.message })),
      expected.strategy.refused,
    );
    assert.equal(report.refused.length, 1);
    assert.deepEqual([report.used, report.tensors, Number(report.bytes), Number(report.moved), report.extents], [
      expected.strategy.used, expected.tensors, expected.bytes, expected.moved, expected.extents,
    ]);
    session.close();
    assert.equal(session.usage.bufferBytes, 0, 'close gives all memory back');
  });

  await tally.run(`${what}: recordings cross over, and say the same`, () => {
    const [ours, theirs] = ['node', 'native'].map((who) => join(scratch, `${who}-${basename(file)}.wbrec`));
    assert.equal(load(file, '--record', ours).status, 0);
    assert.match(native('replay', ours), /the component does what it did/);
    for (const how of [[], ['--no-mmap']]) {
      native('record', file, '--out', theirs, '--force', ...how);
      const { compared, steps: count } = Recording.read(readFileSync(theirs)).replay(loader);
      assert.ok(compared > count && count > 100, `${compared} records, ${count} steps`);
    }
    const same = ['--strategy', 'read-copy'];
    assert.equal(load(file, '--record', ours, ...same).status, 0);
    native('record', file, '--out', theirs, '--force', '--no-mmap', ...same);
    assert.deepEqual(steps(ours).slice(0, steps(theirs).length), steps(theirs), 'transition for transition');
  });
}

await tally.run('a selection loads alone, and its bytes are those of the file', () => {
  const session = open(sample);
  const { tensors, used } = session.load({ matching: 'blk.0.*' }, { policy: { only: 'read-copy' } });
  const named = session.tensors().filter(({ name }) => name.startsWith('blk.0.'));
  assert.deepEqual([tensors, used], [named.length, 'read-copy']);
  const bytes = readFileSync(sample);
  for (const { name, offset, bytes: len } of named) {
    const view = session.bytes(session.find(name));
    assert.ok(bytes.subarray(Number(offset), Number(offset) + Number(len)).equals(view), name);
  }
  assert.equal(thrown(() => session.view(session.find('output.weight'))).error.cause, 'not-resident');
});

/** Files that break the rules, and what is wrong with each. */
const bytes = readFileSync(sample);
const changed = (name, change) => {
  const copy = Buffer.from(bytes);
  const file = join(scratch, name);
  writeFileSync(file, change(copy) ?? copy);
  return file;
};
const one = (fields) => ({ a: { dtype: 'U8', shape: [1], data_offsets: [0, 1], ...fields } });
const MALFORMED = [
  changed('empty.gguf', () => Buffer.alloc(0)),
  changed('magic.gguf', (copy) => copy.fill(0, 0, 4)),
  changed('version.gguf', (copy) => copy.writeUInt32LE(99, 4) && copy),
  changed('count.gguf', (copy) => copy.writeBigUInt64LE(2n ** 60n, 8) && copy),
  changed('short.gguf', (copy) => copy.subarray(0, 100)),
  changed('cut.gguf', (copy) => copy.subarray(0, copy.length - 4096)),
  safetensors('offsets.safetensors', one({ data_offsets: [0, 9] }), Buffer.alloc(1)),
  safetensors('dtype.safetensors', one({ dtype: 'Q99' }), Buffer.alloc(1)),
  safetensors('reorder.safetensors', { '<b>\u202egpj': { dtype: 'U8', shape: [9], data_offsets: [0, 1] } }, Buffer.alloc(1)),
  safetensors('text.safetensors', '{"a":', Buffer.alloc(1)),
  join(scratch, 'not-there.gguf'),
];
for (const file of MALFORMED) {
  await tally.run(`${basename(file)} is refused with the error that the native host gives`, () => {
    const expected = nativeRun('verify', file, '--no-mmap', '--json');
    const got = load(file, '--json');
    assert.equal(got.status, 1);
    assert.equal(expected.status, 1);
    // What to do about it at a command line is the native tool's alone.
    delete expected.json.error.hint;
    assert.deepEqual(got.json, expected.json);
    const said = load(file);
    assert.deepEqual([said.status, said.stdout], [1, '']);
    assert.doesNotMatch(said.stderr, /    at |[\u202e]/);
  });
}

await tally.run('what cannot be meant is said with exit status 2', () => {
  for (const args of [[], ['--nonsense'], [sample, '--strategy', 'teleport'], [sample, '--record']]) {
    const { status, stdout, stderr } = load(...args);
    assert.deepEqual([status, stdout], [2, ''], args);
    assert.match(stderr, /^error: .*\nusage: /, args);
  }
});

await tally.run('an unknown strategy is the caller’s error and ends nothing', () => {
  const session = open(sample);
  for (const policy of [{ only: 'teleport' }, { 'first-available': ['read-copy', 'x'] }]) {
    assert.equal(thrown(() => session.load('all', { policy })).error.cause, 'invalid-request');
  }
  for (const strategy of STRATEGIES.slice(1, 3)) {
    assert.equal(session.load('all', { policy: { only: strategy } }).used, strategy);
    session.evict('all');
  }
});

await tally.run('a load that is cancelled, or too late, ends between two pieces and leaves nothing', () => {
  for (const [how, cause] of [
    [(moved) => ({ cancelled: () => moved.bytes > 0 }), 'cancelled'],
    [() => ({ limits: { deadline: 20 } }), 'deadline'],
  ]) {
    const moved = { bytes: 0 };
    const session = open(MODELS.safetensors, { ...how(moved), progress: (bytes) => (moved.bytes = bytes) });
    const error = thrown(() => session.load('all', { policy: { only: 'read-copy' } }));
    assert.equal(error.error.cause, cause);
    const { usage } = session;
    assert.equal(usage.bufferBytes, 0);
    assert.ok(usage.moved < 90e6, `${usage.moved} bytes were moved`);
  }
});

await tally.run('a file that changes or shrinks is an answer, and the session lives on', () => {
  const file = join(scratch, 'changing.gguf');
  copyFileSync(sample, file);
  const session = open(file);
  truncateSync(file, bytes.length - 4096);
  const { error } = thrown(() => session.load('all'));
  assert.equal(error.cause, 'source-changed');
  assert.equal(session.states().filter(({ lifecycle }) => lifecycle === 'resident').length, 0);
  session.close();
});

await tally.run('what does not fit is refused before a byte moves', () => {
  const session = open(sample, { limits: { 'buffer-bytes': 1000 } });
  const { error } = thrown(() => session.load('all', { policy: { only: 'read-copy' } }));
  assert.equal(error.cause, 'out-of-memory');
  assert.equal(session.usage.moved, 0);
  assert.equal(session.load({ tensors: [1] }, { policy: { only: 'read-copy' } }).tensors, 1, 'a selection that fits does load');
});

await tally.run('a shard is only ever looked for by a plain name', () => {
  const file = join(scratch, 'model.safetensors.index.json');
  const asked = [];
  for (const name of ['../secret.safetensors', '/etc/passwd', 'a/b.safetensors']) {
    writeFileSync(file, JSON.stringify({ metadata: {}, weight_map: { a: name } }));
    const error = thrown(() => open(file, { find: (wanted) => void asked.push(wanted) }));
    assert.ok(error instanceof LoadError, String(error));
  }
  assert.deepEqual(asked, []);
});

await tally.run('a recording that was changed, cut or made by another component is refused with a sentence', () => {
  const file = join(scratch, 'sentence.wbrec');
  const session = open(sample, { guest: { observe: 'transitions' } });
  session.load('all');
  writeFileSync(file, session.recording().write());
  const written = readFileSync(file);
  const flipped = Buffer.from(written);
  const at = written.indexOf(10, written.length >> 1) + 12;
  flipped[at] ^= 1;
  assert.match(thrown(() => Recording.read(flipped)).message, /line \d+ of the recording/);
  assert.match(thrown(() => Recording.read(written.subarray(0, written.length >> 1))).message, /recording/);
  assert.match(thrown(() => Recording.read(new Uint8Array())).message, /no weighbridge recording/);
  const recording = Recording.read(written);
  assert.match(thrown(() => recording.replay({ ...loader, id: '0'.repeat(64) })).message, /another component/);
  const [first, ...lines] = written.toString().trimEnd().split('\n').slice(0, -1);
  // Another answer to the first read, in a file that is whole.
  const told = lines.map((line) => (line.includes('"capabilities"') ? line.replace('"mmap":false', '"mmap":true') : line));
  assert.match(thrown(() => Recording.read(whole(first, ...told)).replay(loader)).message, /differs at record/);
  const { compared, complete } = recording.replay(loader);
  assert.deepEqual([compared, complete], [recording.records().filter(({ host: own }) => !own).length, true]);
});

/** A recording of these lines after its first, whole by its checks. */
const recorded = (...lines) => whole(JSON.stringify({ 'weighbridge-recording': 1, weighbridge: '0.1.0', component: loader.id, machines: [] }), ...lines);

/** A recording of these lines. */
function whole(first, ...lines) {
  const all = [first, ...lines];
  const checks = Buffer.from(all.flatMap((line) => [crc16(Buffer.from(line)) >> 8, crc16(Buffer.from(line)) & 255]));
  return Buffer.from(`${[...all, JSON.stringify({ end: lines.length, checks: checks.toString('base64'), check: crc16(checks) })].join('\n')}\n`);
}

await tally.run('a recording that is whole by its checks and says what cannot be is refused with its line', () => {
  const bytes = (value, fields = {}) => JSON.stringify({ seq: 0, at: 0, ...fields, return: { answer: { bytes: value }, ns: 0 } });
  for (const [line, says] of [
    ['null', /null/],
    ['7', /`7`/],
    [bytes('', { zeros: -5 }), /`-5`/],
    [bytes('', { zeros: 1.5 }), /`1\.5`/],
    [bytes('', { at: 'now' }), /"now"/],
    [bytes(5), /`5`/],
    [bytes('***'), /symbol/],
  ]) {
    const { message } = thrown(() => Recording.read(recorded(line)));
    assert.match(message, /^line 2 of the recording is damaged/, line);
    assert.match(message, says, line);
  }
  const zeros = Array.from({ length: 5 }, (_, seq) => bytes('', { seq, zeros: 60 << 20 }));
  assert.equal(Recording.read(recorded(...zeros.slice(0, 4))).length, 4);
  assert.match(thrown(() => Recording.read(recorded(...zeros))).message, /line 6 .*`zeros`/, 'all lines together');
  for (const enter of ['constructor', { open: { sources: 5, options: {} } }]) {
    assert.match(thrown(() => Recording.read(recorded(JSON.stringify({ seq: 0, at: 0, enter })))).message, /line 2 /);
  }
});

await tally.run('numbers of 64 bits are kept whole in JSON, with either sign', () => {
  const numbers = [-(2n ** 63n), -(2n ** 53n) - 1n, 2n ** 53n + 1n, 2n ** 64n - 1n];
  const text = stringify({ numbers, small: [-5n, 5n] });
  assert.equal(text, `{"numbers":[${numbers.join(',')}],"small":[-5,5]}`);
  assert.deepEqual(parse(text), { numbers, small: [-5, 5] });
});

/** How the page opens a model, and loads it. */
const LIMITS = { 'header-bytes': 0, tensors: 0, 'metadata-entries': 0, 'name-bytes': 0, nesting: 0 };
const OPEN = { guest: { slots: 0, limits: LIMITS, observe: 'transitions' }, mmap: false, deadline_ms: 0 };
const LOAD = { Load: { selection: 'all', options: { policy: 'auto', extent: 'whole-file', 'staging-bytes': 0, validate: { structure: false, architecture: false } } } };

/** The page's desk on a file, open; `ask` answers the updates that a request brings. */
async function desk(file, { before = [], ...more } = {}) {
  const told = [];
  const made = new Desk({
    component: loader,
    tell: (update) => told.push(parse(update)),
    source: (_, token) => new FileSource(token),
    find: () => undefined,
    deliver: () => {},
    ...more,
  });
  const ask = async (request) => {
    told.length = 0;
    await made.handle(stringify(request));
    return Object.assign({}, ...told.filter((update) => typeof update === 'object'));
  };
  for (const request of before) await ask(request);
  const opened = await ask({ Open: { files: [{ name: basename(file), token: file }], options: OPEN } });
  return { ask, told, opened };
}

await tally.run('a short answer while a model is opened is the file’s end, and no fault of the component', async () => {
  const { opened } = await desk(sample, { before: [{ SetFaults: [{ Call: { call: 'Read', nth: 1, kind: 'Short' } }] }] });
  assert.equal(opened.Failed.error.cause, 'end-of-source');
});

await tally.run('tensors without bytes are hashed as all others, before a load and after it', async () => {
  const data = (begin, end, shape) => ({ dtype: 'F32', shape, data_offsets: [begin, end] });
  const { ask } = await desk(safetensors('empty.safetensors', { a: data(0, 8, [2]), none: data(8, 8, [0]), z: data(8, 16, [2]) }, Buffer.alloc(16, 3)));
  const before = (await ask({ Hash: 'all' })).Hashes.rows;
  assert.ok((await ask(LOAD)).Report);
  const after = (await ask({ Hash: 'all' })).Hashes.rows;
  assert.deepEqual(after, before);
  assert.deepEqual(after.map(({ index, range }) => [index, range === null]), [[0, false], [1, true], [2, false]]);
});

await tally.run('a hash that is cancelled ends between two chunks, and nothing of it stays; a selection is what it is in a load', async () => {
  const urgent = [];
  let cancels = true;
  const { ask } = await desk(MODELS.safetensors, {
    take: () => urgent.shift(),
    progress: (done) => done > 0 && cancels && urgent.push('"Cancel"'),
  });
  const ended = await ask({ Hash: 'all' });
  assert.deepEqual([ended.Failed.error.cause, ended.Hashes, ended.Sandbox.buffer_bytes], ['cancelled', undefined, 0]);
  cancels = false;
  await ask(LOAD);
  cancels = true;
  assert.equal((await ask({ Hash: 'all' })).Failed.error.cause, 'cancelled', 'of what is resident too');
  cancels = false;
  const { rows } = (await ask({ Hash: { matching: '*.bias' } })).Hashes;
  const loaded = Object.fromEntries(nativeRun('verify', MODELS.safetensors, '--json').json.tensors.map(({ sha256 }, index) => [index, sha256]));
  assert.ok(rows.length > 10 && rows.every(({ index, sha256 }) => loaded[index] === sha256));
  assert.equal((await ask({ Hash: { tensors: [1 << 20] } })).Failed.error.cause, 'not-found');
});

await tally.run('values that are no numbers are findings, the native ones', async () => {
  const data = Buffer.alloc(24);
  [NaN, 1.5, Infinity, -2].forEach((number, at) => data.writeFloatLE(number, 4 * at));
  const of = (dtype, begin, end, side) => ({ dtype, shape: [side], data_offsets: [begin, end] });
  const file = safetensors('values.safetensors', { a: of('F32', 0, 16, 4), b: of('U8', 16, 24, 8) }, data);
  const { ask } = await desk(file);
  const { rows, findings } = (await ask({ Hash: 'all' })).Hashes;
  assert.deepEqual(rows.map(({ range }) => range), [[-2, 1.5], [0, 0]]);
  const expected = nativeRun('verify', file, '--json').json.findings;
  assert.deepEqual(findings.map(({ rule, message }) => [rule, message]), expected.map(({ rule, message }) => [rule, message]));
  assert.equal(findings.length, 3);
});

await tally.run('the desk writes recordings in every form, and lists the tensors of one that it opens', async () => {
  const files = new Map();
  const { ask, opened } = await desk(sample, { deliver: (name, bytes) => files.set(name, bytes) });
  await ask(LOAD);
  const to = (name) => ({ name, token: 'download' });
  for (const request of [{ SaveRecording: to('a.wbrec') }, { ExportPerfetto: to('a.json') }, { ExportMermaid: to('a.md') }, { WriteFile: [to('a.txt'), [104, 105]] }]) {
    assert.match((await ask(request)).Notice, /^Wrote a\./);
  }
  assert.ok(JSON.parse(Buffer.from(files.get('a.json'))).traceEvents.length > 100);
  assert.match(Buffer.from(files.get('a.md')).toString(), /stateDiagram|sequenceDiagram/);
  assert.equal(Buffer.from(files.get('a.txt')).toString(), 'hi');
  const saved = join(scratch, 'a.wbrec');
  writeFileSync(saved, files.get('a.wbrec'));
  const told = await ask({ OpenRecording: { name: 'a.wbrec', token: saved } });
  assert.equal(told.Began.origin, 'Recording');
  assert.deepEqual(told.Tensors, opened.Tensors);
  assert.match((await ask('Replay')).Notice, /are the same/);
});

await tally.run('what cannot be meant is a problem, and the desk goes on', async () => {
  const { ask } = await desk(sample);
  for (const request of ['Nonsense', { Load: {} }, { Hash: 7 }]) assert.match((await ask(request)).Problem, /cannot be meant/);
  assert.match((await ask('Pause')).Problem, /cross-origin isolated/);
  assert.match((await ask({ SetBreakpoints: ['Error'] })).Problem, /cannot hold/);
  assert.ok((await ask(LOAD)).Report);
});

await tally.run('a recording does not tell what the files are called, unless their index does', () => {
  const file = join(scratch, 'secret-00001-of-00003.gguf');
  copyFileSync(MODELS['GGUF, split'], file);
  for (const number of [2, 3]) copyFileSync(MODELS['GGUF, split'], join(scratch, `secret-0000${number}-of-00003.gguf`));
  const { session } = thrown(() => open(file));
  const recording = session.recording();
  const leaves = recording.records().filter(({ leave }) => leave?.failed);
  assert.match(leaves[0].leave.failed.message, /"file-0-00002-of-00003\.gguf"/);
  assert.doesNotMatch(Buffer.from(recording.write()).toString(), /secret/);
});

await tally.run('without the component a sentence says how to make it', () => {
  const copy = join(scratch, 'examples/node');
  const { status, stderr } = run(process.execPath, '--input-type=module', '-e', `
    import { cpSync } from 'node:fs';
    cpSync(${JSON.stringify(join(root, 'examples'))}, ${JSON.stringify(join(scratch, 'examples'))}, { recursive: true, filter: (from) => !from.includes('node_modules') });
    await (await import(${JSON.stringify(`${copy}/host.mjs`)})).component();`);
  assert.notEqual(status, 0);
  assert.match(stderr, /make it with `cargo xtask web --component-only`/);
});

for (const [name, work] of Object.entries(storageCases(host))) await tally.run(`storage: ${name}`, work);
for (const [name, work] of Object.entries(clientCases)) await tally.run(`the page: ${name}`, work);
for (const [name, work] of Object.entries(memoryCases(host))) await tally.run(`memory: ${name}`, work);

tally.end();
