/** Hash and statistics of tensors: of those that are resident through their views, of the others by a consumer that keeps nothing. */
import { Sha256 } from './hash.js';
import { Statistics } from './statistics.js';

/**
 * A row for each tensor of the selection, in the order of the files. Tensors that were not resident are not so afterwards.
 *
 * @param {object} host the package `weighbridge`
 * @param {import('weighbridge').Session} session
 * @param {object | string} selection
 * @param {() => void} check throws where the work is to end
 */
export async function digests(host, session, selection, check) {
  const tensors = session.tensors();
  const indices = chosen(host, selection, tensors);
  const states = session.states();
  const isResident = (index) => states[index].lifecycle === 'resident';
  const rows = new Map();
  const open = new Map();
  const begun = (index) => {
    if (!open.has(index)) open.set(index, { hash: new Sha256(), statistics: Statistics.of(tensors[index].dtype) });
    return open.get(index);
  };
  const take = (index, _, bytes) => {
    const { hash, statistics } = begun(index);
    hash.update(bytes);
    statistics?.add(bytes);
  };
  const row = (index, sha256, statistics) => {
    const { name, dtype, shape, bytes } = tensors[index];
    rows.set(index, { index, name, dtype, shape, bytes, sha256, statistics: statistics?.result() ?? null });
  };
  const staged = indices.filter((index) => !isResident(index));
  if (staged.length > 0) {
    session.loadInto({ tensors: staged }, take);
    session.evict({ tensors: staged });
    for (const index of staged) {
      // Of a tensor without bytes nothing came.
      const { hash, statistics } = begun(index);
      row(index, hash.hex(), statistics);
    }
  }
  for (const index of indices.filter(isResident)) {
    check();
    const bytes = session.bytes(index);
    const statistics = Statistics.of(tensors[index].dtype);
    statistics?.add(bytes);
    row(index, await hex(bytes), statistics);
  }
  return indices.filter((index) => rows.has(index)).map((index) => rows.get(index));
}

function chosen(host, selection, tensors) {
  if (selection === 'all') return tensors.map((_, index) => index);
  const list = selection.tensors?.filter((index) => index < tensors.length);
  if (!list?.length) throw new host.LoadError(host.typed('request', 'not-found', 'hash all tensors, or some by their index'));
  return list;
}

/** The platform's own SHA-256 where it has one (a page that is served securely), else ours. */
async function hex(bytes) {
  if (!globalThis.crypto?.subtle) return new Sha256().update(bytes).hex();
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
