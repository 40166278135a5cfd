/**
 * The contract's `storage` over any sources that can be read synchronously: the table of one session. Every call of the guest
 * is one `call` as recordings have it, and gets one `answer`. Nothing that the guest says is taken on trust.
 *
 * A source is `{name, size, fingerprint(), check(), read(offset, len), readInto(bytes, offset)}` with numbers up to 2^53;
 * each of its functions may throw a {@link StorageFault}. Where bytes come as memory that nobody else has, it also has
 * `fetch(offset, len)`, and they are kept as they came; `piece` is then how many bytes it brings in a moment, where that is not long.
 * Where several pieces can be read at the same time, it has `begin(offset, len)` too, which answers `{wait(check), bytes}` if one more can
 * be: whether it was read is known when `wait` returns, and the bytes come when the caller is back in its event loop;
 * {@link Storage#settled} waits for them.
 */
import { StorageFault } from './fault.js';
import { Memory, own } from './memory.js';

/** Bytes between two looks at cancellation; each read of a browser costs some time besides its bytes. */
const PIECE = 32 << 20;
/** A tensor of up to so many bytes is fetched whole, since one that is put together is copied. */
const WHOLE = 256 << 20;
/** Every element of every type can be read as one at a multiple of so many bytes. */
const ALIGNED = 8;
/** A source whose bytes take long says what a piece of it is. */
const pieceOf = (source) => Math.min(PIECE, source.piece ?? PIECE);
const wholeOf = (source) => source.piece ?? WHOLE;
const LAST_ID = 0xffff_ffff;

/**
 * What a host offers that has no mappings. In `auto` reading at once comes before reading in chunks, because a page fetches large pieces
 * faster, keeps them as they came, and can be cancelled between them.
 */
export const OFFERS = {
  mmap: false,
  advise: false,
  'map-granularity': 65536,
  'max-read': 1 << 20,
  'max-batch': 1 << 16,
  auto: ['mapped-file', 'read-copy', 'staged-read'],
};

const refuse = (why) => {
  throw new StorageFault(why);
};

/** The end of a span, as a number, if it lies inside `size` bytes. */
function endWithin(offset, len, size) {
  const end = BigInt(offset) + BigInt(len);
  if (end > BigInt(size)) refuse('out-of-bounds');
  return Number(end);
}

/** What the session holds and moved. */
export const newUsage = () => ({ buffers: 0, bufferBytes: 0, moved: 0 });

export class Storage {
  /**
   * @param {object} options
   * @param {object} [options.offers] the contract's `capabilities` as JSON
   * @param {number} [options.bufferBytes] most bytes of buffers at once
   * @param {{check(): void}} options.control throws the fault with which work must stop
   * @param {(done: number) => void} [options.progress] told the bytes moved so far
   */
  constructor({ offers = OFFERS, bufferBytes = 2 ** 31, control, progress }) {
    Object.assign(this, { offers, bufferBytes, control, progress, usage: newUsage() });
    this.sources = [];
    this.targets = new Map();
    this.registeredBuffers = new Map();
    this.sink = null;
    this.next = 1;
    this.coming = [];
  }

  /** Takes a file into the table and answers its number. */
  grant(source) {
    return this.sources.push(source) - 1;
  }

  /** Registers memory for a tensor; false while a target stands for what was registered before. */
  register(name, bytes) {
    if (this.registeredBuffers.get(name) === null) return false;
    this.registeredBuffers.set(name, Memory.of(bytes));
    return true;
  }

  /** Does what the guest asks, or answers why not. */
  perform(call) {
    const [name, asked] = typeof call === 'string' ? [call, {}] : Object.entries(call)[0];
    try {
      return this.#answer(name, asked);
    } catch (fault) {
      if (!(fault instanceof StorageFault)) throw fault;
      return name === 'read-into'
        ? { 'batch-failed': { span: fault.span ?? 0, error: fault.why } }
        : { failed: fault.why };
    }
  }

