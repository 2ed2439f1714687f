// The monitor's side of the worker: commands, connections, and the files that they read and write.
import { nodeFs } from './disk/file.ts';
import type { Disks } from './disk/disks.ts';
import { messageOf, V64Error } from './error.ts';
import type { Instance, MonitorNews, Services } from './instance.ts';
import type { DiskSpec, FromWorker, QmpAnswer, WantedFile } from './protocol.ts';

/** How often a command is carried out again because of files that it wants. */
const MOST_TRIES = 8;

/** What {@link Services.file} does. */
const Op = { create: 0, append: 1, replace: 2 } as const;

/** Files that commands write: those of the host, or ones that are handed to the caller. */
export class WrittenFiles {
  readonly #toHost: boolean;
  readonly #failed: (message: string) => void;
  #kept = new Map<string, Uint8Array[]>();

  constructor(toHost: boolean, failed: (message: string) => void) {
    this.#toHost = toHost;
    this.#failed = failed;
  }

  readonly file: Services['file'] = (op, path, bytes) => {
    const fs = this.#toHost ? nodeFs() : undefined;
    if (!fs) {
      if (op === Op.append) this.#kept.get(path)?.push(bytes);
      else this.#kept.set(path, op === Op.create ? [] : [bytes]);
      return 0;
    }
    try {
      if (op === Op.create) fs.writeFileSync(path, '');
      else if (op === Op.append) fs.appendFileSync(path, bytes);
      else {
        const part = `${path}.${process.pid}.part`;
        fs.writeFileSync(part, bytes, { flush: true });
        fs.renameSync(part, path);
      }
      return 0;
    } catch (error) {
      this.#failed(`Could not open '${path}': ${messageOf(error).replace(/^[A-Z]+: /, '').split(',')[0]}`);
      return 2;
    }
  };

  /** Returns the files since the last call that are for the caller. */
  take(): Uint8Array[] {
    const files = [...this.#kept.values()].map((parts) => {
      const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
      let done = 0;
      for (const part of parts) {
        bytes.set(part, done);
        done += part.length;
      }
      return bytes;
    });
    this.#kept = new Map();
    return files;
  }
}

/** Commands to one machine, one after the other. */
export class Desk {
  readonly #instance: Instance;
  readonly #disks: Disks;
  readonly #written: WrittenFiles;
  readonly #base: string | undefined;
  readonly #post: (message: FromWorker) => void;
  readonly #exit: (code: number) => void;
  #last: Promise<unknown> = Promise.resolve();

  /** `base` is the address that relative ones go from; where there is none they are paths. `exit` hears that a command ends the machine. */
  constructor(
    instance: Instance,
    disks: Disks,
    written: WrittenFiles,
    base: string | undefined,
    post: (message: FromWorker) => void,
    exit: (code: number) => void,
  ) {
    this.#instance = instance;
    this.#disks = disks;
    this.#written = written;
    this.#base = base;
    this.#post = post;
    this.#exit = exit;
  }

  /** Carries a command of QMP out. Rejects with `MONITOR` where it fails. */
  qmp(execute: string, args: object): Promise<QmpAnswer> {
    return this.#behind(async () => {
      const news = await this.#repeated(() => this.#instance.qmp(execute, args));
      if (news.answer?.error) throw new V64Error('MONITOR', news.answer.error.desc);
      return { value: news.answer?.return, files: this.#written.take() };
    });
  }

  /** Puts an image into a drive. */
  insert(drive: string, force: boolean, disk: DiskSpec): Promise<QmpAnswer> {
    const mode = disk.readOnly ? 'read-only' : 'read-write';
    const args = { id: drive, filename: disk.label, force, 'read-only-mode': mode };
    const opened = this.#behind(() => this.#disks.open(disk, this.#instance));
    return opened.then(() => this.qmp('blockdev-change-medium', args));
  }

  /** Bytes have arrived at a connection. */
  async input(id: number, bytes: Uint8Array): Promise<void> {
    let more = bytes;
    await this.#behind(() =>
      this.#repeated(() => {
        const news = this.#instance.monitorInput(id, more);
        more = new Uint8Array();
        return news;
      }),
    );
  }

  /** Passes on what the machine has to say. */
  poll(): void {
    const news = this.#instance.monitorPoll();
    if (news) this.#pass(news);
  }

  #behind<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  #pass(news: MonitorNews): void {
    for (const [id, text] of news.sends) this.#post({ type: 'monitor', id, text });
    for (const event of news.events) this.#post({ type: 'qmp', event });
  }

  /** Makes a call again for as long as it wants files first. */
  async #repeated(call: () => MonitorNews): Promise<MonitorNews> {
    let news = call();
    this.#pass(news);
    for (let n = 0; news.wants && n < MOST_TRIES; n++) {
      await this.#supply(news.wants);
      news = call();
      this.#pass(news);
    }
    if (news.exit !== null) this.#exit(news.exit);
    return news;
  }

  /** Gives the module a file that a command wants, or says why there is none. */
  async #supply({ name, role, path, medium }: WantedFile): Promise<void> {
    const file = path ?? '';
    try {
      if (role === 'block') {
        const place = this.#place(file);
        const how = medium ?? { format: null, readOnly: true, snapshot: true };
        // What may not be written to there is changed in memory.
        const snapshot = how.snapshot || place.kind === 'url';
        return await this.#disks.open({ name, label: file, place, ...how, snapshot }, this.#instance);
      }
      const fs = nodeFs();
      if (!fs) throw new Error('there is no file system here; call `restoreState()`');
      this.#instance.file(name, new Uint8Array(fs.readFileSync(file)));
    } catch (error) {
      const why = error instanceof V64Error ? error.message : `Could not open '${file}': ${messageOf(error)}`;
      this.#instance.diskFailed(name, why);
    }
  }

  #place(file: string): DiskSpec['place'] {
    if (/^(https?|data|blob):/i.test(file)) return { kind: 'url', url: file };
    return this.#base === undefined ? { kind: 'path', path: file } : { kind: 'url', url: new URL(file, this.#base).href };
  }
}
