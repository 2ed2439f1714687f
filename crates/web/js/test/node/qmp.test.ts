// The monitor: commands of QMP and of the human monitor, media that are changed, and the command's sockets.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { load, PKG } from './harness.ts';

const { V64 } = await load();
const folder = mkdtempSync(join(tmpdir(), 'v64-qmp-'));
after(() => rmSync(folder, { recursive: true }));

test('commands are those of the native monitor', async () => {
  const vm = await V64.create({ memory: '16M', vga: 'std' });
  const events: string[] = [];
  vm.on('qmp', ({ event }) => events.push(event.event));
  try {
    const ended = vm.run();
    assert.deepEqual(await vm.qmp('query-status'), { status: 'running', singlestep: false, running: true });
    assert.match(await vm.monitor('info registers'), /EIP=|RIP=/);
    await assert.rejects(vm.qmp('make-coffee'), { code: 'MONITOR', message: 'The command make-coffee has not been found' });
    await assert.rejects(vm.qmp('stop', { now: true }), { code: 'MONITOR', message: "Parameter 'now' is unexpected" });
    // Until firmware has set a mode there is no picture.
    let picture: unknown;
    while (!(picture instanceof Uint8Array)) {
      picture = await vm.qmp('screendump').catch(() => new Promise((resolve) => setTimeout(resolve, 100)));
    }
    assert.equal(new TextDecoder('latin1').decode(picture.subarray(0, 2)), 'P6');
    const png = (await vm.qmp('screendump', { format: 'png' })) as Uint8Array;
    assert.equal(new TextDecoder('latin1').decode(png.subarray(1, 4)), 'PNG');
    const memory = (await vm.qmp('pmemsave', { val: 0xffff0, size: 16 })) as Uint8Array;
    assert.equal(memory.length, 16);
    await vm.qmp('send-key', { keys: [{ type: 'qcode', data: 'ret' }] });
    await vm.qmp('stop');
    assert.deepEqual(await vm.qmp('query-status'), { status: 'paused', singlestep: false, running: false });
    const { instructions } = await vm.stats();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal((await vm.stats()).instructions, instructions);
    await vm.qmp('cont');
    await vm.qmp('system_reset');
    await vm.qmp('quit');
    assert.equal((await ended).exitCode, 0);
    assert.deepEqual(events, ['STOP', 'RESUME', 'RESET', 'SHUTDOWN']);
  } finally {
    vm.destroy();
  }
});

test('media are changed while the machine runs, or before', async () => {
  const vm = await V64.create({ memory: '16M', vga: 'std', fda: new Uint8Array(1440 * 1024) });
  try {
    const medium = async (id: string) => (await vm.drives()).find((drive) => drive.id === id)?.medium;
    assert.deepEqual(await medium('floppy0'), { name: 'fda', size: 1440 * 1024, readOnly: false });
    assert.equal(await medium('ide1-cd0'), null);
    await vm.insert('cdrom', new Blob([new Uint8Array(64 * 1024)]));
    assert.deepEqual(await medium('ide1-cd0'), { name: 'cdrom', size: 64 * 1024, readOnly: true });
    const ended = vm.run();
    await vm.eject('fda');
    assert.equal(await medium('floppy0'), null);
    const path = join(folder, 'other.img');
    writeFileSync(path, new Uint8Array(720 * 1024));
    await vm.insert('fda', path);
    assert.deepEqual(await medium('floppy0'), { name: path, size: 720 * 1024, readOnly: false });
    // As QMP has it, by a path.
    await vm.qmp('blockdev-change-medium', { device: 'ide1-cd0', filename: path });
    assert.deepEqual(await medium('ide1-cd0'), { name: path, size: 720 * 1024, readOnly: true });
    const refused: [() => Promise<unknown>, object][] = [
      [() => vm.eject('hda'), { code: 'MONITOR', message: "Device 'hda' not found" }],
      [() => vm.insert('fda', '/nowhere/x.img'), { code: 'SOURCE', message: /cannot open \/nowhere\/x\.img/ }],
      [() => vm.qmp('blockdev-change-medium', { device: 'floppy0', filename: '/nowhere/x.img' }), { code: 'MONITOR', message: /\/nowhere\/x\.img/ }],
      [() => vm.insert('fda', 5 as never), { code: 'BAD_OPTION' }],
    ];
    for (const [call, error] of refused) await assert.rejects(call, error);
    assert.deepEqual(await medium('floppy0'), { name: path, size: 720 * 1024, readOnly: false });
    await vm.powerOff();
    await ended;
  } finally {
    vm.destroy();
  }
});

test('a download is broken off, and the machine with it', async () => {
  const { signal } = new AbortController();
  const vm = await V64.create({ memory: '16M', signal });
  vm.destroy();
  await assert.rejects(V64.create({ memory: '16M', signal: AbortSignal.abort() }), { name: 'AbortError' });
});

test('the command speaks QMP on a socket', async () => {
  const socket = join(folder, 'qmp');
  const args = ['run', '-m', '16M', '-vga', 'std', '-serial', 'none', '-monitor', 'none', '-qmp', `unix:${socket},server=on,wait=off`];
  const child = spawn(process.execPath, [join(PKG, 'cli.mjs'), ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
  const exited = new Promise<number | null>((resolve) => void child.once('exit', resolve));
  let client = connect(socket);
  const connected = (): Promise<boolean> =>
    new Promise((resolve) => void client.once('connect', () => resolve(true)).once('error', () => resolve(false)));
  while (!(await connected())) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    client = connect(socket);
  }
  const lines = createInterface(client)[Symbol.asyncIterator]();
  const next = async (): Promise<Record<string, unknown>> => JSON.parse((await lines.next()).value as string) as Record<string, unknown>;
  const ask = async (execute: string, args: object = {}): Promise<unknown> => {
    client.write(JSON.stringify({ execute, arguments: args }));
    for (;;) {
      const { event, ...answer } = await next();
      if (event === undefined) return answer['return'] ?? answer['error'];
    }
  };
  assert.ok('QMP' in (await next()));
  assert.deepEqual(await ask('qmp_capabilities'), {});
  assert.match(String(await ask('human-monitor-command', { 'command-line': 'info registers' })), /IP=/);
  const file = join(folder, 'memory');
  assert.deepEqual(await ask('pmemsave', { val: 0xf0000, size: 65536 * 2, filename: file }), {});
  assert.equal(readFileSync(file).length, 131072);
  assert.match(JSON.stringify(await ask('pmemsave', { val: 0, size: 16, filename: '/nowhere/x' })), /Could not open '\/nowhere\/x'/);
  const state = join(folder, 'state');
  assert.equal(await ask('human-monitor-command', { 'command-line': `savevm ${state}` }), '');
  assert.equal(await ask('human-monitor-command', { 'command-line': `loadvm ${state}` }), '');
  assert.match(String(await ask('human-monitor-command', { 'command-line': 'loadvm /nowhere/x' })), /\/nowhere\/x/);
  assert.deepEqual(await ask('quit'), {});
  assert.equal(await exited, 0);
});
