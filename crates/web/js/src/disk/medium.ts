// What drives read from and write to, in the worker.

/** Why a request failed, as the guest sees it. */
export type DiskFailure = 'IO' | 'NO_SPACE' | 'READ_ONLY';

/** A request of a drive's that failed. The message is one line, with the image's name. */
export class DiskError extends Error {
  readonly failure: DiskFailure;

  constructor(failure: DiskFailure, message: string) {
    super(message);
    this.failure = failure;
  }
}

/**
 * An image. Each operation has two forms: one that is carried out at once and says whether it could be, and one that waits.
 * What fails throws.
 */
export interface Medium {
  /** Bytes */
  readonly size: number;
  /** Whether it can be written to */
  readonly writable: boolean;
  /** Whether everything is carried out at once, always */
  readonly immediate: boolean;
  /** Fills `into` from `offset` on */
  readNow(offset: number, into: Uint8Array): boolean;
  /** Returns bytes from `offset` on; what lies behind the end are zeros */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Writes bytes at `offset` */
  writeNow(offset: number, bytes: Uint8Array): boolean;
  /** Writes bytes at `offset` */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** Makes what was written last */
  flushNow(): boolean;
  /** Makes what was written last */
  flush(): Promise<void>;
  /** Gives back what it holds of the host */
  close(): void;
}

/** A medium that only has to know how to read and write at once. */
export abstract class Immediate implements Medium {
  abstract readonly size: number;
  abstract readonly writable: boolean;
  readonly immediate = true;
  abstract readNow(offset: number, into: Uint8Array): boolean;
  abstract writeNow(offset: number, bytes: Uint8Array): boolean;
  abstract flushNow(): boolean;
  abstract close(): void;

  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    this.readNow(offset, bytes);
    return bytes;
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.writeNow(offset, bytes);
  }

  async flush(): Promise<void> {
    this.flushNow();
  }
}

/** A medium that is only read, and waits for what it has not kept. */
export abstract class Fetched implements Medium {
  abstract readonly size: number;
  readonly writable: boolean = false;
  readonly immediate: boolean = false;
  abstract readNow(offset: number, into: Uint8Array): boolean;
  abstract read(offset: number, length: number): Promise<Uint8Array>;
  abstract close(): void;

  writeNow(): boolean {
    throw new DiskError('READ_ONLY', 'the medium is read-only');
  }

  async write(): Promise<void> {
    this.writeNow();
  }

  flushNow(): boolean {
    return true;
  }

  async flush(): Promise<void> {}
}

/** Bytes in memory. Writes change this copy of them. */
export class BytesMedium extends Immediate {
  readonly writable = true;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    super();
    this.#bytes = bytes;
  }

  get size(): number {
    return this.#bytes.length;
  }

  readNow(offset: number, into: Uint8Array): boolean {
    const part = this.#bytes.subarray(offset, offset + into.length);
    into.set(part);
    into.fill(0, part.length);
    return true;
  }

  writeNow(offset: number, bytes: Uint8Array): boolean {
    this.#bytes.set(bytes.subarray(0, Math.max(0, this.size - offset)), Math.min(offset, this.size));
    return true;
  }

  flushNow(): boolean {
    return true;
  }

  close(): void {}
}
