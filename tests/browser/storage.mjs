/**
 * What the host's storage answers to a guest that lies: each call as the glue hands it over, and the contract's refusal. The native host's are
 * the same (`host/src/storage`).
 */
import assert from 'node:assert/strict';
import { StorageFault } from '../../gui/web/host/fault.js';
import { Storage } from '../../gui/web/host/storage.js';

const MAX = 2n ** 64n - 1n;

/** A source of these bytes; `broken` is what every read of it meets. */
const source = (bytes) => ({
  name: 'source',
  size: bytes.length,
  broken: null,
  fingerprint: () => [1n, 2n],
  check() {
    if (this.broken) throw new StorageFault(this.broken);
  },
  read(offset, len) {
    return bytes.slice(offset, offset + len);
  },
  readInto(into, offset) {
    into.set(bytes.subarray(offset, offset + into.length));
  },
});

/** A storage over 64 bytes of 0, 1, 2, … and the ids of as many targets as asked for. */
function storage({ targets = [], ...options } = {}) {
  const made = new Storage({ control: { check() {} }, ...options });
  const file = source(Uint8Array.from({ length: 64 }, (_, at) => at));
  made.grant(file);
  const ids = targets.map((len) => made.perform({ allocate: { len: BigInt(len) } }).target.id);
  return { made, file, ids, read: (...batch) => made.perform({ 'read-into': { sources: [0], targets: ids, batch } }) };
}

const span = (fields) => ({ source: 0, offset: 0n, len: 8n, target: 0, 'target-offset': 0n, ...fields });
const failed = (error, at = 0) => ({ 'batch-failed': { span: at, error } });

