/** Memory that keeps what was read as it came, against one plain array; and how the host's storage fills it. */
import assert from 'node:assert/strict';
import { StorageFault } from '../../host/web/js/fault.js';
import { Memory } from '../../host/web/js/memory.js';
import { answer, lies, scripted, tensor } from './scripted-guest.mjs';

const MIB = 2 ** 20;

/** Numbers that look random and are the same each time. */
function* numbers(seed) {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 8;
  }
}

const byteAt = (at) => (at * 31 + (at >> 8)) & 255;

/** A file whose bytes tell their place, and that hands out fresh memory; `calls` has what was read. */
class Fetched {
  name = 'source.gguf';
  calls = [];
  broken = () => false;

  constructor(size) {
    this.size = size;
  }
  check() {}
  fingerprint() {
    return BigUint64Array.of(1n, 2n);
  }
  fetch(offset, len) {
    this.calls.push([offset, len]);
    if (this.broken(offset)) throw new StorageFault('changed');
    return Uint8Array.from({ length: len }, (_, at) => byteAt(offset + at));
  }
}

/** One that reads `most` pieces at the same time, whose bytes come when nobody waits for them any more. */
class Parallel extends Fetched {
  under = 0;
  peak = 0;
  /** Moments in which nobody knows yet. */
  slow = 0;

  constructor(size, most) {
    super(size);
    this.most = most;
  }
  begin(offset, len) {
    if (this.under === this.most) return undefined;
    this.under += 1;
    this.peak = Math.max(this.peak, this.under);
    let arrived;
    const bytes = new Promise((resolve) => {
      arrived = resolve;
    });
    let waited = false;
    return {
      bytes,
      wait: () => {
        if (this.slow > 0) {
          this.slow -= 1;
          return undefined;
        }
        assert.equal(waited, false, 'each is waited for once');
        waited = true;
        this.under -= 1;
        if (this.broken(offset)) return false;
        setTimeout(() => arrived(Uint8Array.from({ length: len }, (_, at) => byteAt(offset + at))), 1);
        return true;
      },
    };
  }
}

const span = ([offset, len, to], target = 0) => ({ source: 0, offset: BigInt(offset), len: BigInt(len), target, targetOffset: BigInt(to) });

