// A worker as the main thread sees it, alike in a browser and in Node.
import type { FromWorker, ToWorker } from './protocol.ts';

export const inNode =
  typeof (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node === 'string';

/** A worker that runs one machine. */
export interface Port {
  send(message: ToWorker, transfer?: Transferable[]): void;
  stop(): void;
}

/** Starts a worker. */
export async function open(hear: (message: FromWorker) => void, fail: (error: Error) => void): Promise<Port> {
  const url = new URL('./worker.mjs', import.meta.url);
  if (inNode) {
    const { Worker } = await import('node:worker_threads');
    const worker = new Worker(url);
    worker.on('message', hear);
    worker.on('error', fail);
    return {
      send: (message, transfer) => worker.postMessage(message, (transfer ?? []) as never),
      stop: () => void worker.terminate(),
    };
  }
  const worker = new Worker(url, { type: 'module' });
  worker.onmessage = (event: MessageEvent<FromWorker>) => hear(event.data);
  worker.onerror = (event) => fail(new Error(event.message));
  return { send: (message, transfer) => worker.postMessage(message, transfer ?? []), stop: () => worker.terminate() };
}
