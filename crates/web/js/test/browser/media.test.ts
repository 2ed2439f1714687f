// Media that are changed in the page while the machine runs, and the order in which firmware tries drives.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { bootDisk } from '../images.ts';
import { chromiumBench, screenshot, waitFor, waitForState } from './harness.ts';

const bench = chromiumBench();
const CD = 'ide1-cd0';

type Drive = { id: string; medium: { name: string; size: number } | null };
type Held = { v64: { bench: { vm: { drives(): Promise<Drive[]>; qmp(command: string, args?: object): Promise<unknown> } } } };

/** What the machine says is in a drive. */
async function inDrive(page: Page, id: string): Promise<Drive['medium'] | undefined> {
  const drives = await page.evaluate(() => (globalThis as unknown as Held).v64.bench.vm.drives());
  return drives.find((drive) => drive.id === id)?.medium;
}

const shows = (page: Page, id: string, wanted: string): Promise<unknown> =>
  page.waitForFunction(
    ([id, wanted]) => document.querySelector(`[data-drive="${id}"] .drive-medium`)?.textContent === wanted,
    [id, wanted] as const,
    { timeout: 120_000 },
  );

test('a CD and a floppy are put in and taken out while the machine runs', async () => {
  const { page, complaints, close } = await bench.open({ colorScheme: 'dark' });
  await page.goto(`${bench.url}?guest=seabios`);
  await waitForState(page, 'running', 120);
  await page.waitForSelector('#media', { state: 'visible', timeout: 120_000 });
  assert.match((await page.textContent('#drives')) ?? '', /CDempty.*Floppy Aempty/);
  const file = (name: string, bytes: number): { name: string; mimeType: string; buffer: Buffer } => ({ name, mimeType: '', buffer: Buffer.alloc(bytes) });
  await page.setInputFiles(`[data-drive="${CD}"] input`, file('rescue.iso', 64 * 2048));
  await shows(page, CD, 'rescue.iso');
  assert.equal((await inDrive(page, CD))?.size, 64 * 2048);
  await page.setInputFiles('[data-drive="floppy0"] input', file('disk 1 of 2.img', 1440 << 10));
  await shows(page, 'floppy0', 'disk 1 of 2.img');
  await screenshot(page, 'media');
  // Another in its place, without an eject in between.
  await page.setInputFiles('[data-drive="floppy0"] input', file('disk 2 of 2.img', 1440 << 10));
  await shows(page, 'floppy0', 'disk 2 of 2.img');
  await page.click('[data-drive="floppy0"] button:has-text("Eject")');
  await page.waitForFunction(() => document.querySelector('[data-drive="floppy0"] .drive-medium')?.textContent !== 'disk 2 of 2.img');
  assert.equal(await inDrive(page, 'floppy0'), null);
  // What the monitor does is seen as well.
  await page.evaluate((id) => (globalThis as unknown as Held).v64.bench.vm.qmp('eject', { id }), CD);
  await page.waitForFunction((id) => document.querySelector(`[data-drive="${id}"] .drive-medium`)?.textContent !== 'rescue.iso', CD);
  // No drive takes what is no image: the reason is shown, and the machine goes on.
  await page.setInputFiles('[data-drive="floppy0"] input', file('empty.img', 0));
  await page.waitForSelector('#media-error', { state: 'visible', timeout: 120_000 });
  await waitForState(page, 'running', 120);
  await page.click('#power');
  await page.waitForSelector('#media', { state: 'hidden' });
  assert.deepEqual(complaints, []);
  await close();
});

test('the boot order says which of two media boots', async () => {
  const { page, close } = await bench.open();
  const file = (name: string, text: string, bytes?: number): { name: string; mimeType: string; buffer: Buffer } => ({
    name, mimeType: '', buffer: Buffer.from(bootDisk(text, bytes)),
  });
  for (const [order, wanted] of [['cda', 'Of the disk'], ['adc', 'Of the floppy']] as const) {
    await page.click('#own');
    await page.setInputFiles('#hda', file('disk.img', 'Of the disk'));
    await page.setInputFiles('#fda', file('floppy.img', 'Of the floppy', 1440 << 10));
    await page.waitForFunction(() => document.getElementById('fda-name')?.textContent?.startsWith('floppy.img'));
    await page.selectOption('#boot-order', order);
    await page.fill('#size-field', '16M');
    await screenshot(page, 'boot-order');
    await page.click('#files-boot');
    await waitFor(page, wanted, 120);
  }
  await close();
});

test('names on keys are shown as they are', async () => {
  const { page, close } = await bench.open();
  const shown = await page.$$eval('button', (all) => all.map((key) => getComputedStyle(key.querySelector('b') ?? key).textTransform));
  assert.deepEqual([...new Set(shown)], ['none']);
  assert.match(await page.innerText('[data-guest="ipxe"]'), /^iPXE/);
  await close();
});
