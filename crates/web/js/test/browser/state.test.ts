// Saved states in the page: kept by the browser over a reload, as files, and what is said of those that cannot be used.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { countingDisk } from '../images.ts';
import { boot, chromiumBench, screenshot, text, type, waitFor, waitForState } from './harness.ts';

const READY = /all \d+ checks passed[\s\S]*\n> ?$/;

const bench = chromiumBench();

/** Waits for what is said of saved states. */
async function says(page: Page, id: '#saved-note' | '#saved-error', words: RegExp): Promise<void> {
  const there = ({ id, source }: { id: string; source: string }) =>
    new RegExp(source).test(document.querySelector(`${id}:not([hidden])`)?.textContent ?? '');
  await page.waitForFunction(there, { id, source: words.source });
}

function disabled(page: Page): Promise<string[]> {
  return page.$$eval('.saved button:disabled', (keys) => keys.map((key) => key.id));
}

/** Opens a file as a person does who chose it. */
async function openFile(page: Page, name: string, buffer: Buffer): Promise<void> {
  await page.setInputFiles('#state-file', { name, mimeType: 'application/octet-stream', buffer });
}

/** Saves the machine by the key that downloads its state. */
async function download(page: Page): Promise<{ name: string; bytes: Buffer }> {
  const [file] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
  return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
}

test('a machine that was saved goes on after a reload of the page', async () => {
  const { page, complaints, close } = await bench.open();
  assert.deepEqual(await disabled(page), ['save', 'restore', 'download']);
  await says(page, '#saved-note', /^Nothing is saved/);
  await boot(page, 'demo');
  await waitFor(page, READY);
  await type(page, 'echo before the save');
  await waitFor(page, '\nbefore the save');
  await page.click('#save');
  await says(page, '#saved-note', /^Self-test with 512 MiB, .*\(.* [KM]iB\)$/);
  assert.equal((await disabled(page)).length, 0);
  await type(page, 'echo behind the save');
  await waitFor(page, '\nbehind the save');
  await screenshot(page, 'state-saved');

  // In place of what runs
  await page.click('#restore');
  await waitFor(page, (now) => now.includes('before the save') && !now.includes('behind the save'));
  await type(page, 'echo on it goes');
  await waitFor(page, '\non it goes');

  await page.reload();
  await says(page, '#saved-note', /^Self-test with 512 MiB/);
  assert.deepEqual(await disabled(page), ['save', 'download']);
  await page.click('#restore');
  await waitForState(page, 'running');
  assert.match(await text(page), /checks passed[^]*\nbefore the save/);
  assert.equal(await page.textContent('#guest-name'), 'Self-test');
  assert.equal(await page.isVisible('#chooser'), false);
  await type(page, 'echo a new page');
  await waitFor(page, '\na new page');
  await page.click('#power');
  await waitForState(page, 'ended');
  // From the state once more
  await page.click('#start-stop');
  await waitForState(page, 'running');
  await type(page, 'echo again');
  await waitFor(page, '\nagain');
  assert.deepEqual(complaints, []);
  await close();
});

test('a state moves as a file, chosen or dropped, with the machine that it is of', async () => {
  const { page, complaints, close } = await bench.open();
  await boot(page, 'demo');
  await waitFor(page, READY);
  await type(page, 'echo saved');
  await waitFor(page, '\nsaved');
  await page.click('#start-stop');
  await waitForState(page, 'paused');
  const { name, bytes } = await download(page);
  assert.match(name, /^self-test\.v64state$/);
  await says(page, '#saved-note', /^Downloaded self-test\.v64state/);
  await close();

  const other = await bench.open();
  await openFile(other.page, name, bytes);
  await waitForState(other.page, 'running');
  assert.match(await text(other.page), /self-test\.v64state: the machine goes on\./);
  await type(other.page, 'echo in another tab');
  await waitFor(other.page, '\nin another tab');
  await other.page.waitForFunction(() => document.getElementById('memory')?.textContent === '512 MiB');
  await other.page.click('#reset');
  await waitFor(other.page, READY);

  // Dropped, and as the kernel of the panel
  await other.page.evaluate((bytes) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([Uint8Array.from(atob(bytes), (char) => char.charCodeAt(0))], 'dropped.v64state'));
    dispatchEvent(new DragEvent('drop', { dataTransfer, cancelable: true }));
  }, bytes.toString('base64'));
  await waitFor(other.page, 'dropped.v64state: the machine goes on.');
  await other.page.click('#own');
  await other.page.setInputFiles('#kernel', { name, mimeType: '', buffer: bytes });
  await other.page.waitForFunction(() => /is a saved state of v64/.test(document.getElementById('files-error')?.textContent ?? ''));
  assert.deepEqual([...complaints, ...other.complaints], []);
  await other.close();
});

