import type { Begun, Component, Sentence, Source } from './common.js';
export * from './common.js';

/** Several workers that read pieces of one file at the same time, where the page may share memory with them. */
export class Readers {
  begin(file: File, from: number, len: number): Begun | undefined;
}

/** A file that was dropped or picked; in a worker. */
export class FileSource implements Source {
  constructor(file: File, readers?: Readers);
  readonly name: string;
  readonly size: number;
  readonly file: File;
  fingerprint(): BigUint64Array;
  check(): void;
  read(offset: number, len: number): Uint8Array;
  readInto(bytes: Uint8Array, offset: number): void;
  fetch(offset: number, len: number): Uint8Array;
  begin(offset: number, len: number): Begun | undefined;
}

/** Why a URL cannot be opened. */
export class UrlError extends Sentence {}

/** A file behind a URL, of which only the ranges are fetched that are asked for; in a worker. */
export class UrlSource implements Source {
  constructor(url: string);
  readonly name: string;
  readonly size: number;
  readonly piece: number;
  fingerprint(): BigUint64Array;
  check(): void;
  read(offset: number, len: number): Uint8Array;
  readInto(bytes: Uint8Array, offset: number): void;
  fetch(offset: number, len: number): Uint8Array;
}

/** Bytes in which small reads are cut out of a source. */
export const WINDOW: number;

/** The worker's end of a mailbox (`weighbridge/page` has the other). */
export class Receiver {
  constructor(shared: SharedArrayBuffer);
  /** The text, if there is one. */
  take(): string | undefined;
  /** Blocks until there is one. */
  wait(): void;
}

/** Compiles the host and the component; sessions share them. `folder` has another component than the package's. */
export function component(folder?: URL): Promise<Component>;
