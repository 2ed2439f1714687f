// Bytes that come in chunks from somewhere slow: a Blob, a server. The chunks grow while they are read one after the other.
import { Fetched } from './medium.ts';

/** Bytes of a block, the unit that is kept. */
const BLOCK = 1 << 16;
/** Blocks of a chunk at most: 4 MiB */
const MOST_BLOCKS = 64;
/** Blocks that are kept: 64 MiB */
const KEPT = 1024;
/** The same of a Blob, which the host has at hand: 16 MiB */
export const BLOB_BLOCKS = 256;

/** Fetches bytes that lie within the image. */
export type FetchBytes = (offset: number, length: number) => Promise<Uint8Array>;

/** An image of which blocks are kept. */
export class CachedMedium extends Fetched {
  readonly size: number;
  readonly #fetch: FetchBytes;
  readonly #kept: number;
  /** Blocks by number, the least recently used first */
  readonly #blocks = new Map<number, Uint8Array>();
  /** Blocks that are on their way, by number */
  readonly #coming = new Map<number, Promise<void>>();
  /** The block behind the last chunk, and that chunk's blocks */
  #next = -1;
  #chunk = 1;

  constructor(size: number, fetch: FetchBytes, kept = KEPT) {
    super();
    this.size = size;
    this.#fetch = fetch;
    this.#kept = Math.max(kept, 2 * MOST_BLOCKS);
  }

  readNow(offset: number, into: Uint8Array): boolean {
    const [first, last] = this.#range(offset, into.length);
    for (let block = first; block < last; block++) if (!this.#blocks.has(block)) return false;
    this.#copy(offset, into);
    return true;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const into = new Uint8Array(length);
    // Pieces that fit into what is kept together.
    const piece = (this.#kept / 2) * BLOCK;
    for (let done = 0; done < length; done += piece) {
      const part = into.subarray(done, done + piece);
      await this.#load(offset + done, part.length);
      this.#copy(offset + done, part);
    }
    return into;
  }

  close(): void {
    this.#blocks.clear();
  }

  /** The blocks of a range, within the image. */
  #range(offset: number, length: number): [number, number] {
    const end = Math.min(offset + length, this.size);
    return [Math.floor(offset / BLOCK), Math.ceil(end / BLOCK)];
  }

  #copy(offset: number, into: Uint8Array): void {
    const [first, last] = this.#range(offset, into.length);
    into.fill(0);
    for (let block = first; block < last; block++) {
      const bytes = this.#blocks.get(block);
      if (!bytes) continue;
      this.#blocks.delete(block);
      this.#blocks.set(block, bytes);
      const at = block * BLOCK - offset;
      into.set(bytes.subarray(Math.max(0, -at), into.length - at), Math.max(0, at));
    }
  }

  async #load(offset: number, length: number): Promise<void> {
    const [first, last] = this.#range(offset, length);
    for (let block = first; block < last; ) {
      const coming = this.#coming.get(block);
      if (coming) await coming;
      else if (!this.#blocks.has(block)) await this.#chunkAt(block, last - block);
      block++;
    }
  }

  /** Fetches a chunk of at least the blocks that are wanted, up to one that is there. */
  async #chunkAt(block: number, wanted: number): Promise<void> {
    this.#chunk = block === this.#next ? Math.min(2 * this.#chunk, MOST_BLOCKS) : 1;
    const most = Math.min(Math.max(this.#chunk, wanted), MOST_BLOCKS, Math.ceil(this.size / BLOCK) - block);
    let count = 1;
    while (count < most && !this.#blocks.has(block + count) && !this.#coming.has(block + count)) count++;
    this.#next = block + count;
    const offset = block * BLOCK;
    const fetched = this.#fetch(offset, Math.min(count * BLOCK, this.size - offset)).then((bytes) => {
      for (let n = 0; n < count; n++) this.#blocks.set(block + n, bytes.slice(n * BLOCK, (n + 1) * BLOCK));
      for (const old of this.#blocks.keys()) {
        if (this.#blocks.size <= this.#kept) break;
        this.#blocks.delete(old);
      }
    });
    for (let n = 0; n < count; n++) this.#coming.set(block + n, fetched);
    try {
      await fetched;
    } finally {
      for (let n = 0; n < count; n++) this.#coming.delete(block + n);
    }
  }
}
