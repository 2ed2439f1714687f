// Browsers: a worker from the package's own file, or from the copy of its code that the library holds.
import { messageOf, V64Error } from './error.ts';
import type { Hearer, Host, Port } from './host.ts';
import type { FromWorker } from './protocol.ts';

/** The code of worker.mjs, which build.mjs puts here. */
declare const WORKER_SOURCE: string;

const TODO =
  "serve v64's worker.mjs from the origin of the page and give its address as `workerUrl`, " +
  'or let the Content-Security-Policy have `worker-src blob:`';

/** A worker, once its code is loaded. */
function loaded(worker: Worker, hear: Hearer): Promise<Port> {
  return new Promise((resolve, reject) => {
    const failed = (event: Event): Error => {
      // A worker whose file cannot be loaded gives an event without a message.
      event.preventDefault();
      return new Error((event as Partial<ErrorEvent>).message || 'the browser gives no reason');
    };
    worker.onerror = (event) => {
      worker.terminate();
      reject(failed(event));
    };
    worker.onmessage = (event: MessageEvent<FromWorker>) => {
      if (event.data.type !== 'loaded') return hear.message(event.data);
      worker.onerror = (event) => hear.failed(failed(event));
      const stop = (): void => worker.terminate();
      resolve({ send: (message, transfer = []) => worker.postMessage(message, [...transfer]), stop });
    };
  });
}

/** A worker of this page's origin, wherever its code came from. */
async function fromText(code: string, hear: Hearer): Promise<Port> {
  const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
  try {
    return await loaded(new Worker(url, { type: 'module' }), hear);
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** The package's worker. Bundlers recognise the expression as it stands here, and bring the file along. */
async function own(hear: Hearer): Promise<Port> {
  return loaded(new Worker(new URL('./worker.mjs', import.meta.url), { type: 'module' }), hear);
}

async function fetched(url: URL): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`the server says ${response.status}`);
  return response.text();
}

async function open(given: string | URL | undefined, hear: Hearer): Promise<Port> {
  if (given !== undefined) {
    try {
      const url = new URL(given, document.baseURI);
      // Browsers start no worker from another origin, but do so from a Blob of the same code.
      const foreign = url.origin !== location.origin && url.protocol.startsWith('http');
      return await (foreign ? fromText(await fetched(url), hear) : loaded(new Worker(url, { type: 'module' }), hear));
    } catch (error) {
      throw new V64Error('SOURCE', `cannot load the worker ${String(given)} (${messageOf(error)}): ${TODO}`);
    }
  }
  try {
    return await own(hear);
  } catch {
    // The package lies at another origin, or the bundler left the file behind.
  }
  try {
    return await fromText(WORKER_SOURCE, hear);
  } catch (error) {
    throw new V64Error('SOURCE', `cannot start the worker (${messageOf(error)}): ${TODO}`);
  }
}

export const host: Host = {
  noMemory64:
    'This browser has no 64-bit WebAssembly memory. Chrome and Edge have it from 133 on, Firefox from 134; Node from 24.',
  strings: 'an http: or https: URL, also a relative one, a data: or a blob: URL',
  schemes: ['http:', 'https:', 'data:', 'blob:'],
  base: () => document.baseURI,
  open,
};
