// The screen, the keyboard and the mouse, with guests of a few instructions and with firmware.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inflateSync } from 'node:zlib';
import type { V64Frame } from '../../src/screen.ts';
import { ECHO_KEYS, multiboot, PAINT_KEYS } from '../guests.ts';
import { load } from './harness.ts';

const { V64, V64Error } = await load();

/** A machine with a display adapter, without firmware. */
const bare = (code: readonly number[], more: object = {}): ReturnType<typeof V64.create> =>
  V64.create({ memory: '16M', kernel: multiboot(code), vga: 'none', args: ['-device', 'VGA'], ...more });

/** Width, height and pixels of red, green and blue of a PNG whose rows have no filter or that of the row above. */
function decoded(file: Uint8Array): { width: number; height: number; pixel(x: number, y: number): number[] } {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const parts: Uint8Array[] = [];
  for (let at = 8; at < file.length; at += 12 + view.getUint32(at)) {
    const name = new TextDecoder('latin1').decode(file.subarray(at + 4, at + 8));
    if (name === 'IDAT') parts.push(file.subarray(at + 8, at + 8 + view.getUint32(at)));
  }
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const rows = inflateSync(Buffer.concat(parts));
  const bytes = 3 * width;
  for (let y = 0; y < height; y++) {
    const [filter, at] = [rows[y * (bytes + 1)] ?? 0, y * (bytes + 1) + 1];
    for (let n = 0; n < bytes; n++) {
      const [left, up] = [n < 3 ? 0 : (rows[at + n - 3] ?? 0), y === 0 ? 0 : (rows[at + n - bytes - 1] ?? 0)];
      const corner = n < 3 || y === 0 ? 0 : (rows[at + n - bytes - 4] ?? 0);
      rows[at + n] = (rows[at + n] ?? 0) + ([0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter] ?? 0);
    }
  }
  return { width, height, pixel: (x, y) => [...rows.subarray(y * (bytes + 1) + 1 + 3 * x, y * (bytes + 1) + 4 + 3 * x)] };
}

function paeth(left: number, up: number, corner: number): number {
  const far = [left, up, corner].map((one) => Math.abs(left + up - corner - one));
  const least = Math.min(...far);
  return far[0] === least ? left : far[1] === least ? up : corner;
}

test('frames bring the picture and what changed in it; keys reach the guest', async () => {
  const frames: (Omit<V64Frame, 'pixels'> & { corner: number[]; tenth: number[]; length: number })[] = [];
  const screen = ({ pixels, ...rest }: V64Frame): void => {
    const row = 9 * rest.width * 4;
    frames.push({ ...rest, length: pixels.length, corner: [...pixels.subarray(0, 4)], tenth: [...pixels.subarray(row, row + 4)] });
  };
  const vm = await bare(PAINT_KEYS, { screen });
  const modes: unknown[] = [];
  vm.screen.on('mode', (mode) => modes.push(mode));
  const sent: number[] = [];
  vm.serial.on('data', (bytes) => sent.push(...bytes));
  void vm.run().catch(() => {});
  await vm.waitFor('R', { timeout: 60_000 });
  vm.keyboard.press('KeyA');
  vm.keyboard.release('KeyA');
  await vm.keyboard.send('shift-f1', { hold: 5 });
  await vm.keyboard.type('Ab\n', { delay: 1 });
  while (frames.at(-1)?.corner[2] !== 255) await new Promise((resolve) => setTimeout(resolve, 20));
  const scanCodes = [0x1e, 0x9e, 0x2a, 0x3b, 0xbb, 0xaa, 0x2a, 0x1e, 0x9e, 0xaa, 0x30, 0xb0, 0x1c, 0x9c];
  assert.deepEqual(sent.slice(1), scanCodes);
  assert.deepEqual(modes.at(-1), { width: 320, height: 200, pixelAspect: 1 });
  assert.deepEqual(vm.screen.mode, modes.at(-1));
  const first = frames.find(({ width }) => width === 320);
  assert.deepEqual(first?.rects, [{ x: 0, y: 0, width: 320, height: 200 }]);
  const last = frames.at(-1);
  assert.deepEqual([last?.corner, last?.tenth, last?.length], [[0, 0, 255, 255], [0, 255, 0, 255], 320 * 200 * 4]);
  // A key paints in the first row, and the picture is of pages of memory: the last row is not drawn again.
  const small = frames.filter(({ width, rects }) => width === 320 && rects.every(({ y, height }) => y + height < 200));
  assert.ok(small.length > 0, JSON.stringify(frames));
  vm.destroy();
});