/** @param {object} host the package `weighbridge` */
export const memoryCases = (host) => {
  /** A guest over one source with a target of so many bytes, and tensors that lie there: `[from, bytes, to]`. */
  function storage(source, len, places = [], options = {}) {
    let state;
    const exports = { tensors: () => places.map(([from, bytes], at) => tensor(String(at), from, bytes)), states: () => [state] };
    const made = scripted(host, { sources: [source], ...options, exports });
    const handle = made.storage.allocate(BigInt(len));
    const into = (handles, batch) => answer(() => made.storage.readInto(made.files, handles, batch)) ?? 'done';
    const read = (...batch) => into([handle], batch.map((part) => span(part)));
    /** The bytes of a tensor, and whether they are the file's. */
    const view = (index, of = handle) => {
      const [, bytes, to] = places[index];
      state = lies(of.number, to, bytes);
      // The host asks anew where its tensors lie after a request that may move them.
      made.session.evict('all');
      return made.session.bytes(index);
    };
    const holds = (index) => view(index).every((byte, at) => byte === byteAt(places[index][0] + at));
    return { ...made, handle, into, read, view, holds };
  }

  return {
    'any order of writes and reads is that of one plain array'() {
      const random = numbers(7);
      const next = (below) => random.next().value % below;
      for (let round = 0; round < 200; round += 1) {
        const length = 1 + next(300);
        const [memory, plain] = [new Memory(length), new Uint8Array(length)];
        for (let step = 0; step < 60; step += 1) {
          const at = next(length);
          const bytes = Uint8Array.from({ length: next(Math.min(80, length - at) + 1) }, () => next(256));
          if (next(3) > 0) {
            memory.put(at, bytes.slice());
            plain.set(bytes, at);
          } else if (next(2) > 0) {
            memory.range(at, bytes.length).set(bytes);
            plain.set(bytes, at);
          }
          const from = next(length);
          const size = next(length - from + 1);
          assert.deepEqual(memory.range(from, size), plain.subarray(from, from + size), `round ${round}, step ${step}`);
        }
      }
    },

    'what was put in is not copied, what is joined is, and what is left keeps no other memory alive'() {
      const memory = new Memory(100);
      const [first, second] = [new Uint8Array(50).fill(1), new Uint8Array(50).fill(2)];
      memory.put(0, first);
      memory.put(50, second);
      assert.equal(memory.range(10, 20).buffer, first.buffer);
      const joined = memory.range(20, 60);
      assert.deepEqual([...new Set(joined)], [1, 2]);
      assert.equal(memory.range(20, 60).buffer, joined.buffer, 'the next time it is there');
      assert.deepEqual([0, 20, 80].map((at) => memory.range(at, 1).buffer.byteLength), [20, 60, 20]);
    },

    'there are no more pieces than pages, however small what is put in'() {
      const memory = new Memory(1 << 20);
      // Single bytes, none a neighbour of the one before it.
      for (let at = 1; at < 1 << 20; at += 16) memory.put(at, Uint8Array.of(byteAt(at)));
      const pieces = new Set();
      for (let at = 1; at < 1 << 20; at += 16) {
        const [byte] = memory.range(at, 1);
        assert.equal(byte, byteAt(at));
        pieces.add(memory.range(at, 1).buffer);
      }
      assert.ok(pieces.size <= 64 + 256 + 1, String(pieces.size));
    },

    'what is coming is known range by range, in whatever order it was asked for'() {
      const random = numbers(11);
      const next = (below) => random.next().value % below;
      for (let round = 0; round < 100; round += 1) {
        const memory = new Memory(1000);
        const ranges = [];
        const takers = [];
        for (let step = 0; step < 30; step += 1) {
          const [at, length] = [next(900), 1 + next(60)];
          const wanted = ranges.some((range) => range.at < at + length && at < range.end);
          assert.equal(memory.expects(at, length), wanted, `round ${round}, step ${step}`);
          if (wanted) continue;
          ranges.push({ at, end: at + length });
          takers.push([memory.expect(at, length), length]);
        }
        for (const [take, length] of takers) take(new Uint8Array(length).fill(7));
        assert.equal(memory.expects(0, 1000), false, 'all of it has come');
        assert.ok(ranges.every(({ at, end }) => memory.range(at, end - at).every((byte) => byte === 7)));
      }
    },

    'memory of the embedder stays where it is'() {
      const bytes = new Uint8Array(8);
      Memory.of(bytes).range(2, 4).fill(9);
      assert.deepEqual([...bytes], [0, 0, 9, 9, 9, 9, 0, 0]);
    },

    'neighbours are read at once; what lies far off, or not as it must lie in memory, is not'() {
      const source = new Fetched(1 << 20);
      const spans = [[100, 50, 0], [156, 100, 64], [400, 8, 192], [500, 64, 256], [564, 60, 320], [1000, 10, 384]];
      const { session, read, holds } = storage(source, 1 << 20, spans);
      assert.equal(read(...spans), 'done');
      // 156 − 100 and 64 lie alike; 400 is far from 256; 500 does not lie to 400 as 256 to 192; 1000 is far from 624.
      assert.deepEqual(source.calls, [[100, 156], [400, 8], [500, 124], [1000, 10]]);
      spans.forEach((_, at) => assert.ok(holds(at), String(at)));
      assert.equal(session.usage.moved, 292, 'what lies between is read, and not counted');
    },

    'a read is bounded; a tensor is one read, but for a very long one'() {
      const source = new Fetched(2 ** 40);
      source.fetch = (offset, len) => {
        source.calls.push([offset / MIB, len / MIB]);
        return new Uint8Array(len);
      };
      source.readInto = (bytes, offset) => source.fetch(offset, bytes.length);
      const { read } = storage(source, 600 * MIB);
      assert.equal(read([0, 20 * MIB, 0], [20 * MIB, 10 * MIB, 20 * MIB], [30 * MIB, 10 * MIB, 30 * MIB], [40 * MIB, 100 * MIB, 40 * MIB]), 'done');
      assert.deepEqual(source.calls.splice(0), [[0, 30], [30, 10], [40, 100]]);
      assert.equal(read([0, 300 * MIB, 200 * MIB]), 'done');
      assert.deepEqual(source.calls.map(([, len]) => len), [...Array(9).fill(32), 12]);
    },

    'what was read at once for several targets is kept by none when it is mostly the others’'() {
      const source = new Fetched(1 << 20);
      const { storage: given, handle, into, view } = storage(source, 100_000, [[100_000, 64, 0]]);
      const other = given.allocate(64n);
      assert.equal(into([handle, other], [span([0, 100_000, 0], 0), span([100_000, 64, 0], 1)]), 'done');
      assert.deepEqual(source.calls, [[0, 100_064]]);
      assert.equal(view(0, other).buffer.byteLength, 64);
    },

    'a source whose pieces take long is asked for small ones'() {
      const source = Object.assign(new Fetched(1 << 20), { piece: 1000 });
      source.readInto = (bytes, offset) => bytes.set(source.fetch(offset, bytes.length));
      const spans = [[0, 600, 0], [600, 400, 600], [1000, 2500, 1000]];
      const { read, holds } = storage(source, 1 << 20, spans);
      assert.equal(read(...spans), 'done');
      assert.deepEqual(source.calls, [[0, 1000], [1000, 1000], [2000, 1000], [3000, 500]]);
      spans.forEach((_, at) => assert.ok(holds(at), String(at)));
    },

    async 'what is still coming is not written over; when it has come it is'() {
      const source = new Parallel(1 << 20, 2);
      const spans = [[9000, 8, 1500], [9000, 8, 2048]];
      const { session, read, holds } = storage(source, 4096, spans);
      assert.equal(read([0, 1000, 0], [50_000, 1000, 1024]), 'done');
      assert.deepEqual(read(spans[0]), { span: 0, error: 'busy' });
      assert.equal(read(spans[1]), 'done');
      await session.settled();
      assert.equal(read(spans[0]), 'done');
      assert.ok(holds(0) && holds(1));
    },

    'where there is no memory to show a tensor in one piece, that is an answer'() {
      const made = storage(new Fetched(1 << 20), 4096, [[0, 16, 0]]);
      made.read([0, 8, 0], [8, 8, 8]);
      const { range } = Memory.prototype;
      Memory.prototype.range = () => {
        throw new RangeError('Array buffer allocation failed');
      };
      try {
        assert.throws(() => made.view(0), ({ error }) => error.cause === 'out-of-memory' && error.tensor === 0);
      } finally {
        Memory.prototype.range = range;
      }
    },

    async 'several are read at the same time, and are in their places when it is settled'() {
      const source = new Parallel(1 << 20, 3);
      const spans = Array.from({ length: 20 }, (_, at) => [at * 5000, 1000, at * 1024]);
      const { session, read, holds } = storage(source, 1 << 20, spans);
      assert.equal(read(...spans), 'done');
      assert.equal(session.usage.moved, 20_000);
      assert.equal(source.peak, 3);
      assert.deepEqual(source.calls, [], 'none was read by the host itself');
      await session.settled();
      assert.ok(spans.every((_, at) => holds(at)));
    },

    'one that could not be read is read again by the host, and its fault is the answer'() {
      const source = new Parallel(1 << 20, 4);
      source.broken = (offset) => offset >= 10_000;
      const { read } = storage(source, 1 << 20);
      const spans = Array.from({ length: 8 }, (_, at) => [at * 5000, 1000, at * 1024]);
      assert.deepEqual(read(...spans), { span: 2, error: 'changed' });
      assert.deepEqual(source.calls, [[10_000, 1000]]);
      assert.equal(source.under, 0, 'all readers are free again');
    },

    'a cancellation waits for what was begun, so that every reader is free'() {
      const source = Object.assign(new Parallel(1 << 20, 2), { slow: 3 });
      let looks = 0;
      const cancelled = () => {
        looks += 1;
        return looks > 6;
      };
      const { read } = storage(source, 1 << 20, [], { cancelled });
      const spans = Array.from({ length: 8 }, (_, at) => [at * 5000, 1000, at * 1024]);
      assert.equal(read(...spans).error, 'cancelled');
      assert.equal(source.under, 0);
    },
  };
};
