// The command in Node: exit codes, texts, a whole boot.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inNode, INITRD, KERNEL, load, natively, noDebian, noNative } from './harness.ts';

test('bad input ends with 2 and one line', async () => {
  for (const args of [['run', '--kernel', '/nowhere'], ['run', '-m', 'much'], ['decode', 'zz'], ['no-such-command']]) {
    const { code, stderr } = await inNode(...args);
    assert.equal(code, 2, args.join(' '));
    assert.match(stderr, /\S/);
  }
});

test('decode prints what the native command prints', { skip: noNative }, async () => {
  const args = ['decode', '--mode', '32', '0f', 'a2', 'c8 10 00 01'];
  assert.deepEqual(await inNode(...args), await natively(...args));
});

test('Debian boots to a shell that answers, and powers off', { skip: noDebian }, async () => {
  const { V64 } = await load();
  let text = '';
  const onSerial = (bytes: Uint8Array): void => void (text += new TextDecoder().decode(bytes));
  const until = async (what: RegExp): Promise<void> => {
    const end = Date.now() + 150_000;
    while (!what.test(text)) {
      assert.ok(Date.now() < end, `no ${what} in:\n${text.slice(-2000)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const vm = await V64.create({ memory: '512M', kernel: KERNEL, initrd: INITRD, append: 'console=ttyS0', onSerial });
  try {
    const ended = vm.run();
    await until(/# /);
    vm.serial.write('uname -m\n');
    await until(/x86_64/);
    const { hostCalls, instructions } = await vm.stats();
    // The border is crossed seldom: for the time, not for work.
    assert.ok(hostCalls < instructions / 10_000, `${hostCalls} calls in ${instructions} instructions`);
    vm.serial.write('exit\n');
    assert.equal((await ended).exitCode, 0);
  } finally {
    vm.destroy();
  }
});

test('Debian finds four processors, and compiled code runs on all of them', { skip: noDebian }, async () => {
  const commands = 'echo $(nproc) processors; grep LOC: /proc/interrupts';
  const append = `console=ttyS0 v64.run="${commands}"`;
  const machine = ['run', '-m', '256M', '-smp', '4', '--stats'];
  const { code, stdout, stderr } = await inNode(...machine, '--kernel', KERNEL, '--initrd', INITRD, '--append', append);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /smp: Brought up 1 node, 4 CPUs/);
  assert.match(stdout, /\n4 processors\r\n/);
  assert.match(stdout, /LOC:( +[1-9]\d*){4} /, 'each takes its timer\u2019s interrupts');
  const retired = /^by processor +(.*)$/m.exec(stderr)?.[1]?.split(', ').map(Number) ?? [];
  assert.equal(retired.length, 4, stderr);
  assert.equal(retired.reduce((sum, n) => sum + n, 0), Number(/^instructions +(\d+)$/m.exec(stderr)?.[1]));
  // Which of them does how much is the guest's choice: of no one alone it would be so much.
  const share = Number(/^compiled +([0-9.]+) %/m.exec(stderr)?.[1]);
  const most = (100 * Math.max(...retired)) / retired.reduce((sum, n) => sum + n, 0);
  assert.ok(share > 75 && share > most, stderr);
});
