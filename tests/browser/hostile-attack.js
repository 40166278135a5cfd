/** One attack of `tests/hostile` inside of a worker, beside an honest session of the same thread. */

/** The limit of the table by the package's name for it. */
const NAMES = { guest_time_ms: 'guest-time', deadline_ms: 'deadline' };
const limit = ([name, value]) => [NAMES[name] ?? name.replaceAll('_', '-'), value];

/** A file in memory, which can be mapped. */
function source(name, bytes) {
  const read = (offset, len) => bytes.slice(offset, offset + len);
  return {
    name,
    size: bytes.length,
    fingerprint: () => BigUint64Array.of(1n, BigInt(bytes.length)),
    check() {},
    read,
    readInto: (into, offset) => into.set(bytes.subarray(offset, offset + into.length)),
    map: read,
  };
}

/** What becomes of attacks on sessions over a component. */
export function attacker({ LoadError, Session }, component) {
  return ({ attack, file, alarm }) => {
    const bytes = new Uint8Array(file.bytes).fill(file.each);
    const open = ({ how, limits = {}, files = [] }, more) =>
      Session.open({
        component,
        sources: [source('model', bytes)],
        find: (name) => (files.includes(name) ? source(name, bytes) : undefined),
        guest: { slots: how },
        offers: { mmap: true, 'map-granularity': 4096 },
        limits: Object.fromEntries(Object.entries(limits).map(limit)),
        ...more,
      });
    const honest = open({ how: 0 });
    const work = {
      open() {},
      list: (session) => session.tensors(),
      show: (session) => session.bytes(session.find('t')),
      'load-into': (session) => session.loadInto('all', () => {}),
    };
    const became = {};
    try {
      const session = open(attack, { alarm });
      work[attack.do](session);
      became.stats = session.stats;
      became.shown = attack.expect?.shows || attack.how === 0 ? [...session.bytes(session.find('t'))] : undefined;
      session.free();
    } catch (error) {
      if (!(error instanceof LoadError)) throw error;
      became.error = error.error;
      error.session?.free();
    }
    const shown = honest.bytes(honest.find('t'));
    became.honest = shown.length === 16 && shown.every((byte) => byte === file.each) && honest.release('all') === 0 && honest.usage.mappings === 0;
    honest.free();
    return became;
  };
}
