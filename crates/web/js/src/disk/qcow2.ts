// qcow2 images, which are read only: changes go over them.
import { DiskError, Fetched, type Medium } from './medium.ts';

type Zlib = typeof import('node:zlib');

const zlib = (globalThis as { process?: { getBuiltinModule?(name: string): unknown } }).process?.getBuiltinModule?.('node:zlib') as Zlib | undefined;

/** Bits of an entry that are an offset. */
const OFFSET = 0x00ff_ffff_ffff_fe00n;
/** In an entry of the second level: the cluster is compressed; it is zeros. */
const COMPRESSED = 1n << 62n;
const ZERO = 1n;
/** Incompatible features of the header: flags that change nothing for readers (dirty, a compression type). */
const READABLE = 0b1001n;
/** Bytes of tables, and of clusters that were compressed, that are kept. */
const KEPT = 16 << 20;

/** Where a part of the disk is. */
type Place = { at: number } | { compressed: Uint8Array } | 'zeros' | 'unknown';

/** A number of entries, of which the least recently used leaves first. */
class Kept<T> {
  readonly #entries = new Map<number, T>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = Math.max(4, most);
  }

  get(key: number): T | undefined {
    const found = this.#entries.get(key);
    if (found !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, found);
    }
    return found;
  }

  set(key: number, value: T): void {
    this.#entries.set(key, value);
    for (const old of this.#entries.keys()) {
      if (this.#entries.size <= this.#most) break;
      this.#entries.delete(old);
    }
  }
}

/** A disk in a qcow2 image. */
export class Qcow2Medium extends Fetched {
  readonly size: number;
  readonly #name: string;
  readonly #base: Medium;
  readonly #bits: number;
  readonly #first: DataView;
  readonly #tables: Kept<DataView>;
  readonly #clusters: Kept<Uint8Array>;

  private constructor(name: string, base: Medium, header: DataView, first: DataView) {
    super();
    this.#name = name;
    this.#base = base;
    this.#bits = header.getUint32(20);
    this.size = Number(header.getBigUint64(24));
    this.#first = first;
    this.#tables = new Kept(KEPT >> this.#bits);
    this.#clusters = new Kept(KEPT >> this.#bits);
  }

  /** Opens an image whose header the module has looked at. */
  static async open(name: string, base: Medium): Promise<Qcow2Medium> {
    const bytes = await base.read(0, 112);
    const header = new DataView(bytes.buffer, bytes.byteOffset);
    const refuse = (why: string): DiskError => new DiskError('IO', `${name}: a qcow2 image ${why}; convert it by qemu-img convert -O raw`);
    const [version, bits] = [header.getUint32(4), header.getUint32(20)];
    if (version < 2 || version > 3 || bits < 9 || bits > 21) throw refuse(`of version ${version} with clusters of 2^${bits} bytes`);
    if (header.getBigUint64(8) !== 0n) throw refuse('that changes another image, which only the native command reads');
    if (header.getUint32(32) !== 0) throw refuse('that is encrypted');
    if (version > 2 && (header.getBigUint64(72) & ~READABLE) !== 0n) throw refuse('with features that only the native command reads');
    if (version > 2 && header.getUint32(100) > 104 && header.getUint8(104) !== 0) throw refuse('that is packed by zstd');
    const [length, at] = [header.getUint32(36) * 8, Number(header.getBigUint64(40))];
    const needed = Math.ceil(Number(header.getBigUint64(24)) / 2 ** (2 * bits - 3)) * 8;
    if (length < needed || length > 32 << 20 || at + length > base.size) throw refuse('whose table of clusters is damaged');
    const first = await base.read(at, length);
    return new Qcow2Medium(name, base, header, new DataView(first.buffer, first.byteOffset, length));
  }

