// What differs between a browser and Node. `#host` in package.json chooses the implementation.
import type { FromWorker, ToWorker } from './protocol.ts';

/** A worker that runs one machine. */
export interface Port {
  send(message: ToWorker, transfer?: readonly Transferable[]): void;
  stop(): void;
}

/** Receives a worker's messages, and the error that ends it. */
export interface Hearer {
  message(message: FromWorker): void;
  failed(error: Error): void;
}

export interface Host {
  /** The sentence for an engine without 64-bit memories */
  readonly noMemory64: string;
  /** What a string may be as a source */
  readonly strings: string;
  /** Schemes of URLs that can be read */
  readonly schemes: readonly string[];

  /**
   * Starts a worker, and returns when its code is loaded.
   *
   * # Errors
   * `SOURCE` where it cannot be loaded.
   */
  open(given: string | URL | undefined, hear: Hearer): Promise<Port>;

  /** Reads a path or a `file:` URL; absent where there is no file system. */
  readonly readFile?: (path: string | URL) => Promise<Uint8Array>;

  /** Returns the path that a path or a `file:` URL is; absent where there is no file system. */
  readonly pathOf?: (path: string | URL) => string;

  /** Returns the address that relative ones go from; absent where these are paths. */
  readonly base?: () => string;

  /** Returns whether there is something at a path; absent where there is no file system. */
  readonly exists?: (path: string) => boolean;
}