test('a file that cannot be used is one line, and the machine goes on', async () => {
  const { page, complaints, close } = await bench.open();
  await boot(page, 'demo');
  await waitFor(page, READY);
  const { bytes } = await download(page);
  const version = Buffer.from(bytes);
  version.writeUInt32LE(version.readUInt32LE(8) + 1, 8);
  const damaged = Buffer.from(bytes);
  damaged.writeUInt8(damaged.readUInt8(200) ^ 1, 200);
  for (const [name, content, words] of [
    ['notes.txt', Buffer.from('nothing of the kind'), /^notes\.txt is no saved state of v64\.$/],
    ['disk.qcow2', Buffer.from('QFI\xfb'.padEnd(600, '\0'), 'latin1'), /^disk\.qcow2 is a disk image \(qcow2\), and no saved state of v64\.$/],
    ['cut', bytes.subarray(0, 999), /^cut: the saved state is incomplete/],
    ['damaged', damaged, /^damaged: .*damaged/],
    ['later', version, /^later: .*version/],
  ] as const) {
    await openFile(page, name, content);
    await says(page, '#saved-error', words);
    assert.doesNotMatch((await page.textContent('#saved-error')) ?? '', /\n| -m\b|--\w/);
  }
  await screenshot(page, 'state-refused');
  await type(page, 'echo not disturbed');
  await waitFor(page, '\nnot disturbed');
  await page.click('#save');
  await page.waitForSelector('#saved-error', { state: 'hidden' });
  assert.deepEqual(complaints, []);
  await close();
});

test('a browser that keeps nothing says so, and what helps', async () => {
  const { page, close } = await bench.open();
  await boot(page, 'demo');
  await waitFor(page, READY);
  for (const [name, words] of [['QuotaExceededError', /^This browser has no room for .*B; download the state\.$/], ['UnknownError', /keeps nothing for this page; download/]] as const) {
    await page.evaluate((name) => {
      IDBObjectStore.prototype.put = () => {
        throw new DOMException('as meant', name);
      };
    }, name);
    await page.click('#save');
    await says(page, '#saved-error', words);
  }
  await says(page, '#saved-note', /^Nothing is saved/);
  await close();
});

type Held = {
  v64: { bench: { vm: { serial: { write(text: string): void }; screen: { text(): Promise<string> }; drives(): Promise<{ id: string; medium: { size: number } | null }[]>; audio?: object } } };
};

const DISK = { name: 'counting.img', mimeType: '', buffer: Buffer.from(countingDisk('A', 'z')) };
const FLOPPY = { name: 'later.img', mimeType: '', buffer: Buffer.alloc(1440 << 10) };

/** Has the guest of the disk read and count, and waits for what it prints then, as the last on COM1. */
async function count(page: Page, wanted: string): Promise<void> {
  await page.evaluate(() => (globalThis as unknown as Held).v64.bench.vm.serial.write('x'));
  await waitFor(page, (now) => now.trimEnd().endsWith(wanted), 120);
}

/** Checks that drives, screen and sound card are those that the machine had. */
async function isWhole(page: Page, shown: RegExp): Promise<void> {
  const [drives, text, audio] = await page.evaluate(async () => {
    const { vm } = (globalThis as unknown as Held).v64.bench;
    return [await vm.drives(), await vm.screen.text(), vm.audio !== undefined] as const;
  });
  const filled = drives.flatMap(({ id, medium }) => (medium ? [`${id}: ${medium.size}`] : []));
  assert.deepEqual(filled.sort(), [`floppy0: ${1440 << 10}`, `ide0-hd0: ${1 << 20}`]);
  await page.waitForFunction(() => document.querySelector('[data-drive="floppy0"] .drive-medium')?.textContent === 'later.img');
  assert.match(text, shown);
  assert.equal(audio, true);
  await page.waitForSelector('#picture', { state: 'visible' });
}

