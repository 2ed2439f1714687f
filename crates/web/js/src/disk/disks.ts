// The images of a machine, in the worker: opened, asked at once by the module, and later where they have to wait.
import { messageOf, V64Error } from '../error.ts';
import type { Instance, Services } from '../instance.ts';
import type { DiskSpec } from '../protocol.ts';
import { BLOB_BLOCKS, CachedMedium } from './cache.ts';
import { createPath, failed, FileMedium, nodeFs, openPath, openPrivate } from './file.ts';
import { openUrl } from './http.ts';
import { BytesMedium, DiskError, type Medium } from './medium.ts';
import { OverlayMedium } from './overlay.ts';
import { Qcow2Medium } from './qcow2.ts';

/** Results of a request: done; completed later; failed, by the kind of error that the guest sees. */
const Answer = { done: 0, later: 1, IO: 2, NO_SPACE: 3, READ_ONLY: 4 } as const;
/** What it asks for. */
const Kind = { read: 0, write: 1, flush: 2, close: 3 } as const;

/** Bytes of a request before its data. */
const HEADER = 32;
/** Bytes by which formats are found out. */
const PROBE = 0x8800;

/** What images report. */
export interface DiskEvents {
  /** So much of an image has been downloaded */
  progress(name: string, loaded: number, total: number): void;
  /** A request failed, in words that were not said just before */
  failed(name: string, message: string): void;
}

interface Open {
  readonly label: string;
  readonly medium: Medium;
  /** Requests that wait, one behind the other */
  last: Promise<void>;
  waiting: number;
  said: string;
}

/** The images of one machine. */
export class Disks {
  readonly #events: DiskEvents;
  readonly #open = new Map<number, Open>();
  #next = 0;
  #failure = '';
  /** Requests are to complete at the same instruction in every run: what may have to wait always does */
  repeatable = false;

  constructor(events: DiskEvents) {
    this.#events = events;
  }

  /**
   * Opens an image and gives it to the module.
   *
   * # Errors
   * `SOURCE`: one line that names it.
   */
  async open(spec: DiskSpec, instance: Instance): Promise<void> {
    try {
      const medium = await this.#medium(spec, instance);
      const number = this.#next++;
      this.#open.set(number, { label: spec.label, medium, last: Promise.resolve(), waiting: 0, said: '' });
      const snapshot = spec.snapshot && spec.persist === undefined;
      const readOnly = spec.readOnly || (!medium.writable && !snapshot);
      instance.disk(spec.name, number, Math.ceil(medium.size / 512) * 512, readOnly, snapshot);
    } catch (error) {
      throw error instanceof V64Error ? error : new V64Error('SOURCE', failed(spec.label, error).message);
    }
  }

  async #medium(spec: DiskSpec, instance: Instance): Promise<Medium> {
    const file = await this.#place(spec);
    try {
      const disk = await this.#format(spec, file, instance);
      if (spec.persist === undefined) return disk;
      const changes = nodeFs() ? createPath(spec.persist) : await openPrivate(spec.persist);
      return new OverlayMedium(`the file of changes '${spec.persist}'`, disk, changes);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  async #place({ place, label, readOnly, snapshot, persist }: DiskSpec): Promise<Medium> {
    switch (place.kind) {
      case 'bytes':
        return new BytesMedium(place.bytes);
      case 'blob': {
        const { blob } = place;
        const slice = async (offset: number, length: number): Promise<Uint8Array> => {
          try {
            return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
          } catch (error) {
            throw new DiskError('IO', `${label} cannot be read any more (${messageOf(error)}); choose it again`);
          }
        };
        return new CachedMedium(blob.size, slice, BLOB_BLOCKS);
      }
      case 'url':
        return openUrl(place.url, (loaded, total) => this.#events.progress(label, loaded, total));
      case 'path': {
        const { file, writable } = openPath(place.path, !readOnly && !snapshot && persist === undefined);
        return new FileMedium(label, file, writable);
      }
    }
  }

  /** What a file is, by its format. */
  async #format({ format, label, readOnly, snapshot, persist }: DiskSpec, file: Medium, instance: Instance): Promise<Medium> {
    if (file.size === 0) throw new DiskError('IO', `${label}: the file is empty`);
    if (format === 'raw') return file;
    const found = instance.probe(label, await file.read(0, Math.min(PROBE, file.size)), file.size);
    if (format !== null && format !== found) throw new DiskError('IO', `${label}: not a ${format} image; it looks like ${found}`);
    if (found === 'raw') return file;
    if (found !== 'qcow2') throw new DiskError('IO', `${label}: a ${found} image; convert it by qemu-img convert -O qcow2`);
    if (!readOnly && !snapshot && persist === undefined) {
      throw new DiskError('IO', `${label}: a qcow2 image, which only the native command writes to; give -snapshot, or convert it by qemu-img convert -O raw`);
    }
    return Qcow2Medium.open(label, file);
  }