  #answer(name, asked) {
    switch (name) {
      case 'get-capabilities':
        return { capabilities: this.offers };
      case 'stat': {
        const source = this.#source(asked.source);
        source.check();
        return { stat: { size: BigInt(source.size), fingerprint: source.fingerprint() } };
      }
      case 'read':
        return { bytes: this.#read(asked) };
      case 'map-range':
        return refuse('unsupported');
      case 'advise':
      case 'unmap':
        // No mapping was ever given, so none can be meant.
        return refuse('out-of-bounds');
      case 'allocate':
        return this.#allocate(asked.len);
      case 'free':
        return this.#free(asked.target);
      case 'registered':
        return this.#registered(asked.tensors);
      case 'read-into':
        this.#readInto(asked);
        return 'done';
      default:
        return refuse({ other: `this host knows no call ${name}` });
    }
  }

  #source(number) {
    return this.sources[number] ?? refuse('out-of-bounds');
  }

  /** Clamp: more than `max-read` is refused, not shortened, since a short answer means the end of the file. */
  #read({ source: number, offset, len }) {
    if (len > this.offers['max-read']) refuse('exhausted');
    const source = this.#source(number);
    const from = endWithin(offset, 0, source.size);
    const wanted = Math.min(len, source.size - from);
    const bytes = source.read(from, wanted);
    if (bytes.length !== wanted) refuse('end-of-source');
    source.check();
    return bytes;
  }

  #name() {
    if (this.next > LAST_ID) refuse('exhausted');
    return this.next++;
  }

  /** Clamp: only what is left of the quota. The memory comes with the bytes. */
  #allocate(asked) {
    if (BigInt(asked) > BigInt(this.bufferBytes - this.usage.bufferBytes)) refuse('exhausted');
    const id = this.#name();
    const len = Number(asked);
    this.usage.buffers += 1;
    this.usage.bufferBytes += len;
    this.targets.set(id, { len, buffer: new Memory(len) });
    return { target: { id, len } };
  }

  #target(id) {
    return this.targets.get(Number(id)) ?? refuse('out-of-bounds');
  }

  #free(id) {
    if (this.#target(id).buffer?.views) refuse('busy');
    this.dropTarget(id);
    return 'done';
  }

  /** The guest let go of a target. A view keeps its own hold of the bytes. */
  dropTarget(id) {
    const target = this.targets.get(Number(id));
    if (!target) return;
    this.targets.delete(Number(id));
    if (target.registered !== undefined) {
      this.registeredBuffers.set(target.registered, target.buffer);
    } else if (target.buffer) {
      this.usage.buffers -= 1;
      this.usage.bufferBytes -= target.len;
    }
  }

  /** The consumer's targets if there is one, else buffers: all that were asked for or, where one is in use, none. */
  #registered(tensors) {
    const { sink } = this;
    if (!sink && tensors.some((name) => this.registeredBuffers.get(name) === null)) refuse('busy');
    const targets = tensors.map((name) => {
      let target;
      if (sink) {
        const tensor = sink.tensors.get(name);
        if (tensor) target = { len: tensor.bytes, consumer: tensor.index };
      } else {
        const buffer = this.registeredBuffers.get(name);
        if (buffer) {
          this.registeredBuffers.set(name, null);
          target = { len: buffer.length, buffer, registered: name };
        }
      }
      if (!target) return null;
      const id = this.#name();
      this.targets.set(id, target);
      return [id, BigInt(target.len)];
    });
    return { targets };
  }

  /** All spans or none count; the lowest that fails is named. */
  #readInto({ sources: numbers, targets: ids, batch }) {
    const at = (span, work) => {
      try {
        return work();
      } catch (fault) {
        if (fault instanceof StorageFault) fault.span ??= span;
        throw fault;
      }
    };
    if (batch.length > this.offers['max-batch']) at(this.offers['max-batch'], () => refuse('exhausted'));
    const sources = at(0, () => numbers.map((number) => this.#source(number)));
    const spans = batch.map((span, index) => at(index, () => this.#span(span, sources, ids)));
    const overlap = firstOverlap(spans);
    if (overlap !== undefined) at(overlap, () => refuse('out-of-bounds'));
    const check = () =>
      sources.forEach((source) => {
        const user = spans.findIndex((span) => span.source === source);
        at(Math.max(user, 0), () => source.check());
      });
    check();
    const isBusy = ({ target: { buffer }, to, len }) => buffer && (buffer.views > 0 || buffer.expects(to, len));
    spans.forEach((span, index) => at(index, () => isBusy(span) && refuse('busy')));
    // Memory first, in the order of the batch; then what is consumed, each tensor's bytes in their order.
    const order = spans.map((span, index) => ({ span, index }));
    this.#fillAll([...runs(order.filter(({ span }) => span.target.buffer))], at);
    order
      .filter(({ span }) => span.target.consumer !== undefined)
      .sort((a, b) => a.span.position - b.span.position || a.span.to - b.span.to || a.index - b.index)
      .forEach(({ span, index }) => at(index, () => this.#feed(span)));
    check();
  }

  /** Clamp: every index is one of the lists', and every span lies inside its source and its target. */
  #span(span, sources, ids) {
    const source = sources[span.source] ?? refuse('out-of-bounds');
    endWithin(span.offset, span.len, source.size);
    const id = ids[span.target] ?? refuse('out-of-bounds');
    const target = this.#target(id);
    const end = endWithin(span['target-offset'], span.len, target.len);
    const [from, len, to] = [span.offset, span.len, span['target-offset']].map(Number);
    return { source, from, len, id: Number(id), target, to, end, position: span.target };
  }

  /** Fills the spans of every run, as many runs at the same time as their sources can. */
  #fillAll(all, at) {
    const begun = [];
    const finish = () => {
      const [{ run, wait, bytes }] = begun;
      at(run[0].index, () => {
        const done = wait(() => this.control.check());
        begun.shift();
        if (done) {
          const takers = run.map(({ span }) => span.target.buffer.expect(span.to, span.len));
          this.coming.push(bytes.then((read) => roomFor(() => parts(run, read).forEach((part, index) => takers[index](part)))));
        }
        // It fails here too, and this time says why; or it was of the moment.
        else keep(run, fetched(run));
      });
      this.#moved(run);
    };
    try {
      for (const run of all) {
        const [{ span }] = run;
        const begin = () => (all.length > 1 && isFetched(span) ? span.source.begin?.(span.from, extent(run)) : undefined);
        at(run[0].index, () => this.control.check());
        let under = begin();
        while (!under && begun.length > 0) {
          finish();
          under = begin();
        }
        if (under) begun.push({ run, ...under });
        else at(run[0].index, () => this.#fill(run));
      }
      while (begun.length > 0) finish();
    } finally {
      // What was begun and is not wanted any more: a reader is free when it is done.
      for (const { wait } of begun) wait(() => {});
    }
  }

  #fill(run) {
    const [{ span }] = run;
    if (isFetched(span)) {
      keep(run, fetched(run));
      this.#moved(run);
      return;
    }
    const memory = room(span);
    for (let done = 0; done < span.len; ) {
      this.control.check();
      const now = Math.min(pieceOf(span.source), span.len - done);
      span.source.readInto(memory.subarray(done, done + now), span.from + done);
      done += now;
      this.#count(now);
    }
  }

  #feed({ source, from, len, target, to }) {
    const sink = this.sink ?? refuse('unsupported');
    for (let done = 0; done < len; ) {
      this.control.check();
      const now = Math.min(sink.chunk, len - done);
      sink.take(target.consumer, to + done, source.read(from + done, now));
      done += now;
      this.#count(now);
    }
  }

  #moved(run) {
    this.#count(run.reduce((sum, { span }) => sum + span.len, 0));
  }

  #count(bytes) {
    this.usage.moved += bytes;
    this.progress?.(this.usage.moved);
  }

  /** Waits until all bytes that were read are in their places. */
  async settled() {
    while (this.coming.length > 0) await this.coming.shift();
  }

  /**
   * The bytes at a place that the guest names, at most so many of them. Clamp: only a buffer of this session, and only inside it;
   * `undefined` where the guest says what cannot be, `null` where the bytes went to a consumer. A fault where there is no memory to show
   * them in one piece.
   */
  view(location, most = Infinity) {
    const id = location.place?.target;
    const target = id === undefined ? undefined : this.targets.get(Number(id));
    if (!target) return undefined;
    if (!target.buffer) return null;
    const [offset, bytes] = [Number(location.offset), Number(location.bytes)];
    if (offset + bytes > target.len) return undefined;
    return { bytes: roomFor(() => target.buffer.range(offset, Math.min(bytes, most))), buffer: target.buffer };
  }
}

