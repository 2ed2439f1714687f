// Drives: a guest of one sector reads, changes and reads again what is on its disk, wherever that is.
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { bootDisk, COUNTER, imageServer } from '../images.ts';
import { inNode, load } from './harness.ts';

const { V64 } = await load();
type Options = NonNullable<Parameters<typeof V64.create>[0]>;

const folder = mkdtempSync(join(tmpdir(), 'v64-disks-'));
after(() => rmSync(folder, { recursive: true }));
const DISK = bootDisk('Text of the disk');
const path = join(folder, 'disk.img');
writeFileSync(path, DISK);

/** What the guest prints of a text: all of it, and its first letter's successor. */
const printed = (text: string): string => text + String.fromCharCode(text.charCodeAt(0) + 1);

/** Runs the guest to its end. */
async function boot(options: Options): Promise<{ code: number; text: string; hash: string; errors: string[] }> {
  const bytes: number[] = [];
  const vm = await V64.create({ memory: '16M', debugExit: 0xf4, boot: 'c', ...options, onSerial: (part) => bytes.push(...part) });
  const errors: string[] = [];
  vm.on('diskError', ({ message }) => errors.push(message));
  try {
    const { exitCode } = await vm.run();
    return { code: exitCode, text: String.fromCharCode(...bytes), hash: await vm.stateHash(), errors };
  } finally {
    vm.destroy();
  }
}

async function boots(options: Options, text = 'Text of the disk'): Promise<void> {
  const { code, text: said, errors } = await boot(options);
  assert.deepEqual({ code, said, errors }, { code: 43, said: printed(text), errors: [] });
}

test('a disk is bytes, a Blob, a file or an address, and stays as it is', async () => {
  await boots({ hda: DISK });
  await boots({ hda: { buffer: DISK.buffer } });
  await boots({ hda: new Blob([DISK]) });
  await boots({ hda: path });
  await boots({ drives: [{ url: path, index: 0, id: 'first' }] });
  await using server = await imageServer(DISK);
  const progress: string[] = [];
  await boots({ hda: { url: server.url }, onProgress: ({ name }) => progress.push(name) });
  assert.ok(progress.includes(server.url), String(progress));
  assert.ok(server.ranges.length > 0);
  await boots({ hda: { url: server.url, async: false } });
  assert.deepEqual(readFileSync(path), Buffer.from(DISK));
});

test('what the guest writes goes to the file where that is wanted, or to one of its own', async () => {
  const own = join(folder, 'own.img');
  copyFileSync(path, own);
  await boots({ hda: own, snapshot: false });
  assert.equal(readFileSync(own)[COUNTER], DISK[COUNTER]! + 1);
  await boots({ hda: { url: own, snapshot: false } }, 'Uext of the disk');
  const persist = join(folder, 'changes');
  await boots({ hda: { url: path, persist } });
  await boots({ hda: { url: path, persist } }, 'Uext of the disk');
  await boots({ hda: { buffer: DISK, persist } }, 'Vext of the disk');
  await using server = await imageServer(DISK);
  await boots({ hda: { url: server.url, persist } }, 'Wext of the disk');
  assert.ok(existsSync(persist));
  assert.deepEqual(readFileSync(path), Buffer.from(DISK));
});

test('a disk that is only read refuses writes, and a file that is cut off is an error of the drive', async () => {
  const { code, text, errors } = await boot({ hda: { buffer: DISK, readOnly: true } });
  assert.deepEqual([code, text, errors], [1, 'Text of the disk', []]);
  const cut = join(folder, 'cut.img');
  copyFileSync(path, cut);
  const vm = await V64.create({ memory: '16M', debugExit: 0xf4, hda: cut });
  const said: string[] = [];
  vm.on('diskError', ({ name, message }) => said.push(`${name} ${message}`));
  truncateSync(cut, 512);
  try {
    assert.equal((await vm.run()).exitCode, 1);
    assert.match(said[0] ?? '', /cut\.img .*cut\.img: \d+ bytes are missing; something has cut the file off/);
  } finally {
    vm.destroy();
  }
});

test('runs whose time is made of instructions repeat, however long the host takes', async () => {
  await using server = await imageServer(DISK);
  const first = await boot({ hda: { url: server.url }, clock: 'icount' });
  assert.equal(first.code, 43);
  assert.deepEqual(await boot({ hda: { url: server.url }, clock: 'icount' }), first);
  assert.deepEqual(await boot({ hda: new Blob([DISK]), clock: 'icount' }), first);
});

test('the command has drives as the native one has', async () => {
  const own = join(folder, 'command.img');
  copyFileSync(path, own);
  const run = ['run', '-m', '16M', '-nographic', '-debug-exit', '0xf4', '-no-reboot', '-boot', 'c'];
  const kept = await inNode(...run, '-snapshot', '-hda', own);
  assert.deepEqual([kept.code, kept.stdout, kept.stderr], [43, printed('Text of the disk'), '']);
  assert.deepEqual(readFileSync(own), Buffer.from(DISK));
  const written = await inNode(...run, '-drive', `file=${own},format=raw`);
  assert.deepEqual([written.code, written.stdout], [43, printed('Text of the disk')]);
  assert.equal(readFileSync(own)[COUNTER], DISK[COUNTER]! + 1);
  const [serial, debug] = [join(folder, 'serial'), join(folder, 'debug')];
  const files = ['-serial', `file:${serial}`, '-chardev', `file,id=d,path=${debug}`, '-device', 'isa-debugcon,iobase=0x402,chardev=d'];
  await inNode(...run, '-snapshot', '-hda', path, ...files);
  assert.equal(readFileSync(serial, 'latin1'), printed('Text of the disk'));
  assert.match(readFileSync(debug, 'latin1'), /SeaBIOS \(version[^]*Booting from Hard Disk/);
  for (const [args, message] of [
    [['-hda', '/nowhere/disk.img'], /^v64: cannot open \/nowhere\/disk\.img: no such file or directory\n$/],
    [['-hda', 'http://127.0.0.1:1/disk.img'], /^v64: http:.* can only be read; give -snapshot or readonly=on/],
    [['-drive', `file=${own},format=vmdk`], /^v64: .*not a vmdk image; it looks like raw\n$/],
  ] as const) {
    const { code, stderr } = await inNode(...run, ...args);
    assert.equal(code, 2);
    assert.match(stderr, message);
  }
});
