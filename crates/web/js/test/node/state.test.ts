// States that move between hosts: saved natively, restored here, and back.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { inNode, INITRD, KERNEL, load, natively, noDebian, noNative } from './harness.ts';

let folder = '';
before(async () => (folder = await mkdtemp(join(tmpdir(), 'v64-state-'))));
after(() => rm(folder, { recursive: true }));

const HASH = /state hash [0-9a-f]{16} after \d+ instructions/;

async function moved(guest: string[], machine: string[], [one, two, three]: [number, number, number]): Promise<void> {
  const base = ['run', ...machine, '--clock', 'icount', '--serial', 'none', '--state-hash'];
  const to = (count: number): string[] => ['--max-instructions', String(count)];
  const [first, second] = [join(folder, 'first'), join(folder, 'second')];
  const whole = await natively(...base, ...guest, ...to(three));
  const saved = await natively(...base, ...guest, ...to(one), '--save-state', first);
  assert.equal(saved.code, 3, saved.stderr);
  // What the machine is made of, the file tells.
  const here = await inNode('run', '--serial', 'none', '--state-hash', ...to(two), '--load-state', first, '--save-state', second);
  assert.equal(here.code, 3, here.stderr);
  const back = await natively(...base, ...to(three), '--load-state', second);
  assert.ok(HASH.test(whole.stderr), whole.stderr);
  assert.equal(HASH.exec(back.stderr)?.[0], HASH.exec(whole.stderr)?.[0]);
  assert.deepEqual((await readdir(folder)).sort(), ['first', 'second'], 'nothing is left beside them');
}

test('the demo guest moves to Node and back', { skip: noNative }, () => moved([], ['-m', '64M'], [70_000, 160_000, 300_000]));

test("Debian's kernel moves to Node and back", { skip: noDebian || noNative }, () =>
  moved(
    ['--kernel', KERNEL, '--initrd', INITRD, '--append', 'console=ttyS0'],
    ['-m', '256M'],
    [60_000_000, 140_000_000, 200_000_000],
  ));

test('files that cannot be used are refused in one line', async () => {
  const file = join(folder, 'small');
  const base = ['run', '--clock', 'icount', '--serial', 'none', '--max-instructions', '1000'];
  await inNode(...base, '-m', '32M', '--save-state', file);
  const table: [string[], RegExp][] = [
    [['-m', '64M', '--load-state', file], /small: the saved state is of another machine: its memory is 32768 KiB, this one's 65536 KiB/],
    [['--load-state', join(folder, 'none')], /cannot load the state .*none: /],
    [['-m', '32M', '--save-state', join(folder, 'no', 'where')], /cannot save the state to .*where: /],
  ];
  await writeFile(join(folder, 'broken'), (await readFile(file)).subarray(0, 999));
  table.push([['--load-state', join(folder, 'broken')], /broken: the saved state is incomplete/]);
  for (const [args, line] of table) {
    const { code, stderr } = await inNode(...base, ...args);
    assert.equal(code, 2, stderr);
    assert.match(stderr.trim().split('\n').at(-1) ?? '', line);
  }
});

test('a machine is made of a state, with what is not said otherwise', async () => {
  const { V64 } = await load();
  const vm = await V64.create({ memory: '24M', smp: 2, clock: 'icount', maxInstructions: 100_000 });
  await vm.run();
  const [state, hash] = [await vm.saveState(), await vm.stateHash()];
  vm.destroy();
  const other = await V64.create({ state: new Blob([state as Uint8Array<ArrayBuffer>]), maxInstructions: 150_000 });
  assert.equal(await other.stateHash(), hash);
  const { ramBytes, processors, instructions } = await other.stats();
  assert.deepEqual([ramBytes, processors, instructions], [24 << 20, 2, 100_000]);
  assert.equal((await other.run()).exitCode, 3);
  other.destroy();
  for (const [option, says] of [
    [{ memory: '32M' }, /of another machine: its memory is 24576 KiB, this one's 32768 KiB/],
    [{ smp: 1 }, /its number of processors is 2, this one's 1/],
    [{ clock: 'real' as const }, /its clock is icount, this one's real/],
  ] as const) {
    await assert.rejects(V64.create({ state, ...option }), (error: Error) => says.test(error.message) && 'code' in error && error.code === 'BAD_STATE');
  }
});

test('a machine in JavaScript goes back to what it was', async () => {
  const { V64 } = await load();
  const vm = await V64.create({ memory: '64M', clock: 'icount', maxInstructions: 200_000 });
  const [state, hash] = [await vm.saveState(), await vm.stateHash()];
  await vm.run();
  const end = await vm.stateHash();
  assert.notEqual(end, hash);
  vm.destroy();

  const other = await V64.create({ memory: '64M', clock: 'icount', maxInstructions: 200_000 });
  await other.restoreState(state);
  assert.equal(await other.stateHash(), hash);
  await assert.rejects(other.restoreState(new Uint8Array(9)), { code: 'BAD_STATE' });
  await other.run();
  assert.equal(await other.stateHash(), end);
  await assert.rejects(other.restoreState(state), { code: 'STATE' });
  other.destroy();
});