/** Whether a span's bytes are kept as they come. Memory of the embedder is filled where it is. */
const isFetched = ({ source, target, len }) => source.fetch !== undefined && target.registered === undefined && len <= wholeOf(source);

/** Bytes of a source from the first span of a run to the end of its last. */
const extent = (run) => run.at(-1).span.from + run.at(-1).span.len - run[0].span.from;

const fetched = (run) => run[0].span.source.fetch(run[0].span.from, extent(run));

/** What was read for a run, span by span. Where it is of several targets, none keeps alive what is mostly not its own. */
function parts(run, bytes) {
  const shared = run.some(({ span }) => span.target !== run[0].span.target);
  return run.map(({ span }) => {
    const at = span.from - run[0].span.from;
    const part = bytes.subarray(at, at + span.len);
    return shared ? own(part) : part;
  });
}

/** Puts what was read for a run in its places. */
const keep = (run, bytes) => roomFor(() => parts(run, bytes).forEach((part, index) => run[index].span.target.buffer.put(run[index].span.to, part)));

/** Memory for a span, which is put where a view will find it in one piece. */
function room({ source, target: { buffer }, to, len }) {
  // A source that fills memory fills that of the whole target, as it was allocated.
  return roomFor(() => (source.fetch ? buffer.range(to, len) : buffer.range(0, buffer.length).subarray(to, to + len)));
}