export const storageCases = {
  'reads are bounded by the source and by max-read'() {
    const { made } = storage();
    const read = (fields) => made.perform({ read: { source: 0, offset: 0n, len: 8, ...fields } });
    assert.deepEqual(read({}), { bytes: Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7]) });
    assert.equal(read({ offset: 60n, len: 100 }).bytes.length, 4, 'short at the end');
    assert.equal(read({ offset: 64n }).bytes.length, 0);
    for (const offset of [65n, 2n ** 53n + 1n, MAX]) assert.deepEqual(read({ offset }), { failed: 'out-of-bounds' }, String(offset));
    for (const number of [1, 0xffff_ffff]) assert.deepEqual(read({ source: number }), { failed: 'out-of-bounds' });
    assert.deepEqual(read({ len: made.offers['max-read'] + 1 }), { failed: 'exhausted' });
  },

  'a span stays inside its source and its target'() {
    const { made, read } = storage({ targets: [16] });
    assert.equal(read(span()), 'done');
    for (const bad of [
      { source: 1 },
      { target: 1 },
      { target: 0xffff_ffff },
      { offset: 57n },
      { offset: MAX },
      { offset: MAX, len: 1n },
      { len: MAX },
      { offset: 8n, len: MAX },
      { 'target-offset': 9n },
      { 'target-offset': MAX },
      { len: 17n },
    ]) {
      assert.deepEqual(read(span(), span({ 'target-offset': 8n, ...bad })), failed('out-of-bounds', 1), JSON.stringify(bad, (_, value) => (typeof value === 'bigint' ? `${value}` : value)));
    }
    assert.equal(made.usage.moved, 8, 'a batch with a bad span moves nothing');
  },

  'spans of a batch may touch, but not share a byte of a target'() {
    const { read } = storage({ targets: [16] });
    assert.equal(read(span(), span({ 'target-offset': 8n })), 'done');
    assert.deepEqual(read(span(), span({ 'target-offset': 7n })), failed('out-of-bounds', 1));
    assert.deepEqual(read(span({ 'target-offset': 8n }), span({ len: 9n })), failed('out-of-bounds', 1));
    assert.equal(read(span(), span({ len: 0n, 'target-offset': 4n })), 'done', 'nothing overlaps with nothing');
  },

  'a batch has so many spans and no more'() {
    const offers = { mmap: false, advise: false, 'map-granularity': 65536, 'max-read': 64, 'max-batch': 2, auto: ['read-copy'] };
    const { read } = storage({ targets: [64], offers });
    const at = (number) => span({ len: 1n, 'target-offset': BigInt(number) });
    assert.equal(read(at(0), at(1)), 'done');
    assert.deepEqual(read(at(0), at(1), at(2)), failed('exhausted', 2));
  },

  'memory is bounded, counted and given back'() {
    const { made, ids } = storage({ targets: [40], bufferBytes: 64 });
    assert.deepEqual(made.perform({ allocate: { len: 25n } }), { failed: 'exhausted' });
    for (const len of [2n ** 53n, MAX]) assert.deepEqual(made.perform({ allocate: { len } }), { failed: 'exhausted' });
    assert.equal(made.perform({ allocate: { len: 24n } }).target.len, 24);
    assert.equal(made.perform({ free: { target: ids[0] } }), 'done');
    assert.deepEqual(made.perform({ free: { target: ids[0] } }), { failed: 'out-of-bounds' }, 'twice');
    assert.deepEqual(made.perform({ 'read-into': { sources: [0], targets: ids, batch: [span()] } }), failed('out-of-bounds'), 'after it was freed');
    assert.deepEqual([made.usage.buffers, made.usage.bufferBytes], [1, 24]);
  },

  'what is viewed is neither freed nor written'() {
    const { made, ids, read } = storage({ targets: [8] });
    const { buffer } = made.view({ place: { target: BigInt(ids[0]) }, offset: 0n, bytes: 8n });
    buffer.views += 1;
    assert.deepEqual(made.perform({ free: { target: ids[0] } }), { failed: 'busy' });
    assert.deepEqual(read(span()), failed('busy'));
    buffer.views -= 1;
    assert.equal(read(span()), 'done');
    assert.equal(made.perform({ free: { target: ids[0] } }), 'done');
  },

  'a view lies inside a target of this session or is none'() {
    const { made, ids } = storage({ targets: [8] });
    const view = (location) => made.view({ place: { target: BigInt(ids[0]) }, offset: 0n, bytes: 8n, ...location });
    assert.equal(view({}).bytes.length, 8);
    for (const bad of [{ bytes: 9n }, { offset: 1n }, { offset: MAX }, { bytes: MAX }, { place: { target: 99n } }, { place: { mapping: 1n } }, { place: {} }]) {
      assert.equal(view(bad), undefined, Object.keys(bad)[0]);
    }
  },

  'what this host does not have is refused, not ignored'() {
    const { made } = storage();
    assert.deepEqual(made.perform({ 'map-range': { source: 0, offset: 0n, len: 64n } }), { failed: 'unsupported' });
    assert.deepEqual(made.perform({ unmap: { mapping: 1 } }), { failed: 'out-of-bounds' });
    assert.deepEqual(made.perform({ advise: { mapping: 1, offset: 0n, len: 1n, advice: 'normal' } }), { failed: 'out-of-bounds' });
    assert.deepEqual(made.perform({ 'registered': { tensors: ['nobody'] } }), { targets: [null] });
    assert.deepEqual(made.perform({ nonsense: {} }), { failed: { other: 'this host knows no call nonsense' } });
  },

  'registered memory is lent once'() {
    const { made } = storage();
    assert.equal(made.register('a', new Uint8Array(8)), true);
    const [[id]] = made.perform({ registered: { tensors: ['a'] } }).targets;
    assert.deepEqual(made.perform({ registered: { tensors: ['a'] } }), { failed: 'busy' });
    assert.equal(made.register('a', new Uint8Array(8)), false, 'nor changed while it is lent');
    assert.equal(made.perform({ free: { target: id } }), 'done');
    assert.equal(made.perform({ registered: { tensors: ['a'] } }).targets.length, 1);
    assert.equal(made.usage.bufferBytes, 0, 'it is not the host’s');
  },

  'the source’s own fault is the answer, at the first span that uses it'() {
    const { file, read, made } = storage({ targets: [16] });
    for (const fault of ['changed', 'access-denied', { io: 5 }]) {
      file.broken = fault;
      assert.deepEqual(read(span(), span({ 'target-offset': 8n })), failed(fault));
      assert.deepEqual(made.perform({ stat: { source: 0 } }), { failed: fault });
    }
  },

  'a consumer gets each tensor’s bytes in order, and its refusal is the answer'() {
    const { made } = storage();
    const got = [];
    made.sink = {
      chunk: 5,
      tensors: new Map([['a', { index: 0, bytes: 16 }]]),
      take(tensor, offset, bytes) {
        got.push([tensor, offset, ...bytes]);
        if (offset >= 10) throw new StorageFault('cancelled');
      },
    };
    const [[id]] = made.perform({ registered: { tensors: ['a'] } }).targets;
    const batch = [span({ offset: 8n, 'target-offset': 8n }), span()];
    assert.deepEqual(made.perform({ 'read-into': { sources: [0], targets: [id], batch } }), failed('cancelled', 0));
    assert.deepEqual(got, [[0, 0, 0, 1, 2, 3, 4], [0, 5, 5, 6, 7], [0, 8, 8, 9, 10, 11, 12], [0, 13, 13, 14, 15]]);
  },
};
