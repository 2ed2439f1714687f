// The JavaScript API, as README shows it and where it is used wrongly.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { multiboot, OUT_AND_HALT, READ_TSC } from '../guests.ts';
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

/** README's example, as a module beside the package's. */
function example(run: (file: string) => void): void {
  const code = /```js\n([^]*?)```/.exec(readFileSync(join(PKG, 'README.md'), 'utf8'))?.[1];
  assert.ok(code);
  assert.ok(code.trim().split('\n').length <= 12, 'ten lines below the import');
  const file = join(PKG, 'example.tmp.mjs');
  writeFileSync(file, code.replace("'v64'", "'./node.mjs'"));
  try {
    run(file);
  } finally {
    rmSync(file);
  }
}

test("README's example runs, where the guest's files are", { skip: noDebian }, () => {
  example((file) => {
    const options = { encoding: 'utf8', timeout: 150_000, cwd: dirname(KERNEL) } as const;
    const printed = execFileSync(process.execPath, [file], options);
    assert.match(printed, /Linux version/);
    assert.match(printed, /mode: '64-bit/);
    assert.match(printed, /\b[0-9a-f]{16}\n/);
    assert.match(printed, /exit code 0\n$/);
  });
});

test('what is wrong with options and files is said', async () => {
  assert.equal(await code(V64.create({ memory: 'lots' })), 'BAD_OPTION');
  assert.equal(await code(V64.create({ cpu: '6502' })), 'BAD_OPTION');
  assert.equal(await code(V64.create({ memory: '64M', kernel: new Uint8Array(5000) })), 'BAD_KERNEL');
  assert.equal(await code(V64.create({ kernel: '/nowhere/at/all' })), 'SOURCE');
  assert.equal(await code(V64.create({ kernel: new Response('gone', { status: 404 }) })), 'SOURCE');
  assert.equal(await code(V64.create({ memory: '60G' })), 'NO_MEMORY');
  for (const memory of ['0', '100G']) assert.equal(await code(V64.create({ memory })), 'BAD_OPTION', memory);
});

test('a file that is gone half-way is told, wherever it comes from', async () => {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-length': 5_000_000 });
    response.write(new Uint8Array(100_000), () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/vmlinuz`;
  try {
    assert.equal(await code(V64.create({ kernel: url })), 'SOURCE');
    assert.equal(await code(V64.create({ kernel: await fetch(url) })), 'SOURCE');
  } finally {
    server.close();
  }
});

test('every kind of source is taken', async () => {
  const file = join(PKG, 'kernel.tmp');
  const bytes = multiboot(OUT_AND_HALT);
  writeFileSync(file, bytes);
  const server = createServer((_, response) => response.end(bytes));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/kernel`;
  try {
    const buffer = new Uint8Array(bytes).buffer;
    // Of a view, what it shows; of v86's forms, what they hold.
    const view = new DataView(new Uint8Array([1, ...bytes, 2]).buffer, 1, bytes.length);
    const data = new URL(`data:application/octet-stream;base64,${Buffer.from(bytes).toString('base64')}`);
    const plain = [bytes, buffer, view, new Blob([bytes]), new File([bytes], 'kernel'), new Response(bytes)];
    const named = [new URL(url), url, pathToFileURL(file), pathToFileURL(file).href, file, data];
    const wrapped = [{ url }, { url: new URL(url) }, { buffer }, { buffer: bytes }, { buffer: new Blob([bytes]) }];
    for (const kernel of [...plain, ...named, ...wrapped]) {
      const vm = await V64.create({ memory: '16M', kernel, debugExit: 0xf4 });
      assert.equal((await vm.run()).exitCode, (42 << 1) | 1);
      vm.destroy();
    }
  } finally {
    server.close();
    rmSync(file);
  }
});

test('a guest that asks for the time all the time seldom makes JavaScript tell it', async () => {
  for (const engine of ['interp', 'jit'] as const) {
    const vm = await V64.create({ memory: '16M', kernel: multiboot(READ_TSC), debugExit: 0xf4, engine });
    assert.equal((await vm.run()).exitCode, (1 << 1) | 1, 'time advanced every time');
    const { hostCalls, instructions } = await vm.stats();
    assert.ok(instructions > 6_000_000 && hostCalls < 100_000, `${hostCalls} calls in ${instructions} instructions`);
    vm.destroy();
  }
});

test('guest code is compiled, unless all of it is to be interpreted', async () => {
  for (const engine of [undefined, 'jit', 'interp'] as const) {
    const wish = engine === undefined ? {} : { engine };
    const vm = await V64.create({ memory: '16M', kernel: multiboot(READ_TSC), debugExit: 0xf4, ...wish });
    await vm.run();
    assert.equal(/^compiled /m.test(await vm.report()), engine !== 'interp', engine);
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
  vm.destroy();
  for (const late of [vm.stats(), vm.stateHash(), vm.run(), vm.pause(), vm.resume(), vm.reset(), vm.powerOff()]) {
    assert.equal(await code(late), 'STATE');
  }
  assert.throws(() => vm.serial.write('x'), { code: 'STATE' });
  const again = await V64.create({ memory: '16M', clock: 'icount', maxInstructions: 50_000 });
  await again.run();
  assert.equal(await again.stateHash(), hash);
  again.destroy();
});

test('pause, resume, reset and power off', async () => {
  const vm = await V64.create({ memory: 64 << 20 });
  const ended = vm.run();
  await vm.waitFor('> ');
  await vm.pause();
  const paused = (await vm.stats()).instructions;
  await new Promise((resolve) => setTimeout(resolve, 50));
  const { instructions, ramBytes } = await vm.stats();
  assert.equal(instructions, paused);
  assert.equal(ramBytes, 64 << 20);
  await vm.reset();
  await vm.resume();
  await vm.waitFor('checks passed');
  assert.equal((await vm.stats()).resets, 1);
  await vm.powerOff();
  assert.equal((await ended).exitCode, 0);
  vm.destroy();
});

test('a machine ends with the block that it belongs to', async () => {
  let kept: Awaited<ReturnType<typeof V64.create>> | undefined;
  {
    await using vm = await V64.create({ memory: '16M' });
    kept = vm;
    assert.deepEqual(await vm.readMemory(1 << 30, 2), new Uint8Array([255, 255]));
    await assert.rejects(vm.readMemory(-1, 2), { code: 'BAD_OPTION' });
  }
  await assert.rejects(kept.stats(), { code: 'STATE' });
});