/** Does what may need memory that the machine does not have. */
function roomFor(work) {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) refuse('exhausted');
    throw error;
  }
}

/**
 * Spans in their order, those together that one read brings: neighbours in a source, but for what lies between two tensors, each
 * of them aligned in what is read as it is in the target.
 */
function* runs(order) {
  let run = [];
  for (const entry of order) {
    const { span } = entry;
    const [first, last] = [run[0]?.span, run.at(-1)?.span];
    const joins =
      first?.source === span.source &&
      isFetched(first) &&
      isFetched(span) &&
      span.from >= last.from + last.len &&
      span.from - last.from - last.len <= Math.max(64, span.len / 16) &&
      span.from + span.len - first.from <= pieceOf(span.source) &&
      (span.from - first.from - span.to) % ALIGNED === 0;
    if (!joins && run.length > 0) {
      yield run;
      run = [];
    }
    run.push(entry);
  }
  if (run.length > 0) yield run;
}

/** The lowest span that shares a byte of a target with one before it in memory. */
function firstOverlap(spans) {
  const places = spans
    .map(({ id, to, end }, index) => ({ id, to, end, index }))
    .filter(({ to, end }) => to < end)
    .sort((a, b) => a.id - b.id || a.to - b.to || a.end - b.end || a.index - b.index);
  let lowest;
  places.forEach((place, at) => {
    const before = places[at - 1];
    if (before?.id === place.id && place.to < before.end) {
      const index = Math.max(before.index, place.index);
      lowest = lowest === undefined ? index : Math.min(lowest, index);
    }
  });
  return lowest;
}
