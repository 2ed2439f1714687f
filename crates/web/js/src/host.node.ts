// Node: workers of node:worker_threads, files of the file system.
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { messageOf, V64Error } from './error.ts';
import type { Hearer, Host, Port } from './host.ts';
import type { FromWorker } from './protocol.ts';

function open(given: string | URL | undefined, hear: Hearer): Promise<Port> {
  return new Promise((resolve, reject) => {
    const refuse = (error: unknown): void => {
      const todo = 'leave v64 out of the bundle, or put its worker.mjs there, or give its path as `workerUrl`';
      reject(new V64Error('SOURCE', `cannot load the worker (${messageOf(error)}): ${todo}`));
    };
    let worker: Worker;
    try {
      const url = given === undefined ? new URL('./worker.mjs', import.meta.url) : fileUrl(given);
      // Flags of the program may be impossible for a file, as `--input-type` is.
      worker = new Worker(url, { execArgv: [] });
    } catch (error) {
      return refuse(error);
    }
    let loaded = false;
    worker.on('message', (message: FromWorker) => {
      if (message.type !== 'loaded') return hear.message(message);
      loaded = true;
      const stop = (): void => void worker.terminate();
      resolve({ send: (message, transfer) => worker.postMessage(message, (transfer ?? []) as readonly ArrayBuffer[]), stop });
    });
    worker.on('error', (error: unknown) => {
      if (loaded) hear.failed(error instanceof Error ? error : new Error(String(error)));
      else refuse(error);
    });
  });
}

function fileUrl(given: string | URL): URL {
  if (given instanceof URL) return given;
  return given.startsWith('file:') ? new URL(given) : pathToFileURL(given);
}

/** Devices may have no end; what is to be booted is a file. */
async function regular(path: string | URL): Promise<Uint8Array> {
  const found = await stat(path);
  if (!found.isFile()) throw new Error(found.isDirectory() ? 'it is a directory' : 'it is no regular file');
  return new Uint8Array(await readFile(path));
}

export const host: Host = {
  noMemory64: `Node 24 or newer is needed, for 64-bit WebAssembly memory; this is Node ${process.versions.node}`,
  strings: 'a path, or a file:, http:, https: or data: URL',
  schemes: ['file:', 'http:', 'https:', 'data:', 'blob:'],
  open,
  readFile: regular,
  exists: existsSync,
  pathOf: (path) => (path instanceof URL ? fileURLToPath(path) : path),
};