  #damaged(): DiskError {
    return new DiskError('IO', `${this.#name}: the image is damaged; check it by qemu-img check`);
  }

  /** The entry of a cluster in the first level's table: where the second level's is. */
  #tableAt(cluster: number): number {
    const index = Math.floor(cluster / 2 ** (this.#bits - 3));
    if (8 * index + 8 > this.#first.byteLength) throw this.#damaged();
    return Number(this.#first.getBigUint64(8 * index) & OFFSET);
  }

  /** The entry of a cluster; `undefined` where its table was not read. */
  #entry(cluster: number): bigint | undefined {
    const at = this.#tableAt(cluster);
    if (at === 0) return 0n;
    return this.#tables.get(at)?.getBigUint64(8 * (cluster % 2 ** (this.#bits - 3)));
  }

  #place(cluster: number): Place {
    const entry = this.#entry(cluster);
    if (entry === undefined) return 'unknown';
    if ((entry & COMPRESSED) !== 0n) {
      const compressed = this.#clusters.get(cluster);
      return compressed ? { compressed } : 'unknown';
    }
    const at = Number(entry & OFFSET);
    return at === 0 || (entry & ZERO) !== 0n ? 'zeros' : { at };
  }

  /** The pieces of a range: the cluster, where in it, and which part of the range. */
  *#pieces(offset: number, length: number): Generator<{ cluster: number; at: number; from: number; to: number }> {
    const bytes = 2 ** this.#bits;
    const end = Math.min(length, this.size - offset);
    for (let from = 0; from < end; ) {
      const at = (offset + from) % bytes;
      const to = Math.min(end, from + bytes - at);
      yield { cluster: Math.floor((offset + from) / bytes), at, from, to };
      from = to;
    }
  }

  readNow(offset: number, into: Uint8Array): boolean {
    into.fill(0);
    for (const { cluster, at, from, to } of this.#pieces(offset, into.length)) {
      const place = this.#place(cluster);
      if (place === 'unknown') return false;
      if (place === 'zeros') continue;
      const part = into.subarray(from, to);
      if ('compressed' in place) part.set(place.compressed.subarray(at, at + part.length));
      else if (!this.#base.readNow(place.at + at, part)) return false;
    }
    return true;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const into = new Uint8Array(length);
    for (const { cluster, at, from, to } of this.#pieces(offset, length)) {
      const place = await this.#find(cluster);
      if (place === 'zeros' || place === 'unknown') continue;
      const part = into.subarray(from, to);
      if ('compressed' in place) part.set(place.compressed.subarray(at, at + part.length));
      else part.set(await this.#base.read(place.at + at, part.length));
    }
    return into;
  }

  /** Reads what is needed to know where a cluster is. */
  async #find(cluster: number): Promise<Place> {
    const table = this.#tableAt(cluster);
    if (table !== 0 && !this.#tables.get(table)) {
      const bytes = 2 ** this.#bits;
      if (table + bytes > this.#base.size + 511) throw this.#damaged();
      const read = await this.#base.read(table, bytes);
      this.#tables.set(table, new DataView(read.buffer, read.byteOffset, bytes));
    }
    const place = this.#place(cluster);
    if (place !== 'unknown') return place;
    const compressed = await this.#inflated(this.#entry(cluster) ?? 0n);
    this.#clusters.set(cluster, compressed);
    return { compressed };
  }

  /** Unpacks a cluster. */
  async #inflated(entry: bigint): Promise<Uint8Array> {
    const shift = BigInt(62 - (this.#bits - 8));
    const at = Number(entry & ((1n << shift) - 1n));
    const sectors = Number((entry & (COMPRESSED - 1n)) >> shift);
    const length = Math.min((sectors + 1) * 512 - (at % 512), this.#base.size - at);
    if (length <= 0) throw this.#damaged();
    const packed = await this.#base.read(at, length);
    const bytes = 2 ** this.#bits;
    try {
      const unpacked = await this.#unpack(packed, bytes);
      if (unpacked.length >= bytes) return unpacked.subarray(0, bytes);
    } catch (error) {
      if (error instanceof DiskError) throw error;
    }
    throw this.#damaged();
  }

  async #unpack(packed: Uint8Array, bytes: number): Promise<Uint8Array> {
    if (zlib) return zlib.inflateRawSync(packed, { finishFlush: zlib.constants.Z_SYNC_FLUSH, maxOutputLength: bytes });
    const stream = new DecompressionStream('deflate-raw');
    const writer = stream.writable.getWriter();
    // The last sector is filled up with what is no part of the cluster, of which the stream complains at its end.
    void writer.write(packed as Uint8Array<ArrayBuffer>).catch(() => {});
    const reader = stream.readable.getReader();
    const out = new Uint8Array(bytes);
    for (let done = 0; done < bytes; ) {
      const { value } = await reader.read();
      if (!value) throw this.#damaged();
      out.set(value.subarray(0, bytes - done), done);
      done += value.length;
    }
    void reader.cancel().catch(() => {});
    return out;
  }

  close(): void {
    this.#base.close();
  }
}
