/** A file as a source: positional reads, and the identity that tells when it changes. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { LoadError, StorageFault, escape, typed } from './fault.js';

/** A system's error in the words of the contract. */
function fault(error) {
  if (error.code === 'EACCES' || error.code === 'EPERM') return new StorageFault('access-denied');
  return new StorageFault(error.errno ? { io: Math.abs(error.errno) } : { other: error.message });
}

export class FileSource {
  #fd;
  #identity;
  constructor(path) {
    this.name = basename(path);
    this.#fd = open(path);
    const stat = fstatSync(this.#fd, { bigint: true });
    if (!stat.isFile()) {
      closeSync(this.#fd);
      throw new LoadError(typed('request', 'invalid-request', `${escape(path)} is not a regular file; give one`, { file: path }));
    }
    this.size = Number(stat.size);
    this.#identity = identity(stat);
  }
  fingerprint = () => this.#identity;
  check() {
    const now = identity(fstatSync(this.#fd, { bigint: true }));
    if (now.some((part, at) => part !== this.#identity[at])) throw new StorageFault('changed');
  }
  read(offset, len) {
    const bytes = new Uint8Array(len);
    this.readInto(bytes, offset);
    return bytes;
  }

  /** Fills `bytes`; short reads are gone on with. */
  readInto(bytes, offset) {
    for (let done = 0; done < bytes.length; ) {
      let got;
      try {
        got = readSync(this.#fd, bytes, done, bytes.length - done, offset + done);
      } catch (error) {
        throw fault(error);
      }
      if (got === 0) throw new StorageFault('end-of-source');
      done += got;
    }
  }
  close = () => closeSync(this.#fd);
}

function open(path) {
  try {
    return openSync(path, 'r');
  } catch (error) {
    const [cause, what] = { ENOENT: ['not-found', 'there is no such file; check the path'], EACCES: ['access-denied', 'permission denied; give this user the right to read it'] }[
      error.code
    ] ?? ['io', `${error.message}; try again, or look at the system's log`];
    throw new LoadError(typed('request', cause, `${escape(path)} cannot be opened: ${what}`, { file: path, 'os-code': Math.abs(error.errno) }));
  }
}

/** Equal is no proof of equality, different is one of change. */
const identity = ({ dev, ino, size, mtimeNs }) => BigUint64Array.of(dev, ino, size, mtimeNs);
