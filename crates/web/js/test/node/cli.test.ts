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
