// The worker, in a browser and in Node: one file without imports, so that bundlers and Blobs can take it as it is.
import { Loop } from './loop.ts';
import type { FromWorker, ToWorker } from './protocol.ts';

interface Scope {
  postMessage(message: unknown, transfer: Transferable[]): void;
  onmessage: (event: MessageEvent<ToWorker>) => void;
  process?: { getBuiltinModule?(name: string): { parentPort?: NodePort | null } | undefined };
}

interface NodePort {
  postMessage(message: unknown, transfer: Transferable[]): void;
  on(event: 'message', listener: (message: ToWorker) => void): void;
}

const scope = globalThis as unknown as Scope;
// Without an `import`, which bundlers for browsers would try to follow.
const node = scope.process?.getBuiltinModule?.('node:worker_threads')?.parentPort;
const post = (message: FromWorker, transfer: Transferable[] = []): void => (node ?? scope).postMessage(message, transfer);
const loop = new Loop(post);
if (node) node.on('message', (message) => void loop.hear(message));
else scope.onmessage = (event) => void loop.hear(event.data);
post({ type: 'loaded' });
