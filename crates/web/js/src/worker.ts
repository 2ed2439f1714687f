// The worker, in a browser and in Node.
import { Loop } from './loop.ts';
import type { FromWorker, ToWorker } from './protocol.ts';

if (typeof (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node === 'string') {
  const { parentPort } = await import('node:worker_threads');
  const loop = new Loop((message: FromWorker, transfer) => parentPort?.postMessage(message, (transfer ?? []) as never));
  parentPort?.on('message', (message: ToWorker) => void loop.hear(message));
} else {
  const scope = globalThis as unknown as DedicatedWorkerGlobalScope;
  const loop = new Loop((message: FromWorker, transfer) => scope.postMessage(message, transfer ?? []));
  scope.onmessage = (event: MessageEvent<ToWorker>) => void loop.hear(event.data);
}

interface DedicatedWorkerGlobalScope {
  postMessage(message: unknown, transfer: Transferable[]): void;
  onmessage: (event: MessageEvent<ToWorker>) => void;
}
