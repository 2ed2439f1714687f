// The page in Chromium, with the guest that comes along.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { FAILING_HOST } from '../failing.ts';
import { manyLoops, multiboot } from '../guests.ts';
import { browser as launch, open, screenshot, serve, type Site, text, type, waitFor, waitForState } from './harness.ts';

const READY = /all \d+ checks passed[\s\S]*\n> ?$/;

describe('the page', () => {
  let site: Site;
  let chromium: Browser;
  before(async () => {
    site = await serve();
    chromium = await launch();
  });
  after(async () => {
    await chromium?.close();
    site?.close();
  });

  test('boots the demo guest by itself, which finds the machine in order', async () => {
    const { page, complaints, close } = await open(chromium, site.url);
    const printed = await waitFor(page, READY);
    assert.doesNotMatch(printed, /\[ ?fail|\[ ?bad/i);
    assert.equal(await page.evaluate(() => crossOriginIsolated), true);
    await type(page, 'echo over and out');
    await waitFor(page, '\nover and out');
    await page.waitForFunction(() => document.getElementById('mode')?.textContent?.startsWith('64-bit'));
    await page.waitForFunction(() => parseFloat(document.getElementById('instructions')?.textContent ?? '') > 0);
    assert.deepEqual(complaints, []);
    await close();
  });

  test('pauses, goes on, resets and powers off', async () => {
    const { page, complaints, close } = await open(chromium, site.url);
    await waitFor(page, READY);
    await page.click('#start-stop');
    await waitForState(page, 'paused');
    const paused = await page.evaluate(count);
    await page.waitForTimeout(600);
    assert.equal(await page.evaluate(count), paused, 'a paused machine executes nothing');
    await page.click('#start-stop');
    await waitForState(page, 'running');
    await type(page, 'echo still here');
    await waitFor(page, '\nstill here');

    const before = (await text(page)).length;
    await page.click('#reset');
    await page.waitForFunction((length) => {
      const { screen } = (globalThis as unknown as { v64: { screen: { text(): string } } }).v64;
      return (screen.text().slice(length).match(/checks passed/g) ?? []).length === 1;
    }, before);

    await page.click('#power');
    await waitForState(page, 'ended');
    assert.match((await page.textContent('#ended')) ?? '', /exit code 0/);
    await page.click('#start-stop');
    await waitForState(page, 'running');
    await waitFor(page, READY);
    assert.deepEqual(complaints, []);
    await close();
  });

  test('the guest can end the machine itself, and another is started by a key', async () => {
    const { page, close } = await open(chromium, site.url);
    await waitFor(page, READY);
    await type(page, 'poweroff');
    await waitForState(page, 'ended');
    assert.match((await page.textContent('#ended')) ?? '', /exit code 0/);
    // The keyboard alone is enough.
    await page.focus('#start-stop');
    await page.keyboard.press('Enter');
    await waitForState(page, 'running');
    await close();
  });

  test('survives closing and loading anew in the middle of a boot', async () => {
    const first = await open(chromium, site.url);
    await waitForState(first.page, 'running');
    await first.page.reload();
    await waitForState(first.page, 'running');
    await first.page.close();
    await first.close();
    const second = await open(chromium, site.url);
    await waitFor(second.page, READY);
    assert.deepEqual([...first.complaints, ...second.complaints], []);
    await second.close();
  });

  test('says what is wrong with a bad kernel or option, and is usable afterwards', async () => {
    const { page, close } = await open(chromium, site.url);
    await waitFor(page, READY);
    const boot = async (memory: string) => {
      await page.click('#own');
      await page.setInputFiles('#kernel', {
        name: 'notes.txt',
        mimeType: 'text/plain',
        buffer: Buffer.from('no kernel at all\n'.repeat(600)),
      });
      await page.fill('#size-field', memory);
      await page.click('#files-boot');
    };
    await boot('512M');
    await waitForState(page, 'failed');
    assert.equal(await page.textContent('#fault-code'), 'BAD_KERNEL');
    assert.match((await page.textContent('#fault-text')) ?? '', /\w{3,}/);
    await screenshot(page, 'bad-kernel');

    await boot('lots');
    assert.equal(await page.getAttribute('#size-field', 'aria-invalid'), 'true');
    assert.notEqual(await page.textContent('#files-error'), '');
    await page.keyboard.press('Escape');

    // More than any browser grants.
    await boot('900G');
    await waitForState(page, 'failed');
    assert.match((await page.textContent('#fault-code')) ?? '', /NO_MEMORY|BAD_OPTION/);

    await page.click('[data-guest="demo"]');
    await waitForState(page, 'running');
    assert.equal(await page.isVisible('#fault'), false);
    await waitFor(page, READY);
    await close();
  });

  test('compiles guest code, or interprets all of it where that is chosen', async () => {
    const { page, complaints, close } = await open(chromium, site.url);
    const buffer = Buffer.from(multiboot(manyLoops(1 << 30)));
    const boot = async (): Promise<void> => {
      await page.setInputFiles('#kernel', { name: 'loops', mimeType: 'application/octet-stream', buffer });
      await page.click('#files-boot');
      await waitForState(page, 'running');
    };
    await page.click('#own');
    assert.equal(await page.inputValue('#engine'), 'jit');
    await boot();
    await page.waitForFunction(async () => /^compiled +[1-9]/m.test(await (globalThis as unknown as Held).v64.bench.vm.report()));
    await page.click('#own');
    await page.selectOption('#engine', { label: 'interpreted' });
    await screenshot(page, 'own');
    await boot();
    // So many that they would have been compiled long before.
    await page.waitForFunction(async () => (await (globalThis as unknown as Held).v64.bench.vm.stats()).instructions > 5_000_000);
    const report = await page.evaluate(() => (globalThis as unknown as Held).v64.bench.vm.report());
    assert.match(report, /^instructions/m);
    assert.doesNotMatch(report, /^(compiled|regions) /m);
    assert.deepEqual(complaints, []);
    await close();
  });

  test('takes dropped files for what they are', async () => {
    const { page, close } = await open(chromium, site.url);
    await page.evaluate(() => {
      const files = new DataTransfer();
      files.items.add(new File([new Uint8Array([0x30, 0x37, 0x30, 0x37, 0x30, 0x31])], 'root.cpio'));
      files.items.add(new File([new Uint8Array(600)], 'bzImage'));
      dispatchEvent(new DragEvent('drop', { dataTransfer: files, cancelable: true }));
    });
    await page.waitForSelector('#files[open]');
    assert.match((await page.textContent('#kernel-name')) ?? '', /^bzImage/);
    assert.match((await page.textContent('#initrd-name')) ?? '', /^root\.cpio/);
    await close();
  });

  test('a download that fails is told, and what runs next runs', async () => {
    const { page, close } = await open(chromium, site.url);
    await page.route('**/guests/debian/initramfs.cpio', (route) => route.fulfill({ status: 503, body: 'gone' }));
    await page.click('[data-guest="debian"]');
    await waitForState(page, 'failed');
    assert.equal(await page.textContent('#fault-code'), 'SOURCE');
    await page.click('[data-guest="demo"]');
    await waitFor(page, READY);
    await close();
  });

  test('a machine that fails is told of with its registers, and can be started again', async () => {
    const { page, close } = await open(chromium, site.url);
    await waitFor(page, READY);
    await page.route('**/worker.mjs', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: FAILING_HOST + (await response.text()).replace(/^#!.*\n/, '') });
    });
    await page.click('[data-guest="demo"]');
    await waitForState(page, 'failed');
    assert.equal(await page.textContent('#fault-code'), 'TRAP');
    assert.match((await page.textContent('#fault-detail')) ?? '', /RIP [0-9a-f]{16}[^]*COM1 said last/);
    await screenshot(page, 'trap');
    await page.unroute('**/worker.mjs');
    await page.click('#fault-again');
    await waitFor(page, READY);
    assert.equal(await page.isVisible('#fault'), false);
    await close();
  });

  test('names the browsers that have 64-bit memory to one that has none', async () => {
    const context = await chromium.newContext();
    const page = await context.newPage();
    // A browser of 2024: memories with 64-bit addresses are invalid there, in the page and in workers.
    await page.addInitScript(() => {
      const { validate } = WebAssembly;
      WebAssembly.validate = (bytes) => (bytes.byteLength < 100 ? false : validate(bytes));
      WebAssembly.Memory = class {
        constructor() {
          throw new TypeError('no 64-bit memory');
        }
      } as unknown as typeof WebAssembly.Memory;
    });
    await page.goto(site.url);
    await waitForState(page, 'failed');
    assert.equal(await page.textContent('#fault-code'), 'NO_MEMORY64');
    assert.match((await page.textContent('#fault-text')) ?? '', /Chrome and Edge.*133.*Firefox.*134/);
    await screenshot(page, 'no-memory64');
    await context.close();
  });

  test('fits a telephone and either theme', async () => {
    const phone = { viewport: { width: 375, height: 667 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };
    for (const [name, options] of [
      ['desktop-light', { colorScheme: 'light' as const }],
      ['desktop-dark', { colorScheme: 'dark' as const }],
      ['phone-light', { colorScheme: 'light' as const, ...phone }],
      ['phone-dark', { colorScheme: 'dark' as const, ...phone }],
    ] as const) {
      const { page, close } = await open(chromium, site.url, options);
      await waitFor(page, READY);
      const [wide, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok((wide ?? 0) <= (inner ?? 0), `${name}: ${wide} px of content in a window of ${inner}`);
      assert.equal(await page.getAttribute('html', 'data-theme'), options.colorScheme);
      await screenshot(page, name);
      await close();
    }
  });

  test('the theme key overrides the system, also after a reload', async () => {
    const { page, close } = await open(chromium, site.url, { colorScheme: 'dark' });
    await page.click('#theme');
    assert.equal(await page.getAttribute('html', 'data-theme'), 'light');
    await page.reload();
    assert.equal(await page.getAttribute('html', 'data-theme'), 'light');
    await close();
  });

  test('every control has a name, and the keyboard gets into the terminal and out', async () => {
    const { page, close } = await open(chromium, site.url);
    await waitForState(page, 'running');
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll('button, input, select')]
        .filter((element) => !element.closest('.xterm'))
        .filter((element) => {
          const labels = (element as HTMLInputElement).labels;
          return !element.getAttribute('aria-label') && !element.textContent?.trim() && !labels?.length;
        })
        .map((element) => element.id || element.outerHTML),
    );
    assert.deepEqual(nameless, []);
    await page.click('#terminal');
    await page.keyboard.press('Control+.');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'start-stop');
    await close();
  });
});

/** What the page holds for tests. */
type Held = { v64: { bench: { vm: { stats(): Promise<{ instructions: number }>; report(): Promise<string> } } } };

/** Instructions executed, asked of the machine. Runs in the page. */
async function count(): Promise<number> {
  return (await (globalThis as unknown as Held).v64.bench.vm.stats()).instructions;
}
