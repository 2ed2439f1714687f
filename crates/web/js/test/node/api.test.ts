// The JavaScript API, as README shows it and where it is used wrongly.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { multiboot, READ_TSC } from '../guests.ts';
import { KERNEL, load, noDebian, PKG } from './harness.ts';

const { V64, V64Error } = await load();

/** The code of the error that a promise ends with. */
async function code(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof V64Error, String(error));
    assert.match(error.message, /\w+ .*\w/);
    return error.code;
  }
  return 'none';
}

test("README's example runs", () => {
  const readme = readFileSync(join(PKG, 'README.md'), 'utf8');
  const example = /```js\n([^]*?)```/.exec(readme)?.[1];
  assert.ok(example);
  const file = join(PKG, 'example.tmp.mjs');
  writeFileSync(file, example.replace("'v64'", "'./v64.mjs'"));
  try {
    assert.equal(execFileSync(process.execPath, [file], { encoding: 'utf8', timeout: 60_000 }), '0 true true\n');
  } finally {
    rmSync(file);
  }
});

test('what is wrong with options and files is said', async () => {
  assert.equal(await code(V64.create({ memory: 'lots' })), 'BAD_OPTION');
  assert.equal(await code(V64.create({ cpu: '6502' })), 'BAD_OPTION');
  assert.equal(await code(V64.create({ memory: '64M', kernel: new Uint8Array(5000) })), 'BAD_KERNEL');
  assert.equal(await code(V64.create({ kernel: '/nowhere/at/all' })), 'SOURCE');
  assert.equal(await code(V64.create({ kernel: new Response('gone', { status: 404 }) })), 'SOURCE');
  assert.equal(await code(V64.create({ memory: '60G' })), 'NO_MEMORY');
});

test('a guest that asks for the time all the time seldom makes JavaScript tell it', async () => {
  for (const engine of ['interp', 'jit']) {
    const vm = await V64.create({ memory: '16M', kernel: multiboot(READ_TSC), debugExit: 0xf4, args: ['--engine', engine] });
    assert.equal((await vm.run()).exitCode, (1 << 1) | 1, 'time never went back');
    const { hostCalls, instructions } = await vm.stats();
    assert.ok(instructions > 6_000_000 && hostCalls < 100_000, `${hostCalls} calls in ${instructions} instructions`);
    vm.destroy();
  }
});

test('a kernel that breaks off is refused', { skip: noDebian }, async () => {
  const half = new Blob([readFileSync(KERNEL).subarray(0, 1 << 20)]);
  assert.equal(await code(V64.create({ memory: '256M', kernel: half })), 'BAD_KERNEL');
});

test('calls that come too often or too late are refused, and another machine still runs', async () => {
  const vm = await V64.create({ memory: '16M', clock: 'icount', maxInstructions: 50_000 });
  const first = vm.run();
  assert.equal(await code(vm.run()), 'STATE');
  assert.equal((await first).exitCode, 3);
  assert.equal(await code(vm.run()), 'STATE');
  const hash = await vm.stateHash();
  vm.destroy();
  assert.equal(await code(vm.stats()), 'STATE');
  assert.throws(() => vm.serial.write('x'), { code: 'STATE' });
  const again = await V64.create({ memory: '16M', clock: 'icount', maxInstructions: 50_000 });
  await again.run();
  assert.equal(await again.stateHash(), hash);
  again.destroy();
});

test('pause, resume, reset and power off', async () => {
  let text = '';
  const until = async (what: string): Promise<void> => {
    while (!text.includes(what)) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const vm = await V64.create({ memory: '64M', onSerial: (bytes) => (text += new TextDecoder().decode(bytes)) });
  const ended = vm.run();
  await until('> ');
  vm.pause();
  const paused = (await vm.stats()).instructions;
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal((await vm.stats()).instructions, paused);
  text = '';
  vm.reset();
  vm.resume();
  await until('checks passed');
  assert.equal((await vm.stats()).resets, 1);
  vm.powerOff();
  assert.equal((await ended).exitCode, 0);
  vm.destroy();
});
