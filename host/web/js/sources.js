/** Files and URLs as sources of a worker: read synchronously, because the guest waits. */
import { Sentence, StorageFault } from './fault.js';

/** A small read costs half a millisecond, and a mebibyte two: small ones are cut out of windows. One holds the header of a model with a vocabulary of 32,000 tokens. */
export const WINDOW = 640 << 10;

/** What is read by fetching: fresh memory each time. */
class Fetched {
  window = WINDOW;

  /** A browser refuses to read a file that is not what it was when it was given, and a server's answers say when they are: that is the check. */
  check() {}
  read = (offset, len) => this.fetch(offset, len);
  readInto = (bytes, offset) => bytes.set(this.fetch(offset, bytes.length));
}

/** A file that was dropped or picked. */
export class FileSource extends Fetched {
  #reader = new FileReaderSync();
  constructor(file, readers) {
    super();
    Object.assign(this, { name: file.name, size: file.size, file, readers });
  }
  fingerprint() {
    return BigUint64Array.of(BigInt(Math.max(0, this.file.lastModified ?? 0)), BigInt(this.size));
  }
  begin = (offset, len) => this.readers?.begin(this.file, offset, len);
  fetch(offset, len) {
    let bytes;
    try {
      bytes = new Uint8Array(this.#reader.readAsArrayBuffer(this.file.slice(offset, offset + len)));
    } catch (error) {
      if (error.name === 'SecurityError') throw new StorageFault('access-denied');
      // A file of which a byte can be read is still there: then it is memory that is missing.
      if (error instanceof RangeError || (len > 1 && this.#isThere(offset))) throw new StorageFault('exhausted');
      // Gone, or changed since it was given: one of these two is all that a browser says.
      if (error.name === 'NotFoundError' || error.name === 'NotReadableError') throw new StorageFault('changed');
      throw new StorageFault({ other: String(error.message) });
    }
    if (bytes.length < len) throw new StorageFault('end-of-source');
    return bytes;
  }
  #isThere(offset) {
    try {
      return this.#reader.readAsArrayBuffer(this.file.slice(offset, offset + 1)).byteLength === 1;
    } catch {
      return false;
    }
  }
}

/** Why a URL cannot be opened: a sentence. */
export class UrlError extends Sentence {}

/** The name of the file behind a URL. */
export function nameOf(url) {
  const name = new URL(url).pathname.split('/').pop() || 'model';
  try {
    return decodeURIComponent(name);
  } catch {
    // A `%` that stands for itself.
    return name;
  }
}

/** A file behind a URL, of which only the ranges are fetched that are asked for. */
export class UrlSource extends Fetched {
  /** A network brings no more in a moment. */
  piece = 4 << 20;
  constructor(url) {
    super();
    this.url = url;
    this.name = nameOf(url);
    // A question for a range is not answered with compressed bytes, whose number would be another.
    const head = this.#ask('HEAD', 0);
    const length = head.getResponseHeader('Content-Length');
    if (length === null) throw new UrlError('The server does not say how large the file is; download it and open the file');
    this.size = Number(length);
    this.stamp = head.getResponseHeader('Last-Modified') ?? '';
    // A server without ranges answers the whole file to the first question: better found out with one byte.
    if (this.size > 0) this.#ask('GET', 0, 1);
  }
  fingerprint() {
    return BigUint64Array.from([this.size, ...new TextEncoder().encode(this.stamp)], BigInt);
  }
  fetch(offset, len) {
    if (len === 0) return new Uint8Array();
    let request;
    try {
      request = this.#ask('GET', offset, len);
    } catch (error) {
      throw new StorageFault({ other: error.message });
    }
    if ((request.getResponseHeader('Last-Modified') ?? '') !== this.stamp) throw new StorageFault('changed');
    const bytes = new Uint8Array(request.response);
    if (bytes.length > len) throw new StorageFault({ other: `${new URL(this.url).host} sent more bytes than it was asked for; download the file and open it` });
    if (bytes.length < len) throw new StorageFault('end-of-source');
    return bytes;
  }
  #ask(method, offset, len) {
    const request = new XMLHttpRequest();
    const host = new URL(this.url).host;
    try {
      request.open(method, this.url, false);
      request.responseType = 'arraybuffer';
      request.setRequestHeader('Range', `bytes=${offset}-${len === undefined ? '' : offset + len - 1}`);
      request.send();
    } catch {
      throw new UrlError(`${host} cannot be reached, or does not allow pages of others to read it (CORS); download the file and open it`);
    }
    if (request.status >= 400) throw new UrlError(`${host} answered ${request.status} ${request.statusText}`);
    if (len !== undefined && request.status !== 206) {
      throw new UrlError(`${host} does not answer range requests, so only the whole file could be fetched; download it and open the file`);
    }
    return request;
  }
}