test('a screenshot is a PNG, or pixels', async () => {
  const vm = await bare(PAINT_KEYS);
  void vm.run().catch(() => {});
  await vm.waitFor('R', { timeout: 60_000 });
  const picture = await vm.screenshot({ format: 'rgba' });
  assert.deepEqual([picture.width, picture.height, picture.pixels.length], [320, 200, 320 * 200 * 4]);
  assert.deepEqual([...picture.pixels.subarray(0, 4)], [255, 0, 0, 255]);
  const file = await vm.screenshot();
  assert.equal(file.type, 'image/png');
  const png = decoded(await file.bytes());
  assert.deepEqual([png.width, png.height], [320, 200]);
  for (const [x, y] of [[0, 0], [319, 8], [5, 9], [319, 9], [0, 10], [0, 199]] as const) {
    const at = (y * 320 + x) * 4;
    assert.deepEqual(png.pixel(x, y), [...picture.pixels.subarray(at, at + 3)], `${x}, ${y}`);
  }
  assert.equal(await vm.screen.text(), undefined, 'a graphics mode has no text');
  vm.destroy();
});

test('what keyboard, mouse and screen cannot do is said', async () => {
  const failure = async (work: () => unknown): Promise<string> => {
    try {
      await work();
    } catch (error) {
      assert.ok(error instanceof V64Error, String(error));
      return `${error.code}: ${error.message}`;
    }
    return 'none';
  };
  const vm = await V64.create({ memory: '16M', kernel: multiboot(ECHO_KEYS) });
  assert.match(await failure(() => vm.keyboard.press('keya')), /^BAD_OPTION: no key is called 'keya'; did you mean 'KeyA'/);
  assert.match(await failure(() => vm.keyboard.send('ctrl-nonsense')), /^BAD_OPTION: 'nonsense' is no key in 'ctrl-nonsense'/);
  assert.match(await failure(() => vm.keyboard.type('naïve', { layout: 'us' })), /^BAD_OPTION: the layout 'us' has no key for "ï"/);
  assert.match(await failure(() => vm.keyboard.type('a', { layout: 'fr' as 'de' })), /^BAD_OPTION: `layout` is 'fr'; give 'us' or 'de'/);
  assert.match(await failure(() => vm.mouse.button(7 as 0, true)), /^BAD_OPTION: no button is called 7/);
  assert.match(await failure(() => vm.mouse.move(Number.NaN, 0)), /^BAD_OPTION: `dx` is NaN/);
  assert.match(await failure(() => vm.screenshot({ format: 'gif' as 'png' })), /^BAD_OPTION: `format` is 'gif'/);
  assert.match(await failure(() => vm.screenshot()), /^STATE: the machine has no display adapter/);
  assert.match(await failure(() => vm.screenshot({ format: 'rgba' })), /^STATE: the machine has no display adapter/);
  assert.match(await failure(() => V64.create({ screen: 'canvas' as never })), /^BAD_OPTION: `screen` is 'canvas'; give a canvas/);
  assert.equal(await vm.screen.text(), undefined);
  // Infinitely far is as far as the mouse goes.
  vm.mouse.move(Infinity, 1);
  vm.mouse.wheel(1);
  vm.mouse.button('left', true);
  vm.keyboard.releaseAll();
  vm.destroy();
  assert.match(await failure(() => vm.keyboard.press('KeyA')), /^STATE: the machine was destroyed/);
});

test('firmware shows its text, and Ctrl-Alt-Del starts it over', async () => {
  const vm = await V64.create({ memory: '64M', vga: 'std' });
  void vm.run().catch(() => {});
  const shown = await vm.screen.waitFor(/No bootable device/, { timeout: 120_000 });
  assert.match(shown, /^SeaBIOS \(version /);
  const { width, height, pixelAspect } = await vm.screenshot({ format: 'rgba' });
  assert.deepEqual([width, height], [720, 400]);
  assert.ok(Math.abs((width * pixelAspect) / height - 4 / 3) < 0.01, `pixels ${pixelAspect} wide`);
  await vm.keyboard.send('ctrl-alt-delete', { hold: 20 });
  while ((await vm.stats()).resets === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  vm.destroy();
});
