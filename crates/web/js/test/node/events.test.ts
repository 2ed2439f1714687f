// What a machine says of itself: waitFor(), isRunning and the events.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { multiboot, SPIN } from '../guests.ts';
import { load, PKG } from './harness.ts';

const { V64 } = await load();

test('waitFor() returns the output up to a text, and each looks behind the last', async () => {
  const vm = await V64.create({ memory: '16M' });
  const ended = vm.run();
  const first = await vm.waitFor('checks passed');
  assert.match(first, /v64 demo guest[^]*checks passed$/);
  await vm.waitFor(/> $/);
  vm.serial.write('echo one\r');
  // What is typed comes back, and then what it does.
  assert.match(await vm.waitFor(/\none/g), /^echo one\r?\none$/);
  const both = Promise.all([vm.waitFor('two'), vm.waitFor(/t[a-z]+o/y)]);
  vm.serial.write('echo two\r');
  await both;
  await assert.rejects(vm.waitFor('what never comes', { timeout: 50 }), (error: Error & { code: string; details: string }) => {
    assert.equal(error.code, 'TIMEOUT');
    assert.match(error.message, /COM1 did not print "what never comes" within 50 ms/);
    assert.match(error.details, /COM1 said last:\n[^]*two/);
    return true;
  });
  const late = assert.rejects(vm.waitFor('what never comes'), { code: 'STATE', message: /will not: the machine has ended/ });
  await vm.powerOff();
  await ended;
  await late;
  await assert.rejects(vm.waitFor(/neither/), { code: 'STATE', message: /COM1 did not print \/neither\// });
  vm.destroy();
});

test('events come in order, and isRunning is as they say', async () => {
  const vm = await V64.create({ memory: '16M', kernel: multiboot(SPIN) });
  const said: string[] = [];
  for (const name of ['start', 'stop', 'reset', 'exit', 'error'] as const) {
    vm.on(name, ({ type }) => said.push(`${type}${vm.isRunning ? ' running' : ''}`));
  }
  vm.once('start', () => said.push('once'));
  const never = (): void => assert.fail('a listener that was removed');
  vm.on('exit', never).off('exit', never);
  vm.addEventListener('stop', never);
  vm.removeEventListener('stop', never);
  vm.addEventListener('reset', () => said.push('one reset'), { once: true });
  let code = -1;
  vm.on('exit', ({ exitCode }) => (code = exitCode));

  assert.equal(vm.isRunning, false);
  const ended = vm.run();
  assert.equal(vm.isRunning, true);
  await vm.pause();
  assert.equal(vm.isRunning, false);
  await vm.resume();
  await vm.resume();
  // Going on before it stood is no event.
  const paused = vm.pause();
  await vm.resume();
  await paused;
  await vm.reset();
  await vm.reset();
  await vm.powerOff();
  await ended;
  const wanted = ['start running', 'once', 'stop', 'start running', 'reset running', 'one reset', 'reset running', 'stop', 'exit'];
  assert.deepEqual(said, wanted);
  assert.equal(code, 0);
  await vm.resume();
  vm.destroy();
  assert.deepEqual(said, wanted);
  assert.equal(vm.isRunning, false);
});

test('a listener that throws stops neither the machine nor another listener', () => {
  // In a process of its own: the error is an uncaught one, as an EventTarget's would be.
  const script = `
    import { V64 } from ${JSON.stringify(pathToFileURL(join(PKG, 'node.mjs')).href)};
    process.on('uncaughtException', (error) => console.log('uncaught', error.message));
    const vm = await V64.create({ memory: '16M', clock: 'icount', maxInstructions: 1000 });
    vm.on('exit', () => { throw new Error('as meant'); });
    vm.on('exit', ({ exitCode }) => console.log('exit', exitCode));
    await vm.run();
    vm.destroy();`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
  assert.deepEqual(stdout.trim().split('\n').toSorted(), ['exit 3', 'uncaught as meant'], stderr);
});

test('a machine that is destroyed stops, and waits end', async () => {
  const vm = await V64.create({ memory: '16M', kernel: multiboot(SPIN) });
  const said: string[] = [];
  vm.on('stop', ({ type }) => said.push(type)).on('exit', ({ type }) => said.push(type));
  const ended = assert.rejects(vm.run(), { code: 'STATE' });
  const wait = assert.rejects(vm.waitFor('never'), { code: 'STATE', message: /destroyed/ });
  vm.destroy();
  await ended;
  await wait;
  assert.deepEqual(said, ['stop']);
});