test('a machine with a disk and a screen comes back with both, and asks for files that are not known', async () => {
  const { page, complaints, close } = await bench.open();
  await page.click('#own');
  await page.setInputFiles('#hda', DISK);
  await page.waitForFunction(() => document.getElementById('hda-name')?.textContent?.startsWith('counting.img'));
  await page.fill('#size-field', '16M');
  await page.click('#files-boot');
  await waitFor(page, /R\s*$/, 120);
  await page.setInputFiles('[data-drive="floppy0"] input', FLOPPY);
  await page.waitForFunction(() => document.querySelector('[data-drive="floppy0"] .drive-medium')?.textContent === 'later.img');
  await count(page, 'RAz');
  await page.click('#save');
  await says(page, '#saved-note', /^counting\.img with 16 MiB/);
  const { name, bytes } = await download(page);
  assert.equal(name, 'counting.img.v64state');
  await count(page, 'RAzBz');

  // The same page knows the files, also those that were put in later. What was written goes back as well.
  await page.click('#restore');
  await waitFor(page, (now) => now.trimEnd().endsWith('RAz'));
  await count(page, 'RAzBz');
  await isWhole(page, /RAzBz/);
  await page.waitForSelector('#missing', { state: 'hidden' });

  // A new page has those that the browser has kept with the state.
  await page.reload();
  await says(page, '#saved-note', /^counting\.img with 16 MiB/);
  await page.click('#restore');
  await waitForState(page, 'running');
  await count(page, 'RAzBz');
  await isWhole(page, /RAzBz/);
  assert.equal(await page.textContent('#guest-name'), 'counting.img');
  await close();

  // Another browser has nothing but the state, and asks for exactly these files.
  const other = await bench.open();
  await openFile(other.page, name, bytes);
  await other.page.waitForSelector('#missing[open]');
  const asked = await other.page.$$eval('#missing-files .field', (rows) => rows.map((row) => row.textContent));
  assert.deepEqual(asked, ['Hard diskchoose counting.img, 1 MiB', 'Floppychoose later.img, 1.4 MiB']);
  await screenshot(other.page, 'state-missing');
  assert.equal(await other.page.isDisabled('#missing-restore'), true);
  await other.page.click('#missing-cancel');
  await other.page.waitForSelector('#missing', { state: 'hidden' });
  assert.equal(await other.page.textContent('#state-text'), 'Off');
  await openFile(other.page, name, bytes);
  await other.page.waitForSelector('#missing[open]');
  await other.page.setInputFiles('#missing-0', { ...DISK, buffer: Buffer.alloc(3) });
  await other.page.waitForFunction(() => /has 3 bytes, and counting\.img had 1048576/.test(document.getElementById('missing-error')?.textContent ?? ''));
  await other.page.setInputFiles('#missing-0', DISK);
  await other.page.setInputFiles('#missing-1', FLOPPY);
  await other.page.click('#missing-restore');
  await waitForState(other.page, 'running');
  await count(other.page, 'Bz');
  await isWhole(other.page, /RAzBz/);
  await screenshot(other.page, 'state-restored');
  assert.deepEqual([...complaints, ...other.complaints], []);
  await other.close();
});

test('a kernel that firmware started comes back with its screen', async () => {
  const { page, complaints, close } = await bench.open();
  await page.goto(`${bench.url}?guest=invaders`);
  await page.waitForSelector('#picture', { state: 'visible', timeout: 120_000 });
  await page.click('#save');
  await says(page, '#saved-note', /^Invaders with 64 MiB/);
  await page.reload();
  await says(page, '#saved-note', /^Invaders with 64 MiB/);
  await page.click('#power');
  await page.click('#restore');
  await waitForState(page, 'running');
  await page.waitForSelector('#picture', { state: 'visible', timeout: 120_000 });
  assert.deepEqual(complaints, []);
  await close();
});
