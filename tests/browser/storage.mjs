/**
 * What the host's storage answers to a guest that lies, through the same glue as the component's calls. That the checks are the native ones is
 * by construction; that nothing is lost on the way is tested here.
 */
import assert from 'node:assert/strict';
import { answer, lies, scripted, tensor } from './scripted-guest.mjs';

const MAX = 2n ** 64n - 1n;

/** A source of these bytes; `broken` is what every read of it meets. */
const source = (host, bytes) => ({
  name: 'source.gguf',
  size: bytes.length,
  broken: null,
  fingerprint: () => BigUint64Array.of(1n, 2n),
  check() {
    if (this.broken) throw new host.StorageFault(this.broken);
  },
  read(offset, len) {
    return bytes.slice(offset, offset + len);
  },
  readInto(into, offset) {
    into.set(bytes.subarray(offset, offset + into.length));
  },
});

const span = (fields) => ({ source: 0, offset: 0n, len: 8n, target: 0, targetOffset: 0n, ...fields });
const failed = (error, at = 0) => ({ span: at, error });
const shown = (value) => JSON.stringify(value, (_, field) => (typeof field === 'bigint' ? String(field) : field));

/** @param {object} host the package `weighbridge` */
export const storageCases = (host) => {
  /** A guest over 64 bytes of 0, 1, 2, … with as many targets as asked for. */
  function guest({ targets = [], ...options } = {}) {
    const file = source(host, Uint8Array.from({ length: 64 }, (_, at) => at));
    const made = scripted(host, { sources: [file], ...options });
    const handles = targets.map((len) => made.storage.allocate(BigInt(len)));
    const read = (...batch) => answer(() => made.storage.readInto(made.files, handles, batch)) ?? 'done';
    return { ...made, file, handles, read };
  }

  return {
    'reads are bounded by the source and by max-read'() {
      const { files } = guest();
      const read = (offset, len) => answer(() => files[0].read(offset, len));
      assert.deepEqual(read(0n, 8), Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7]));
      assert.equal(read(60n, 100).length, 4, 'short at the end');
      assert.equal(read(64n, 8).length, 0);
      for (const offset of [65n, 2n ** 53n + 1n, MAX]) assert.deepEqual(read(offset, 8), { failed: 'out-of-bounds' }, String(offset));
      assert.deepEqual(read(0n, (1 << 20) + 1), { failed: 'exhausted' });
    },

    'a span stays inside its source and its target'() {
      const { session, read } = guest({ targets: [16] });
      assert.equal(read(span()), 'done');
      for (const bad of [
        { source: 1 },
        { target: 1 },
        { target: 0xffff_ffff },
        { offset: 57n },
        { offset: MAX },
        { offset: MAX, len: 1n },
        { targetOffset: 9n },
        { targetOffset: MAX },
        { len: 17n },
      ]) {
        assert.deepEqual(read(span(), span({ targetOffset: 8n, ...bad })), failed('out-of-bounds', 1), shown(bad));
      }
      for (const bad of [{ len: MAX }, { offset: 8n, len: MAX }]) assert.deepEqual(read(span({ targetOffset: 8n, ...bad })), failed('exhausted'), shown(bad));
      assert.equal(session.usage.moved, 8, 'a batch with a bad span moves nothing');
    },

    'spans of a batch may touch, but not share a byte of a target'() {
      const { read } = guest({ targets: [16] });
      assert.equal(read(span(), span({ targetOffset: 8n })), 'done');
      assert.deepEqual(read(span(), span({ targetOffset: 7n })), failed('out-of-bounds', 1));
      assert.deepEqual(read(span({ targetOffset: 8n }), span({ len: 9n })), failed('out-of-bounds', 1));
      assert.equal(read(span(), span({ len: 0n, targetOffset: 4n })), 'done', 'nothing overlaps with nothing');
    },

    'a batch has so many spans and no more'() {
      const { read } = guest({ targets: [64], offers: { 'max-batch': 2 } });
      const at = (number) => span({ len: 1n, targetOffset: BigInt(number) });
      assert.equal(read(at(0), at(1)), 'done');
      assert.deepEqual(read(at(0), at(1), at(2)), failed('exhausted', 2));
    },

    'memory is bounded, counted and given back'() {
      const { session, storage, handles, read } = guest({ targets: [40], limits: { 'buffer-bytes': 64 } });
      for (const len of [25n, 2n ** 53n, MAX]) assert.deepEqual(answer(() => storage.allocate(len)), { failed: 'exhausted' });
      assert.equal(storage.allocate(24n).len(), 24n);
      handles[0].free();
      assert.deepEqual(answer(() => handles[0].free()), { failed: 'out-of-bounds' }, 'twice');
      assert.deepEqual(read(span()), failed('out-of-bounds'), 'after it was freed');
      assert.deepEqual([session.usage.buffers, session.usage.bufferBytes], [1, 24]);
    },

    'what is viewed is neither freed nor written'() {
      let id = 0;
      const exports = { tensors: () => [tensor('a', 0, 8)], states: () => [lies(id, 0, 8)] };
      const { session, handles, read } = guest({ targets: [8], exports });
      id = handles[0].number;
      assert.equal(read(span()), 'done');
      const view = session.view(0);
      assert.deepEqual([...view.bytes()], [0, 1, 2, 3, 4, 5, 6, 7]);
      assert.deepEqual(answer(() => handles[0].free()), { failed: 'busy' });
      assert.deepEqual(read(span()), failed('busy'));
      view.free();
      assert.equal(read(span()), 'done');
      handles[0].free();
    },

    'a view lies where the tensor was moved to, in a target of this session, or is none'() {
      let state;
      const exports = { tensors: () => [tensor('a', 0, 8)], states: () => [state] };
      const { session, handles, read } = guest({ targets: [16], exports });
      const id = handles[0].number;
      read(span(), span({ offset: 8n, targetOffset: 8n }));
      state = lies(id, 0, 8);
      assert.equal(session.bytes(0, 3).length, 3);
      for (const bad of [lies(id, 0, 9), lies(id, 1, 8), lies(id, 8, 8), lies(id, 2n ** 64n - 4n, 8), lies(99, 0, 8), lies(2n ** 40n, 0, 8), lies(id, 0, 8, 'mapping')]) {
        state = bad;
        // The host asks anew where its tensors lie after a request that may move them.
        session.evict('all');
        assert.throws(() => session.bytes(0), ({ error }) => error.cause === 'internal', shown(bad));
      }
    },

    'what this host does not have is refused, not ignored'() {
      const { files, storage } = guest();
      assert.deepEqual(answer(() => files[0].mapRange(0n, 64n)), { failed: 'unsupported' });
      const mapping = new storage.Mapping(7);
      assert.deepEqual(answer(() => mapping.unmap()), { failed: 'out-of-bounds' });
      assert.deepEqual(answer(() => mapping.advise(0n, 1n, 'normal')), { failed: 'out-of-bounds' });
      assert.deepEqual(storage.registered(['nobody']), [undefined]);
    },

    'a source that can be mapped is, where that is offered, and only inside it'() {
      const file = { ...source(host, new Uint8Array(1 << 17).fill(3)), map: (offset, len) => new Uint8Array(len).fill(3) };
      const { files, session } = scripted(host, { sources: [file], offers: { mmap: true } });
      const mapping = files[0].mapRange(65536n, 10n);
      assert.equal(session.usage.mappings, 1);
      assert.equal(mapping.advise(0n, 10n, 'will-need'), 'unsupported');
      for (const [offset, len] of [[1n, 1n], [65536n, 65537n], [0n, 0n], [2n ** 63n, 2n ** 63n]]) {
        assert.deepEqual(answer(() => files[0].mapRange(offset, len)), { failed: 'out-of-bounds' });
      }
      mapping.unmap();
      assert.equal(session.usage.mappings, 0);
    },

    'registered memory is lent once'() {
      const { session, storage } = guest();
      assert.equal(session.register('a', new Uint8Array(8)), true);
      const [target] = storage.registered(['a']);
      assert.deepEqual(answer(() => storage.registered(['a'])), { failed: 'busy' });
      assert.equal(session.register('a', new Uint8Array(8)), false, 'nor changed while it is lent');
      target.free();
      assert.equal(storage.registered(['a']).length, 1);
      assert.equal(session.usage.bufferBytes, 0, 'it is not the host’s');
    },

    'the source’s own fault is the answer, at the first span that uses it'() {
      const { file, files, read } = guest({ targets: [16] });
      for (const fault of ['changed', 'access-denied', { io: 5 }]) {
        file.broken = fault;
        assert.deepEqual(read(span(), span({ targetOffset: 8n })), failed(fault));
        assert.deepEqual(answer(() => files[0].stat()), { failed: fault });
      }
    },

    'a source that answers more or less than it was asked for is not believed'() {
      for (const more of [-1, 1]) {
        const { file, files } = guest();
        file.read = (_, len) => new Uint8Array(len + more);
        assert.deepEqual(answer(() => files[0].read(0n, 8)), { failed: 'end-of-source' });
      }
    },

    'a consumer gets each tensor’s bytes in order, and its refusal is the answer'() {
      const got = [];
      const take = (index, offset, bytes) => {
        got.push([index, offset, ...bytes]);
        if (offset >= 10) throw new host.StorageFault('cancelled');
      };
      let told;
      const load = () => {
        const targets = made.storage.registered(['a']);
        told = answer(() => made.storage.readInto(made.files, targets, [span({ offset: 8n, targetOffset: 8n }), span()]));
        return { refused: [], tensors: 0, bytes: 0n, moved: 0n, mapped: 0n, extents: 0, slotsPeak: 0 };
      };
      const made = guest({ exports: { tensors: () => [tensor('a', 0, 16)], states: () => [{ lifecycle: 'unbound' }], load } });
      // The guest says that all went well, and it did not.
      assert.throws(() => made.session.loadInto('all', take, 5), ({ error }) => error.cause === 'internal' && error.message.includes('did not get'));
      assert.deepEqual(told, failed('cancelled', 0));
      assert.deepEqual(got, [[0, 0, 0, 1, 2, 3, 4], [0, 5, 5, 6, 7], [0, 8, 8, 9, 10, 11, 12], [0, 13, 13, 14, 15]]);
    },

    'a guest that says what has no answer is ended, and answers nothing any more'() {
      const entry = (machine) => [machine, 0, 0, 0, 0, 0];
      for (const [wrong, cause] of [
        [({ observer }) => observer.emit([entry(0)]), 'limit-exceeded'],
        [({ observer }) => observer.addNames(['x'.repeat(2000)]), 'limit-exceeded'],
        [({ storage }) => new storage.Mapping(7).advise(0n, 1n, 'nonsense'), 'internal'],
        [() => { throw new TypeError('a bug'); }, 'internal'],
        [() => ({ span: 'no number' }), 'internal'],
      ]) {
        const states = () => {
          // It pretends that nothing had happened.
          try {
            return [wrong(made)];
          } catch (error) {
            if (error instanceof TypeError) throw error;
            return [];
          }
        };
        const made = guest({ exports: { tensors: () => [tensor('a', 0, 8)], states } });
        assert.throws(() => made.session.states(), ({ error }) => error.cause === cause, cause);
        assert.throws(() => made.session.machines(), ({ error }) => error.cause === cause, 'it is not called again');
      }
    },

    'a session that is given back lets go of everything, and hears nothing of its guest any more'() {
      const { session, handles, storage } = guest({ targets: [8] });
      session.free();
      handles[0][Symbol.dispose ?? Symbol.for('dispose')]();
      assert.throws(() => storage.allocate(8n));
      assert.throws(() => session.states());
    },
  };
};
