// The same machine here and natively: devices, instructions, state.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { inNode, INITRD, KERNEL, load, natively, noDebian, noNative, ROOT } from './harness.ts';

test('the same devices register', { skip: noNative }, async () => {
  const [here, there] = await Promise.all([inNode('devices'), natively('devices')]);
  assert.equal(here.stdout, there.stdout);
  assert.ok(here.stdout.split('\n').length > 15, here.stdout);
});

const debian = ['run', '--kernel', KERNEL, '--initrd', INITRD, '--append', 'console=ttyS0', '--clock', 'icount'];

for (const n of [1_000_000, 30_000_000, 120_000_000]) {
  test(`the boot of Debian is the same after ${n} instructions`, { skip: noDebian || noNative }, async () => {
    const args = [...debian, '--max-instructions', String(n), '--state-hash', '--serial', 'none'];
    const [here, there] = await Promise.all([inNode(...args), natively(...args)]);
    assert.equal(here.code, 3);
    assert.equal(here.stderr, there.stderr);
    assert.match(here.stderr, new RegExp(`state hash [0-9a-f]{16} after ${n} instructions`));
  });
}

test('compiled code leaves the state that the native interpreter leaves', { skip: noDebian || noNative }, async () => {
  const args = [...debian, '--max-instructions', '150000000', '--state-hash', '--serial', 'none'];
  const [here, there] = await Promise.all([inNode(...args, '--engine', 'jit', '--stats'), natively(...args)]);
  const hash = /state hash [0-9a-f]{16} after 150000000 instructions/;
  assert.equal(hash.exec(here.stderr)?.[0], hash.exec(there.stderr)?.[0] ?? 'none');
  const share = Number(/compiled +([0-9.]+) %/.exec(here.stderr)?.[1]);
  assert.ok(share > 80, here.stderr);
});

test('vectors come out as natively', { skip: noNative }, async () => {
  const args = ['microtest', '--check', '--feature', 'CMOV', join(ROOT, 'tests/vectors/user64.jsonl.zst')];
  const [here, there] = await Promise.all([inNode(...args), natively(...args)]);
  assert.deepEqual(here, there);
  assert.equal(here.code, 0);
});

test('memory above 4 GiB is used and only what is touched is paid for', async (t) => {
  const before = process.memoryUsage().rss;
  const { V64 } = await load();
  let text = '';
  const onSerial = (bytes: Uint8Array): void => void (text += new TextDecoder().decode(bytes));
  const vm = await V64.create({ memory: '6G', args: ['--guest', 'memory'], onSerial });
  assert.equal((await vm.run()).exitCode, 0);
  assert.match(text, /memory: 6144 MiB, \d+ regions above 4 GiB, ok/);
  const grown = process.memoryUsage().rss - before;
  t.diagnostic(`${grown >> 20} MiB more are held than before`);
  assert.ok(grown < 600 << 20, `${grown >> 20} MiB more are held`);
  vm.destroy();
});
