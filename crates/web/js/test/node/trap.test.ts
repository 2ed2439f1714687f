// A module that fails: what is told of it, and that the next machine runs.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { FAILING_HOST } from '../failing.ts';
import { PKG } from './harness.ts';

test('a trap gives registers and what the line said last, and another machine runs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'v64-trap-'));
  try {
    cpSync(PKG, folder, { recursive: true });
    const worker = join(folder, 'worker.mjs');
    const sound = readFileSync(worker, 'utf8');
    writeFileSync(worker, FAILING_HOST + sound);
    const { V64, V64Error } = (await import(pathToFileURL(join(folder, 'node.mjs')).href)) as typeof import('../../src/index.ts');
    const vm = await V64.create({ memory: '16M' });
    const error = await vm.run().then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(error instanceof V64Error && error.code === 'TRAP', String(error));
    assert.match(error.message, /as meant/);
    assert.match(error.details ?? '', /RIP [0-9a-f]{16}/);
    assert.match(error.details ?? '', /COM1 said last:\n[^]*(v64 demo guest|\[ ok \])/);
    vm.destroy();

    writeFileSync(worker, sound);
    const next = await V64.create({ memory: '16M', clock: 'icount', maxInstructions: 1000 });
    assert.equal((await next.run()).exitCode, 3);
    next.destroy();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
