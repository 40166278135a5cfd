/** A component that is the test itself: the handles and the imports that the host gave it, to be used as a guest may that lies. */

/** @param {object} host the package `weighbridge` * @param {object} options of a session; `exports` are what the guest answers */
export function scripted(host, { exports = {}, ...options }) {
  let imports;
  let granted;
  const summary = () => ({ format: 'test', version: 0, sources: 1, tensors: exports.tensors?.().length ?? 0, metadataEntries: 0, tensorBytes: 0n, alignment: 1n });
  const session = { missing: () => [], summary, evict: () => 0, ...exports };
  const open = (files) => {
    granted = files.map(({ source }) => source);
    return session;
  };
  const instantiate = (_, given) => {
    imports = given;
    return { loader: { describe: () => [], Session: { open } } };
  };
  const opened = host.Session.open({ component: { id: '', modules: new Map(), tables: '[]', instantiate }, ...options });
  return { session: opened, files: granted, storage: imports['weighbridge:loader/storage'], observer: imports['weighbridge:loader/observer'] };
}

const spelled = ({ tag, val }) => (val === undefined ? tag : { [tag]: val });

/** What the host answers: its value, or the contract's refusal. */
export function answer(work) {
  try {
    return work();
  } catch (error) {
    if (!Object.hasOwn(error, 'payload')) throw error;
    const { payload } = error;
    return payload.error ? { span: payload.span, error: spelled(payload.error) } : { failed: spelled(payload) };
  }
}

/** A tensor of bytes, and a state that says where they lie. */
export const tensor = (name, offset, bytes) => ({ name, dtype: 'U8', shape: BigUint64Array.of(BigInt(bytes)), source: 0, offset: BigInt(offset), bytes: BigInt(bytes) });
export const lies = (id, offset, bytes, kind = 'target') => ({ lifecycle: 'resident', location: { place: { tag: kind, val: BigInt(id) }, offset: BigInt(offset), bytes: BigInt(bytes) } });
