// Saved states in the page: kept by the browser over a reload, as files, and what is said of those that cannot be used.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
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
