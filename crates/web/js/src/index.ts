// The package: an API to import, and in Node a command.
export { V64Error, type V64Code } from './error.ts';
export { hasMemory64 } from './features.ts';
export type { V64Source } from './source.ts';
export { V64, type V64End, type V64Options, type V64Serial, type V64Stats } from './v64.ts';

import { inNode } from './port.ts';

if (inNode) {
  const { realpathSync } = await import('node:fs');
  const { fileURLToPath } = await import('node:url');
  const { isMainThread } = await import('node:worker_threads');
  const script = process.argv[1];
  if (isMainThread && script && realpathSync(script) === fileURLToPath(import.meta.url)) {
    const { main } = await import('./cli.ts');
    process.exitCode = await main(process.argv.slice(2));
  }
}
