// A Node that is too old: one sentence, from the command and from the library.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { PKG } from './harness.ts';

/** As it was before 64-bit memories: the feature test says no, and zlib has no zstd. */
const OLD = `data:text/javascript,${encodeURIComponent(`
  import zlib from 'node:zlib';
  import { syncBuiltinESMExports } from 'node:module';
  WebAssembly.validate = () => false;
  delete zlib.zstdDecompressSync;
  syncBuiltinESMExports();
`)}`;

/** Another Node on the path, which is really old. */
function realOne(): string | undefined {
  const paths = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'node'));
  return paths.find((path) => {
    const version = existsSync(path) ? spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout : '';
    return /^v(1[89]|2[0-2])\./.test(version);
  });
}

const real = realOne();
const nodes: [string, string[] | undefined][] = [
  ['a Node without the feature', [process.execPath, '--import', OLD]],
  ['an old Node', real === undefined ? undefined : [real]],
];
for (const [name, command] of nodes) {
  const skip = command ? false : 'no other Node on the path';
  const run = (...args: string[]) => spawnSync(command?.[0] ?? '', [...(command?.slice(1) ?? []), ...args], { encoding: 'utf8' });

  test(`${name} is told that it is too old, by the command`, { skip }, () => {
    const { status, stdout, stderr } = run(join(PKG, 'cli.mjs'), 'run');
    assert.equal(status, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, /^v64: Node 24 or newer is needed, for 64-bit WebAssembly memory; this is Node \d+[.\d]*\n$/);
  });

  test(`${name} is told that it is too old, by the library`, { skip }, () => {
    const script = `
      const { V64, hasMemory64 } = await import(${JSON.stringify(pathToFileURL(join(PKG, 'node.mjs')).href)});
      await V64.create().catch((error) => console.log(hasMemory64(), error.name, error.code, error.message));`;
    const { stdout, stderr } = run('--input-type=module', '--eval', script);
    assert.match(stdout, /^false V64Error NO_MEMORY64 Node 24 or newer is needed/, stderr);
  });
}
