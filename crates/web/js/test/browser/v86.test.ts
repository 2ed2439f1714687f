// Pages in the shape of two of v86's examples, with v64 behind them; and xterm.js on the serial line.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { ECHO_KEYS, multiboot } from '../guests.ts';
import { chromiumBench, ROOT, screenshot } from './harness.ts';

const bench = chromiumBench();

type Byte = (byte: number) => void;
type Machine = {
  add_listener(event: string, listener: Byte): void;
  serial0_send(text: string): void;
  save_state(): Promise<ArrayBuffer>;
  restore_state(state: ArrayBuffer): Promise<void>;
  wait_until_vga_screen_contains(text: RegExp, options: { timeout_msec: number }): Promise<boolean>;
  screen_make_screenshot(): HTMLImageElement;
  destroy(): Promise<void>;
};
type Shim = { V86: new (options: object) => Machine };

/** A page of the site without any content, with v86's container of a screen and text areas. */
async function example(page: Page): Promise<void> {
  await page.evaluate(() => {
    document.head.innerHTML = '<title>Example</title>';
    document.body.innerHTML = `
      <div id="screen_container"><div style="white-space: pre; font: 14px monospace; line-height: 14px"></div><canvas style="display: none"></canvas></div>
      <textarea readonly rows="5" cols="60" id="log"></textarea><textarea readonly rows="5" cols="60" id="terminal"></textarea>`;
  });
}

test('the serial example: what the guest prints is seen, and answered', async () => {
  const { page, close } = await bench.open();
  await example(page);
  await page.evaluate(
    async (kernel) => {
      const { V86 } = (await import(new URL('v86.mjs', document.baseURI).href)) as Shim;
      const machine = new V86({ wasm_path: 'v86.wasm', multiboot: { buffer: new Uint8Array(kernel).buffer }, filesystem: {}, autostart: true, disable_keyboard: true });
      const stages = [{ test: 'R', send: '\x01' }, { test: 'A', send: '\x02' }];
      let [data, stage] = ['', 0];
      machine.add_listener('serial0-output-byte', (byte) => {
        const char = String.fromCharCode(byte);
        data += char;
        (document.getElementById('terminal') as HTMLTextAreaElement).value += char;
        const current = stages[stage];
        if (!current || !data.endsWith(current.test)) return;
        stage++;
        machine.serial0_send(current.send);
        (document.getElementById('log') as HTMLTextAreaElement).value += `Sending ${stage}\n`;
      });
    },
    [...multiboot(ECHO_KEYS)],
  );
  await page.waitForFunction(() => (document.getElementById('terminal') as HTMLTextAreaElement).value.endsWith('RAB'), null, { timeout: 120_000 });
  assert.equal(await page.inputValue('#log'), 'Sending 1\nSending 2\n');
  await close();
});

test('the example that saves and restores: firmware on the screen, and its state', async () => {
  const { page, close } = await bench.open();
  await example(page);
  const [isThere, bytes, width] = await page.evaluate(async () => {
    const { V86 } = (await import(new URL('v86.mjs', document.baseURI).href)) as Shim;
    const machine = new V86({ memory_size: 32 * 1024 * 1024, screen_container: document.getElementById('screen_container'), autostart: true });
    const isThere = await machine.wait_until_vga_screen_contains(/No bootable device/, { timeout_msec: 120_000 });
    const state = await machine.save_state();
    await machine.restore_state(state);
    const image = machine.screen_make_screenshot();
    await new Promise((resolve) => image.addEventListener('load', resolve));
    return [isThere, state.byteLength, image.naturalWidth] as const;
  });
  assert.ok(isThere && bytes > 10_000 && width === 720, `${isThere} ${bytes} ${width}`);
  const box = await page.locator('#screen_container canvas').boundingBox();
  assert.deepEqual([box?.width, box?.height], [720, 400]);
  await screenshot(page, 'v86-example');
  await close();
});

test('xterm.js shows the serial line and types', async () => {
  const { page, complaints, close } = await bench.open();
  await page.addScriptTag({ path: join(ROOT, 'crates/web/js/node_modules/@xterm/xterm/lib/xterm.js') });
  await page.evaluate(
    async (disk) => {
      type Terminal = { open(box: Element): void; focus(): void; buffer: { active: { getLine(n: number): { translateToString(trim: boolean): string } | undefined } } };
      type Vm = { serial: { attach(terminal: Terminal): () => void }; run(): Promise<unknown> };
      type Package = { V64: { create(options: object): Promise<Vm> } };
      const { V64 } = (await import(new URL('v64.mjs', document.baseURI).href)) as Package;
      const { Terminal } = globalThis as unknown as { Terminal: new () => Terminal };
      const terminal = new Terminal();
      const box = document.createElement('div');
      box.id = 'own-terminal';
      document.body.prepend(box);
      terminal.open(box);
      const vm = await V64.create({ memory: '16M', kernel: new Uint8Array(disk) });
      vm.serial.attach(terminal);
      Object.assign(globalThis, { ownLine: () => terminal.buffer.active.getLine(0)?.translateToString(true) });
      void vm.run().catch(() => {});
    },
    [...multiboot(ECHO_KEYS)],
  );
  const shows = (wanted: string): Promise<unknown> =>
    page.waitForFunction((wanted) => (globalThis as unknown as { ownLine?(): string }).ownLine?.() === wanted, wanted, { timeout: 120_000 });
  await shows('R');
  await page.focus('#own-terminal textarea');
  await page.keyboard.press('Control+c');
  await page.keyboard.press('Control+d');
  await shows('RCD');
  assert.deepEqual(complaints, []);
  await close();
});
