// Drives in Chromium: files, addresses, and changes that survive a reload.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { bootDisk } from '../images.ts';
import { chromiumBench } from './harness.ts';

const bench = chromiumBench();
const DISK = bootDisk('Text of the disk');

/** Where the guest's disk is. */
type Way = 'file' | 'address' | 'persist';

/** Boots the guest of the disk. Resolves with its exit code and what it printed. */
function boot(page: Page, way: Way): Promise<string> {
  return page.evaluate(
    async ([way, disk]) => {
      type Vm = { run(): Promise<{ exitCode: number }>; destroy(): void };
      type Package = { V64: { create(options: object): Promise<Vm> } };
      const { V64 } = (await import(new URL('v64.mjs', document.baseURI).href)) as Package;
      const file = new File([new Uint8Array(disk)], 'disk.img');
      const images = { file, address: { url: URL.createObjectURL(file) }, persist: { buffer: file, persist: 'my disk' } };
      let text = '';
      const onSerial = (bytes: Uint8Array): void => void (text += String.fromCharCode(...bytes));
      const vm = await V64.create({ memory: '16M', debugExit: 0xf4, boot: 'c', hda: images[way], onSerial });
      const { exitCode } = await vm.run();
      vm.destroy();
      return `${exitCode} ${text}`;
    },
    [way, [...DISK.subarray(0, 64 * 1024)]] as const,
  );
}

test('a disk is a file of the page or an address, and what is written is lost', async () => {
  const { page, close } = await bench.open();
  for (const way of ['file', 'address', 'file'] as const) assert.equal(await boot(page, way), '43 Text of the diskU');
  await close();
});

test('what is written survives a reload where it has a name', async () => {
  const { page, close } = await bench.open();
  assert.equal(await boot(page, 'persist'), '43 Text of the diskU');
  await page.reload();
  assert.equal(await boot(page, 'persist'), '43 Uext of the diskV');
  await close();
});

test('a disk that is chosen in the page boots', async () => {
  const { page, close } = await bench.open();
  await page.click('#own');
  await page.setInputFiles('#hda', { name: 'disk.img', mimeType: '', buffer: Buffer.from(DISK) });
  await page.waitForFunction(() => document.getElementById('hda-name')?.textContent?.startsWith('disk.img'));
  await page.fill('#size-field', '16M');
  await page.click('#files-boot');
  await page.waitForFunction(
    () => (globalThis as unknown as { v64: { screen: { text(): string } } }).v64.screen.text().includes('Text of the disk'),
    null,
    { timeout: 60_000 },
  );
  await close();
});
