// What the tests in Node share: the built package, the native command, the Debian guest.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The top of the work tree. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../../../..');
export const PKG = process.env['V64_PKG'] ?? join(ROOT, 'pkg');
export const NATIVE = join(process.env['CARGO_TARGET_DIR'] ?? join(ROOT, 'target'), 'release/v64');
const CACHE = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'v64');
export const KERNEL = join(CACHE, 'vmlinuz');
export const INITRD = join(CACHE, 'initramfs.cpio');

/** The Debian guest, where it has been fetched; else why not. */
export const noDebian = existsSync(KERNEL) && existsSync(INITRD) ? false : 'fetch the guest: cargo xtask fetch-guests';
export const noNative = existsSync(NATIVE) ? false : 'build the command: cargo build --release -p v64';

/** The package, as a user's import gives it. */
export async function load(): Promise<typeof import('../../src/index.ts')> {
  return (await import(pathToFileURL(join(PKG, 'node.mjs')).href)) as typeof import('../../src/index.ts');
}

export interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

function finished(program: string, args: string[], input = ''): Promise<Finished> {
  return new Promise((resolve) => {
    const options = { maxBuffer: 1 << 26 };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
    // A program may end before it has read anything.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** The package's command. */
export const inNode = (...args: string[]): Promise<Finished> =>
  finished(process.execPath, [join(PKG, 'cli.mjs'), ...args]);

/** The native command. */
export const natively = (...args: string[]): Promise<Finished> => finished(NATIVE, args);
