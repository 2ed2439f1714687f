// Firmware: the package's own, one that is given, and what both say on a screen that nobody draws yet.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inNode, load, PKG } from './harness.ts';

const { V64 } = await load();

/** Runs firmware for so many instructions. Resolves with the hash of where it came to, and the mode. */
async function firmware(options: object): Promise<{ hash: string; mode: string }> {
  const vm = await V64.create({ memory: '16M', clock: 'icount', maxInstructions: 5_000_000, ...options });
  try {
    assert.equal((await vm.run()).exitCode, 3);
    return { hash: await vm.stateHash(), mode: (await vm.stats()).mode };
  } finally {
    vm.destroy();
  }
}

test('a screen brings SeaBIOS along, which is the same where it is given', async () => {
  const own = await firmware({ vga: 'std' });
  const path = join(PKG, 'firmware/bios-256k.bin');
  assert.deepEqual(await firmware({ bios: path }), own);
  assert.deepEqual(await firmware({ bios: { buffer: readFileSync(path) }, firmwareUrl: join(PKG, 'firmware') }), own);
});

test('the command takes firmware by its path and by the name of the package\'s', async () => {
  const run = ['run', '-m', '16M', '--clock', 'icount', '--max-instructions', '5000000', '--state-hash', '-vga', 'std'];
  const named = await inNode(...run, '-bios', 'bios-256k.bin');
  assert.equal(named.code, 3, named.stderr);
  assert.deepEqual(await inNode(...run, '-bios', join(PKG, 'firmware/bios-256k.bin')), named);
  assert.deepEqual(await inNode(...run), named);
});