  /** Whether the guest waits for an answer. */
  get isWaiting(): boolean {
    return [...this.#open.values()].some((disk) => disk.waiting > 0);
  }

  /** What the module asks of the host at once. */
  services(): Pick<Services, 'diskRead' | 'diskWrite' | 'diskFlush' | 'failure'> {
    return {
      diskRead: (number, offset, into) => this.#now(number, (medium) => medium.readNow(offset, into)),
      diskWrite: (number, offset, bytes) => this.#now(number, (medium) => medium.writeNow(offset, bytes)),
      diskFlush: (number) => this.#now(number, (medium) => medium.flushNow()),
      failure: () => this.#failure,
    };
  }

  /** Notes what {@link services} tell the module of a failure. */
  fail(message: string): void {
    this.#failure = message;
  }

  #now(number: number, work: (medium: Medium) => boolean): number {
    const disk = this.#open.get(number);
    if (!disk) return this.#failed(undefined, new DiskError('IO', 'the image was closed')).code;
    // Each sees what those before it did.
    if (disk.waiting > 0 || (this.repeatable && !disk.medium.immediate)) return Answer.later;
    try {
      return work(disk.medium) ? Answer.done : Answer.later;
    } catch (error) {
      return this.#failed(disk, error).code;
    }
  }

  #failed(disk: Open | undefined, error: unknown): { code: number; message: string } {
    const { failure, message } = failed(disk?.label ?? 'an image', error);
    this.#failure = message;
    if (disk && disk.said !== message) {
      disk.said = message;
      this.#events.failed(disk.label, message);
    }
    return { code: Answer[failure], message };
  }

  /** Begins what the module asks for, and calls `answered` behind each answer. */
  serve(instance: Instance, answered: () => void): void {
    const requests = instance.diskRequests();
    if (!requests) return;
    const view = new DataView(requests.buffer, requests.byteOffset, requests.length);
    for (let at = 0; at + HEADER <= requests.length; ) {
      const [number, kind] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
      const [id, offset, length] = [8, 16, 24].map((field) => view.getBigUint64(at + field, true)) as [bigint, bigint, bigint];
      const end = at + HEADER + (kind === Kind.write ? Number(length) : 0);
      const data = requests.subarray(at + HEADER, end);
      at = end;
      const disk = this.#open.get(number);
      if (!disk) continue;
      if (kind === Kind.close) {
        this.#open.delete(number);
        void disk.last.then(() => disk.medium.close());
        continue;
      }
      disk.waiting++;
      disk.last = disk.last.then(async () => {
        let answer: { code: number; bytes: Uint8Array };
        try {
          answer = { code: Answer.done, bytes: await Disks.#later(disk.medium, kind, Number(offset), Number(length), data) };
          disk.said = '';
        } catch (error) {
          const { code, message } = this.#failed(disk, error);
          answer = { code, bytes: new TextEncoder().encode(message) };
        }
        disk.waiting--;
        instance.diskAnswer(number, id, answer.code, answer.bytes);
        answered();
      });
    }
  }

  static async #later(medium: Medium, kind: number, offset: number, length: number, data: Uint8Array): Promise<Uint8Array> {
    if (kind === Kind.read) return medium.read(offset, length);
    await (kind === Kind.write ? medium.write(offset, data) : medium.flush());
    return new Uint8Array();
  }
}
