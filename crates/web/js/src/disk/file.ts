// Files that are read and written at once: those of Node, and those of a browser's private file system (OPFS).
import { DiskError, Immediate } from './medium.ts';

/** An open file. What fails throws. */
export interface SyncFile {
  /** Bytes */
  size(): number;
  /** Reads from `at` on; returns how many bytes there were */
  read(at: number, into: Uint8Array): number;
  /** Writes at `at` */
  write(at: number, bytes: Uint8Array): void;
  /** Makes what was written last */
  flush(): void;
  close(): void;
}

type Fs = typeof import('node:fs');

interface Scope {
  process?: { getBuiltinModule?(name: string): unknown };
  navigator?: { storage?: { getDirectory?(): Promise<Directory> } };
}

/** As in a browser's worker; the library of types has them for pages alone. */
interface Directory {
  getDirectoryHandle(name: string, options: { create: boolean }): Promise<Directory>;
  getFileHandle(name: string, options: { create: boolean }): Promise<{ createSyncAccessHandle(): Promise<Handle> }>;
}

interface Handle {
  getSize(): number;
  read(into: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  flush(): void;
  close(): void;
}

const scope = globalThis as unknown as Scope;

/** Node's file system; `undefined` in a browser. */
export function nodeFs(): Fs | undefined {
  return scope.process?.getBuiltinModule?.('node:fs') as Fs | undefined;
}

/** The file system, where a path needs one. */
function fileSystem(path: string): Fs {
  const fs = nodeFs();
  if (!fs) throw new DiskError('IO', `${path}: there is no file system here; give a URL, a File or bytes`);
  return fs;
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message.replace(/^[A-Z]+: /, '').split(',')[0] ?? '' : String(error);
}

const code = (error: unknown): unknown => (error as { code?: unknown } | null)?.code;

/** Opens a file of Node's for reading, and for writing where it may be. Returns it and whether it may be written. */
export function openPath(path: string, wantsWrite: boolean): { file: SyncFile; writable: boolean } {
  const fs = fileSystem(path);
  const cannot = (error: unknown): DiskError => new DiskError('IO', `cannot open ${path}: ${reason(error)}`);
  let fd: number;
  let writable = wantsWrite;
  try {
    if (!fs.statSync(path).isFile()) throw new Error('it is no regular file');
    fd = fs.openSync(path, wantsWrite ? 'r+' : 'r');
  } catch (error) {
    const refused = ['EACCES', 'EPERM', 'EROFS'].includes(String(code(error)));
    if (!wantsWrite || !refused) throw cannot(error);
    try {
      fd = fs.openSync(path, 'r');
      writable = false;
    } catch (second) {
      throw cannot(second);
    }
  }
  return { file: nodeFile(fs, fd), writable };
}

/** Opens a file of Node's, which is created where there is none. */
export function createPath(path: string): SyncFile {
  const fs = fileSystem(path);
  try {
    return nodeFile(fs, fs.openSync(path, fs.existsSync(path) ? 'r+' : 'w+'));
  } catch (error) {
    throw new DiskError('IO', `cannot open ${path}: ${reason(error)}`);
  }
}

function nodeFile(fs: Fs, fd: number): SyncFile {
  return {
    size: () => fs.fstatSync(fd).size,
    read: (at, into) => {
      let done = 0;
      while (done < into.length) {
        const got = fs.readSync(fd, into, done, into.length - done, at + done);
        if (got === 0) break;
        done += got;
      }
      return done;
    },
    write: (at, bytes) => {
      let done = 0;
      while (done < bytes.length) done += fs.writeSync(fd, bytes, done, bytes.length - done, at + done);
    },
    flush: () => fs.fdatasyncSync(fd),
    close: () => fs.closeSync(fd),
  };
}

/** Opens a file of this page's private file system, which is created where there is none. */
export async function openPrivate(name: string): Promise<SyncFile> {
  const root = scope.navigator?.storage?.getDirectory;
  if (!root) throw new DiskError('IO', `${name}: this browser keeps no private files; leave \`persist\` out`);
  let handle: Handle;
  try {
    const top = await root.call(scope.navigator?.storage);
    const folder = await top.getDirectoryHandle('v64', { create: true });
    handle = await (await folder.getFileHandle(`${encodeURIComponent(name)}.overlay`, { create: true })).createSyncAccessHandle();
  } catch (error) {
    const taken = error instanceof Error && error.name === 'NoModificationAllowedError';
    const why = taken ? 'another machine of this site has it open' : reason(error);
    throw new DiskError('IO', `cannot open the changes kept as '${name}': ${why}`);
  }
  return {
    size: () => handle.getSize(),
    read: (at, into) => handle.read(into, { at }),
    write: (at, bytes) => {
      if (handle.write(bytes, { at }) < bytes.length) throw new DOMException('', 'QuotaExceededError');
    },
    flush: () => handle.flush(),
    close: () => handle.close(),
  };
}

/** Returns what a host's error is to the guest. */
export function failed(name: string, error: unknown): DiskError {
  if (error instanceof DiskError) return error;
  const full = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(String(code(error)));
  const quota = error instanceof Error && error.name === 'QuotaExceededError';
  if (full || quota) return new DiskError('NO_SPACE', `${name}: ${quota ? 'the browser gives no more room' : reason(error)}`);
  return new DiskError('IO', `${name}: ${reason(error)}`);
}

/** A sector: files whose last one is not whole are read with zeros behind. */
const SECTOR = 512;

/** A file, byte for byte. */
export class FileMedium extends Immediate {
  readonly size: number;
  readonly writable: boolean;
  readonly #file: SyncFile;
  readonly #name: string;

  constructor(name: string, file: SyncFile, writable: boolean) {
    super();
    this.#file = file;
    this.#name = name;
    this.writable = writable;
    this.size = file.size();
  }

  readNow(offset: number, into: Uint8Array): boolean {
    let got: number;
    try {
      got = this.#file.read(offset, into);
    } catch (error) {
      throw failed(this.#name, error);
    }
    const missing = Math.min(offset + into.length, this.size) - (offset + got);
    if (missing >= SECTOR) {
      throw new DiskError('IO', `${this.#name}: ${missing} bytes are missing; something has cut the file off`);
    }
    into.fill(0, got);
    return true;
  }

  writeNow(offset: number, bytes: Uint8Array): boolean {
    if (!this.writable) throw new DiskError('READ_ONLY', `${this.#name} is read-only`);
    try {
      this.#file.write(offset, bytes);
    } catch (error) {
      throw failed(this.#name, error);
    }
    return true;
  }

  flushNow(): boolean {
    try {
      if (this.writable) this.#file.flush();
    } catch (error) {
      throw failed(this.#name, error);
    }
    return true;
  }

  close(): void {
    this.#file.close();
  }
}
