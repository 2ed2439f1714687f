// The guest's screen in Chromium: its picture on a canvas, keys and mouse that reach the guest.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { multiboot, PAINT_KEYS } from '../guests.ts';
import { chromiumBench, screenshot, waitForState } from './harness.ts';

type Vm = {
  run(): Promise<unknown>;
  destroy(): void;
  stats(): Promise<{ resets: number }>;
  screen: { text(): Promise<string | undefined>; waitFor(text: string, options: object): Promise<string> };
  screenshot(options: { format: 'rgba' }): Promise<{ width: number; height: number; pixels: Uint8ClampedArray }>;
};
type Held = { v64: { bench: { vm: Vm | undefined }; display: { view: string } } };

/** The colour of a pixel of a canvas in the page. */
function pixel(page: Page, canvas: string, x: number, y: number): Promise<number[]> {
  return page.evaluate(
    ({ canvas, x, y }) => {
      const picture = document.querySelector<HTMLCanvasElement>(canvas);
      const copy = document.createElement('canvas');
      if (!picture || picture.width === 0) return [];
      [copy.width, copy.height] = [picture.width, picture.height];
      const context = copy.getContext('2d');
      context?.drawImage(picture, 0, 0);
      return [...(context?.getImageData(x, y, 1, 1).data ?? [])];
    },
    { canvas, x, y },
  );
}

async function waitForPixel(page: Page, canvas: string, [x, y]: [number, number], wanted: number[]): Promise<void> {
  const until = Date.now() + 60_000;
  for (let now: number[] = []; String(now) !== String(wanted); now = await pixel(page, canvas, x, y)) {
    assert.ok(Date.now() < until, `pixel ${x}, ${y} is ${now.join()}, not ${wanted.join()}`);
    await page.waitForTimeout(50);
  }
}

const [RED, GREEN, BLUE] = [[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255]];

describe("the guest's screen", () => {
  const bench = chromiumBench();

  for (const where of ['the worker', 'the page'] as const) {
    test(`a canvas shows the picture, drawn by ${where}`, async () => {
      const { page, complaints, close } = await bench.open();
      await page.evaluate(
        async ({ image, inPage }) => {
          type Package = { V64: { create(options: object): Promise<Vm & { attach(element: HTMLElement): () => void }> } };
          const { V64 } = (await import(new URL('v64.mjs', document.baseURI).href)) as Package;
          const canvas = document.createElement('canvas');
          canvas.id = 'own-picture';
          // A canvas that has a context already cannot be handed to the worker.
          if (inPage) canvas.getContext('2d', { alpha: false });
          document.body.append(canvas);
          const vm = await V64.create({ memory: '16M', kernel: new Uint8Array(image), vga: 'none', args: ['-device', 'VGA'], screen: canvas });
          vm.attach(canvas);
          void vm.run().catch(() => {});
          Object.assign(globalThis, { own: vm });
          canvas.focus();
        },
        { image: [...multiboot(PAINT_KEYS)], inPage: where === 'the page' },
      );
      await waitForPixel(page, '#own-picture', [319, 0], RED);
      await waitForPixel(page, '#own-picture', [100, 9], GREEN);
      // Two keys down and up: four pixels.
      await page.keyboard.press('a');
      await page.keyboard.press('F1');
      await waitForPixel(page, '#own-picture', [3, 0], BLUE);
      assert.deepEqual(await pixel(page, '#own-picture', 4, 0), RED);
      // A key that is held goes up when the focus is lost.
      await page.keyboard.down('b');
      await waitForPixel(page, '#own-picture', [4, 0], BLUE);
      await page.evaluate(() => document.getElementById('own-picture')?.blur());
      await waitForPixel(page, '#own-picture', [5, 0], BLUE);
      await page.evaluate(() => (globalThis as unknown as { own: Vm }).own.destroy());
      assert.deepEqual(complaints, []);
      await close();
    });
  }

  test('the page shows firmware on the screen, and what is typed reaches it', async (t) => {
    const { page, complaints, close } = await bench.open();
    await page.goto(`${bench.url}?guest=seabios`);
    await waitForState(page, 'running');
    await page.waitForFunction(() => (globalThis as unknown as Held).v64.display.view === 'display', null, { timeout: 60_000 });
    await page.evaluate(() => (globalThis as unknown as Held).v64.bench.vm?.screen.waitFor('SeaBIOS (version', { timeout: 120_000 }));
    const { width, height } = await page.evaluate(() => {
      const box = document.getElementById('picture')?.getBoundingClientRect();
      return { width: box?.width ?? 0, height: box?.height ?? 0 };
    });
    assert.ok(Math.abs(width / height - 4 / 3) < 0.01, `${width} by ${height}`);
    await page.evaluate(() => (globalThis as unknown as Held).v64.bench.vm?.screen.waitFor('No bootable device', { timeout: 120_000 }));
    await screenshot(page, 'display-seabios');
    // The serial line stays within reach, and the picture comes back.
    await page.click('#view-serial');
    assert.equal(await page.isVisible('#terminal'), true);
    assert.equal(await page.isVisible('#picture'), false);
    await page.click('#view-display');
    assert.equal(await page.isVisible('#picture'), true);
    // Text can be read and selected.
    await page.click('#select-text');
    await page.waitForFunction(() => /No bootable device/.test(document.getElementById('display-text')?.textContent ?? ''));
    await page.click('#select-text');
    await page.waitForSelector('#display-text', { state: 'hidden' });
    await page.click('#keys-menu summary');
    await page.waitForSelector('#chords button');
    await screenshot(page, 'display-keys');
    // Firmware that gave up starts over by Ctrl-Alt-Del.
    await page.click('#chords button:first-child');
    await page.waitForFunction(async () => ((await (globalThis as unknown as Held).v64.bench.vm?.stats())?.resets ?? 0) > 0, null, { timeout: 60_000 });
    t.diagnostic(`the picture is ${Math.round(width)} by ${Math.round(height)} pixels`);
    assert.deepEqual(complaints, []);
    await close();
  });

  test('a link to a guest that is not there says which are', async () => {
    const { page, close } = await bench.open();
    await page.goto(`${bench.url}?guest=nothing`);
    const told = (await page.textContent('#link-error')) ?? '';
    assert.match(told, /^No guest is called nothing\. There are debian, .*memtest/);
    assert.equal(await page.textContent('#state-text'), 'Off');
    await close();
  });

  test('fits a phone, with a keyboard for fingers', async () => {
    const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 3 };
    const { page, close } = await bench.open(phone);
    await page.goto(`${bench.url}?guest=seabios`);
    await page.waitForFunction(() => (globalThis as unknown as Held).v64.display.view === 'display', null, { timeout: 60_000 });
    await page.waitForSelector('#pad', { state: 'visible' });
    const box = await page.locator('#pad button[data-code="KeyA"]').boundingBox();
    assert.ok(box && box.width >= 24 && box.height >= 38, JSON.stringify(box));
    // No key is smaller than a finger can hit.
    const sizes = await page.$$eval('#pad button', (keys) => keys.map((key) => [key.getBoundingClientRect().width, key.getBoundingClientRect().height]));
    for (const [width, height] of sizes) assert.ok(width !== undefined && height !== undefined && width >= 24 && height >= 36, `${width} by ${height}`);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
    await screenshot(page, 'display-phone');
    await close();
  });
});
