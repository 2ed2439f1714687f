// Changes to an image, kept in a file of their own: they survive the machine and the page.
import { failed, type SyncFile } from './file.ts';
import { DiskError, type Medium } from './medium.ts';

/** Bytes of a chunk: what is changed is kept in these. */
const CHUNK = 4096;
/** Chunks of a group: one block of the file lists the numbers of the chunks behind it. */
const GROUP = CHUNK / 8;
const GROUP_BYTES = (1 + GROUP) * CHUNK;
const MAGIC = 'v64 overlay 1\n';

/** The bytes behind an overlay's start at which a chunk's slot and its number are. */
const slotAt = (slot: number): number => CHUNK + Math.floor(slot / GROUP) * GROUP_BYTES + (1 + (slot % GROUP)) * CHUNK;
const numberAt = (slot: number): number => CHUNK + Math.floor(slot / GROUP) * GROUP_BYTES + (slot % GROUP) * 8;

/** An image with changes over it. */
export class OverlayMedium implements Medium {
  readonly size: number;
  readonly writable = true;
  readonly #base: Medium;
  readonly #file: SyncFile;
  readonly #name: string;
  /** The slots of chunks that were changed */
  readonly #slots = new Map<number, number>();

  /** `name` appears in errors. */
  constructor(name: string, base: Medium, file: SyncFile) {
    this.#name = name;
    this.#base = base;
    this.#file = file;
    this.size = base.size;
    try {
      this.#open();
    } catch (error) {
      file.close();
      throw failed(name, error);
    }
  }

  get immediate(): boolean {
    return this.#base.immediate;
  }

  #open(): void {
    const head = new Uint8Array(CHUNK);
    const view = new DataView(head.buffer);
    const length = this.#file.size();
    if (length === 0) {
      head.set(new TextEncoder().encode(MAGIC));
      view.setFloat64(16, this.size);
      this.#file.write(0, head);
      return this.#file.flush();
    }
    this.#file.read(0, head);
    if (new TextDecoder().decode(head.subarray(0, MAGIC.length)) !== MAGIC) {
      throw new DiskError('IO', `${this.#name} holds no changes of v64's; give another name`);
    }
    if (view.getFloat64(16) !== this.size) {
      const other = view.getFloat64(16);
      throw new DiskError('IO', `${this.#name} holds changes to an image of ${other} bytes, and this one has ${this.size}; give another name`);
    }
    const numbers = new Uint8Array(CHUNK);
    const list = new DataView(numbers.buffer);
    for (let slot = 0; numberAt(slot) < length; slot += GROUP) {
      numbers.fill(0);
      this.#file.read(numberAt(slot), numbers);
      for (let n = 0; n < GROUP; n++) {
        // One more than the number, so that nothing is zero.
        const number = list.getFloat64(8 * n) - 1;
        if (number < 0) return;
        if (!Number.isInteger(number) || number * CHUNK >= this.size) {
          throw new DiskError('IO', `${this.#name} is damaged; give another name`);
        }
        this.#slots.set(number, slot + n);
      }
    }
  }

  /** The pieces of a range: the chunk, where in it, and which part of the range. */
  *#pieces(offset: number, length: number): Generator<{ chunk: number; at: number; from: number; to: number }> {
    for (let from = 0; from < length; ) {
      const at = (offset + from) % CHUNK;
      const to = Math.min(length, from + CHUNK - at);
      yield { chunk: Math.floor((offset + from) / CHUNK), at, from, to };
      from = to;
    }
  }

  /** Lays changes over what the image holds. Returns whether they are all of it. */
  #lay(offset: number, into: Uint8Array): boolean {
    let whole = true;
    for (const { chunk, at, from, to } of this.#pieces(offset, into.length)) {
      const slot = this.#slots.get(chunk);
      if (slot === undefined) whole = false;
      else this.#file.read(slotAt(slot) + at, into.subarray(from, to));
    }
    return whole;
  }

  readNow(offset: number, into: Uint8Array): boolean {
    return this.#guard(() => {
      if (this.#lay(offset, into)) return true;
      if (!this.#base.readNow(offset, into)) return false;
      this.#lay(offset, into);
      return true;
    });
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const into = new Uint8Array(length);
    if (this.#guard(() => this.#lay(offset, into))) return into;
    into.set(await this.#base.read(offset, length));
    this.#guard(() => this.#lay(offset, into));
    return into;
  }

  writeNow(offset: number, bytes: Uint8Array): boolean {
    return this.#guard(() => {
      const before = new Map<number, Uint8Array>();
      for (const { chunk, from, to } of this.#pieces(offset, bytes.length)) {
        if (to - from === CHUNK || this.#slots.has(chunk)) continue;
        const content = new Uint8Array(CHUNK);
        if (!this.#base.readNow(chunk * CHUNK, content)) return false;
        before.set(chunk, content);
      }
      this.#put(offset, bytes, before);
      return true;
    });
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    const before = new Map<number, Uint8Array>();
    for (const { chunk, from, to } of this.#pieces(offset, bytes.length)) {
      if (to - from < CHUNK && !this.#slots.has(chunk)) before.set(chunk, await this.#base.read(chunk * CHUNK, CHUNK));
    }
    this.#guard(() => this.#put(offset, bytes, before));
  }

  /** Writes; `before` holds chunks of which a part is written, and that were not changed yet. */
  #put(offset: number, bytes: Uint8Array, before: ReadonlyMap<number, Uint8Array>): void {
    for (const { chunk, at, from, to } of this.#pieces(offset, bytes.length)) {
      const part = bytes.subarray(from, to);
      const known = this.#slots.get(chunk);
      if (known !== undefined) {
        this.#file.write(slotAt(known) + at, part);
        continue;
      }
      const content = before.get(chunk) ?? new Uint8Array(CHUNK);
      content.set(part, at);
      const slot = this.#slots.size;
      this.#file.write(slotAt(slot), content);
      // A list that is not whole is read as one that ends.
      if (slot % GROUP === 0) this.#file.write(numberAt(slot), new Uint8Array(CHUNK));
      const number = new Uint8Array(8);
      new DataView(number.buffer).setFloat64(0, chunk + 1);
      this.#file.write(numberAt(slot), number);
      this.#slots.set(chunk, slot);
    }
  }

  flushNow(): boolean {
    return this.#guard(() => {
      this.#file.flush();
      return true;
    });
  }

  async flush(): Promise<void> {
    this.flushNow();
  }

  close(): void {
    this.#file.close();
    this.#base.close();
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw failed(this.#name, error);
    }
  }
}
