import type { Component, Source } from './common.js';
export * from './common.js';

/** A file by its path, read where it is asked for. A {@link LoadError} says why it cannot be opened. */
export class FileSource implements Source {
  constructor(path: string);
  readonly name: string;
  readonly size: number;
  fingerprint(): BigUint64Array;
  check(): void;
  read(offset: number, len: number): Uint8Array;
  readInto(bytes: Uint8Array, offset: number): void;
  close(): void;
}

/** Compiles the host and the component; sessions share them. `folder` has another component than the package's. */
export function component(folder?: URL): Promise<Component>;
