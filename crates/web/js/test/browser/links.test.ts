// Links that name a machine, and files that a server has to make first.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { multiboot, OUT_AND_HALT } from '../guests.ts';
import { bootDisk } from '../images.ts';
import { chromiumBench, waitFor, waitForState } from './harness.ts';

const bench = chromiumBench();

type Held = { v64: { bench: { parts: { append?: string; hda?: { url: URL } }; guest: { memory: number } } } };

/** Serves a file beside the page, with ranges of bytes; `later` are answers of 202 that come first. */
async function offer(page: Page, path: string, bytes: Uint8Array, later: string[] = []): Promise<void> {
  await page.route(`**/${path}`, async (route) => {
    const request = route.request();
    const doing = request.headers()['prefer'] === 'respond-async' ? later.shift() : undefined;
    if (doing !== undefined) return route.fulfill({ status: 202, contentType: 'text/plain', body: doing });
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers()['range'] ?? '');
    if (!range) return route.fulfill({ body: Buffer.from(bytes) });
    const from = Number(range[1]);
    const to = Math.min(Number(range[2] || bytes.length - 1), bytes.length - 1);
    const headers = { 'Content-Range': `bytes ${from}-${to}/${bytes.length}` };
    return route.fulfill({ status: 206, headers, body: Buffer.from(bytes.subarray(from, to + 1)) });
  });
}

test('a kernel, its initrd and its command line', async () => {
  const { page, complaints, close } = await bench.open();
  await offer(page, 'own.elf', multiboot(OUT_AND_HALT));
  await offer(page, 'own.cpio', new Uint8Array(512));
  await page.goto(`${bench.url}?kernel=own.elf&initrd=own.cpio&append=one%20two&m=32M&vga=none`);
  // The guest may have ended by the time that one looks.
  await page.waitForSelector('#state:is([data-state="running"], [data-state="ended"])', { timeout: 60_000 });
  assert.equal(await page.textContent('#guest-name'), 'own.elf');
  const made = await page.evaluate(() => {
    const { parts, guest } = (globalThis as unknown as Held).v64.bench;
    return [parts.append, guest.memory];
  });
  assert.deepEqual(made, ['one two', 32 * 2 ** 20]);
  assert.deepEqual(complaints, []);
  await close();
});

test('a disk at an address boots by firmware', async () => {
  const { page, close } = await bench.open();
  await offer(page, 'own.img', bootDisk('Of the link'));
  await page.goto(`${bench.url}?hda=own.img&m=16M`);
  await waitFor(page, 'Of the link', 120);
  await close();
});

test('a link that names what cannot be starts nothing, and says why', async () => {
  const { page, close } = await bench.open();
  await page.goto(`${bench.url}?initrd=own.cpio`);
  assert.match((await page.textContent('#link-error')) ?? '', /an initrd, and no kernel/);
  assert.equal(await page.textContent('#state-text'), 'Off');
  // What is not on the server is an error of the page, with its address.
  await page.goto(`${bench.url}?kernel=nothing.elf`);
  await waitForState(page, 'failed');
  assert.match((await page.textContent('#fault-text')) ?? '', /does not have the kernel at \/nothing\.elf/);
  await close();
});

test('a guest that the server makes first: it says what it does, and then boots', async () => {
  const { page, close } = await bench.open();
  await offer(page, 'guests/debian/disk.img', bootDisk('Made at last'), ['installing essential packages', 'making the file system']);
  await page.click('[data-guest="debian-disk"]');
  await page.waitForFunction(() => document.getElementById('cover-text')?.textContent === 'Making the file system.');
  assert.equal(await page.textContent('#cover-title'), 'This server gets the Debian disk first');
  await waitFor(page, 'Made at last', 120);
  await close();
});

test('a guest that the server cannot make: its reason is shown', async () => {
  const { page, close } = await bench.open();
  const why = 'making Debian’s disk needs mmdebstrap: run `apt-get install mmdebstrap` as root';
  await page.route('**/guests/debian/disk.img', (route) => route.fulfill({ status: 503, contentType: 'text/plain; charset=utf-8', body: why }));
  await page.goto(`${bench.url}?guest=debian-disk`);
  await waitForState(page, 'failed');
  assert.ok(((await page.textContent('#fault-text')) ?? '').includes(why));
  await close();
});
