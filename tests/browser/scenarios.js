/**
 * A session for the scenarios of `tests/src`, in Node and in a worker of a page: questions and answers are JSON. Whoever makes it says what
 * the files are.
 */
/**
 * A source that can be mapped, which no file of a page or of Node can: what is mapped is read at once. With it the tables about mapping run
 * through the same glue as all others.
 */
function mapped(source) {
  if (source) source.map = (offset, len) => source.read(offset, len);
  return source;
}

const nameOf = (call) => (typeof call === 'string' ? call : Object.keys(call)[0]);

/** Faults in the host's place, as `tests/src/faults.rs` counts them. */
class Faults {
  armed = [];
  calls = [];
  struck = 0;

  before(call) {
    const name = nameOf(call);
    if (name === 'get-capabilities') return undefined;
    this.calls.push(name);
    let found;
    this.armed = this.armed.filter((fault) => {
      if (fault.kind !== null && fault.kind !== name) return true;
      if (fault.at > 1) {
        fault.at -= 1;
        return true;
      }
      found = fault.instead;
      fault.times -= 1;
      return fault.times > 0;
    });
    if (!found) return undefined;
    this.struck += 1;
    if (found.short !== undefined) return { bytes: new Uint8Array(found.short).fill(71) };
    return name === 'read-into' ? { 'batch-failed': { span: found.span, error: found.error } } : { failed: found.error };
  }
}

/**
 * Answers questions about sessions, one session after the other.
 *
 * @param {object} host the package `weighbridge`
 * @param {object} options
 * @param {object} options.component
 * @param {(name: string) => object | undefined} options.find the source of a file
 */
export function answerer({ LoadError, Session }, { component, find: found }) {
  const find = (name) => mapped(found(name));
  let faults;
  let session;
  let views;
  const answers = {
    open({ open, guest, offers, registered, faults: armed }) {
      faults = new Faults();
      faults.armed = armed;
      views = [];
      session?.free();
      session = undefined;
      const memory = registered.map(([name, len]) => [name, new Uint8Array(len)]);
      session = Session.open({ component, sources: open.map(find), find, guest, offers, registered: memory, interpose: (call) => faults.before(call) });
      return null;
    },
    tensors: () => session.tensors(),
    async load({ load, options }) {
      try {
        return session.load(load, options);
      } finally {
        await session.settled();
      }
    },
    release: ({ release }) => session.release(release),
    evict: ({ evict }) => session.evict(evict),
    advise: ({ advise, advice }) => session.advise(advise, advice),
    states: () => session.states(),
    slots: () => session.slots(),
    buffers: () => session.buffers(),
    machines: () => session.machines(),
    close: () => session.close() ?? null,
    bytes: ({ bytes }) => session.bytes(bytes),
    view({ view }) {
      views.push(session.view(view));
      return null;
    },
    unview() {
      for (const view of views.splice(0)) view.free();
      return null;
    },
    arm({ arm }) {
      faults.armed.push(arm);
      return null;
    },
    disarm() {
      faults.armed = [];
      return null;
    },
    calls: ({ calls }) => faults.calls.filter((name) => calls === null || name === calls).length,
    struck: () => faults.struck,
    held: () => [session.usage.mappings, session.usage.buffers],
  };
  return async (question) => {
    // What stands beside the question (`options`, `folder`) is none.
    const name = typeof question === 'string' ? question : Object.keys(question).find((key) => Object.hasOwn(answers, key));
    try {
      return { ok: await answers[name](question) };
    } catch (error) {
      return error instanceof LoadError ? { failed: error.error } : { trouble: String(error.stack) };
    }
  };
}
