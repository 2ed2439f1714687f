// Each kind of message that the page has: what it says, and what its keys do.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { FAILING_HOST } from '../failing.ts';
import { bzImage } from '../guests.ts';
import { boot, chromiumBench, screenshot, text, waitFor, waitForState } from './harness.ts';

const READY = /all \d+ checks passed[\s\S]*\n> ?$/;
const KERNEL = Buffer.from(bzImage());
const KERNEL_URL = '**/guests/debian/vmlinuz';
const INITRD_URL = '**/guests/debian/initramfs.cpio';

/** Fills in the panel, and boots. */
async function bootOwn(page: Page, buffer: Buffer, memory: string, name = 'vmlinuz', append = ''): Promise<void> {
  await page.click('#own');
  await page.setInputFiles('#kernel', { name, mimeType: 'application/octet-stream', buffer });
  await page.fill('#size-field', memory);
  await page.fill('#append', append);
  await page.click('#files-boot');
}

/** The error that the page shows: code, title, text and the key that helps. */
async function shown(page: Page): Promise<{ code: string; title: string; text: string; remedy: string }> {
  await waitForState(page, 'failed');
  await page.waitForSelector('#fault', { state: 'visible' });
  const read = async (id: string) => (await page.textContent(id)) ?? '';
  const fault = {
    code: await read('#fault-code'),
    title: await read('#fault-title'),
    text: await read('#fault-text'),
    remedy: await read('#fault-remedy-label'),
  };
  assert.doesNotMatch(`${fault.title} ${fault.text}`, / -m\b|--\w|<\w/, 'the page’s words, and no HTML');
  return fault;
}

/** A file for {@link drop}: its size, and the one thing in it that is not zero. */
type Made = readonly [name: string, size: number, at: number, bytes: string];

/** Drops files anywhere on the page. They are made there: one of a floppy's size is too long to be sent as numbers. */
async function drop(page: Page, files: readonly Made[]): Promise<void> {
  await page.evaluate((files) => {
    const dataTransfer = new DataTransfer();
    for (const [name, size, at, text] of files) {
      const bytes = new Uint8Array(size);
      bytes.set([...text].map((char) => char.charCodeAt(0)), at);
      dataTransfer.items.add(new File([bytes], name));
    }
    dispatchEvent(new DragEvent('drop', { dataTransfer, cancelable: true }));
  }, files);
}

/** Waits for what the panel says; the looking at files takes a moment. */
async function panelSays(page: Page, words: string): Promise<void> {
  await page.waitForFunction((words) => document.getElementById('files-error')?.textContent?.includes(words), words);
}

describe('the page’s messages', () => {
  const bench = chromiumBench();

  test('BAD_KERNEL names the file, and leads to another', async () => {
    const { page, close } = await bench.open();
    await bootOwn(page, Buffer.from('no kernel at all\n'.repeat(600)), '512M', 'notes.txt');
    const { code, title, text } = await shown(page);
    assert.equal(code, 'BAD_KERNEL');
    assert.match(title, /^notes\.txt is no kernel/);
    assert.match(text, /^A text file, not a kernel; /);
    assert.notEqual(await page.evaluate(() => document.activeElement?.className), 'xterm-helper-textarea', 'nothing hears what is typed');
    await screenshot(page, 'bad-kernel');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize({ width: 375, height: 667 });
    await page.locator('#fault').scrollIntoViewIfNeeded();
    await screenshot(page, 'bad-kernel-phone');
    await page.click('#fault-remedy');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'kernel');
    await page.keyboard.press('Escape');
    await boot(page, 'demo');
    await waitFor(page, READY);
    assert.equal(await page.isVisible('#fault'), false);
    await close();
  });

  test('TOO_LITTLE_MEMORY says how much is needed, and suggests it', async () => {
    const { page, close } = await bench.open();
    await bootOwn(page, KERNEL, '4M');
    const { code, text } = await shown(page);
    assert.equal(code, 'TOO_LITTLE_MEMORY');
    assert.match(text, /^vmlinuz needs at least 78 MiB to start, and the machine has 4 MiB/);
    await screenshot(page, 'too-little-memory');
    await page.click('#fault-remedy');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'size-field');
    assert.equal(await page.inputValue('#size-field'), '256M');
    await page.click('#files-boot');
    await waitForState(page, 'running');
    assert.equal(await page.isVisible('#fault'), false);
    await close();
  });

  test('NO_MEMORY is not answered with the same again, by no key', async () => {
    const { page, close } = await bench.open();
    await bootOwn(page, KERNEL, '60G');
    const { code, text, remedy } = await shown(page);
    assert.equal(code, 'NO_MEMORY');
    assert.match(text, /60 GiB.*less than 16 GiB/);
    assert.match(remedy, /less memory/);
    await screenshot(page, 'no-memory');
    for (const key of ['#start-stop', '#fault-remedy']) {
      await page.click(key);
      await page.waitForSelector('#files[open]');
      assert.equal(await page.inputValue('#size-field'), '8G');
      await page.keyboard.press('Escape');
    }
    await page.click('#fault-remedy');
    await page.fill('#size-field', '128M');
    await page.click('#files-boot');
    await waitForState(page, 'running');
    await close();
  });

  test('a size that cannot be is refused where it is given', async () => {
    const { page, close } = await bench.open();
    for (const [memory, says] of [
      ['lots', 'Memory is a number'],
      ['900G', 'Memory is between 1M and 64G'],
      ['0', 'Memory is between 1M and 64G'],
    ] as const) {
      await bootOwn(page, KERNEL, memory);
      await panelSays(page, says);
      assert.equal(await page.getAttribute('#size-field', 'aria-invalid'), 'true');
      await page.keyboard.press('Escape');
    }
    await close();
  });

  test('BAD_OPTION leads to the settings', async () => {
    const { page, close } = await bench.open();
    await bootOwn(page, KERNEL, '128M', 'vmlinuz', `quiet ${'x'.repeat(5000)}`);
    const { code, text } = await shown(page);
    assert.equal(code, 'BAD_OPTION');
    assert.match(text, /command line/);
    await screenshot(page, 'bad-option');
    await page.click('#fault-remedy');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'append');
    await close();
  });

  test('takes dropped kernels and initrds for what they are, and names what is neither', async () => {
    const { page, close } = await bench.open();
    await drop(page, [['root.cpio', 600, 0, '070701'], ['bzImage', 600, 0x202, 'HdrS']]);
    await page.waitForSelector('#files[open]');
    assert.match((await page.textContent('#kernel-name')) ?? '', /^bzImage/);
    assert.match((await page.textContent('#initrd-name')) ?? '', /^root\.cpio/);
    assert.equal(await page.textContent('#files-error'), '');
    await page.keyboard.press('Escape');

    await page.reload();
    await page.click('#own');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'kernel');
    for (const [file, says] of [
      [['disk.vmdk', 600, 0, 'KDMV'], 'disk.vmdk is a disk image (VMDK). Convert it'],
      [['vmlinux', 600, 0, '\x7fELF'], 'vmlinux is an ELF program'],
      [['nothing', 0, 0, ''], 'nothing is empty'],
    ] as const) {
      await drop(page, [file]);
      await panelSays(page, says);
      assert.match((await page.textContent('#kernel-name')) ?? '', /choose/, file[0]);
    }
    await screenshot(page, 'dropped');
    // Through the field for kernels, it is no other.
    await page.setInputFiles('#kernel', { name: 'cd.iso', mimeType: '', buffer: Buffer.concat([Buffer.alloc(0x8001), Buffer.from('CD001')]) });
    await panelSays(page, 'cd.iso is a CD image (ISO 9660): it was taken as the CD.');
    assert.match((await page.textContent('#cdrom-name')) ?? '', /^cd\.iso/);
    await drop(page, [['dos.img', 1440 * 1024, 510, '\x55\xaa'], ['disk.qcow2', 600, 0, 'QFI\xfb']]);
    await page.waitForFunction(() => document.getElementById('hda-name')?.textContent?.startsWith('disk.qcow2'));
    assert.match((await page.textContent('#fda-name')) ?? '', /^dos\.img/);
    for (const id of ['cdrom', 'hda', 'fda']) await page.click(`[data-clear="${id}"]`);
    assert.match((await page.textContent('#cdrom-name')) ?? '', /choose/);
    await page.setInputFiles('#kernel', { name: 'root.cpio', mimeType: '', buffer: Buffer.from('070701'.padEnd(200, '0')) });
    await panelSays(page, 'taken as the initrd');
    assert.match((await page.textContent('#initrd-name')) ?? '', /^root\.cpio/);
    // Debian's takes the place of both, and a file that of Debian's.
    await page.click('#take-debian');
    for (const id of ['#kernel-name', '#initrd-name']) assert.match((await page.textContent(id)) ?? '', /^Debian/);
    await page.setInputFiles('#kernel', { name: 'bzImage', mimeType: '', buffer: KERNEL });
    await page.waitForFunction(() => document.getElementById('kernel-name')?.textContent?.startsWith('bzImage'));
    assert.match((await page.textContent('#initrd-name')) ?? '', /choose/);
    await drop(page, [['a', 1, 0, ''], ['b', 1, 0, ''], ['c', 1, 0, ''], ['d', 1, 0, ''], ['e', 1, 0, '']]);
    await panelSays(page, 'four files at most');
    await close();
  });

  test('SOURCE is a sentence whatever the server sends, and what runs next runs', async () => {
    const { page, close } = await bench.open();
    const html = '<!doctype html><html><head><title>404 Not Found</title></head><body><h1>404</h1></body></html>';
    const cases = [
      [KERNEL_URL, { status: 404, contentType: 'text/html', body: html }, /does not have the Debian kernel at \/guests\/debian\/vmlinuz/],
      [KERNEL_URL, { status: 200, contentType: 'text/html', body: html }, /sent a web page in place of the Debian kernel/],
      [KERNEL_URL, { status: 502, contentType: 'text/html', body: html }, /HTTP status 502\.$/],
      [KERNEL_URL, { status: 503, contentType: 'text/plain', body: 'apt cannot be reached\nmore' }, /: apt cannot be reached\.$/],
      [INITRD_URL, { status: 404, body: html }, /does not have the Debian initramfs/],
      [KERNEL_URL, undefined, /does not answer/],
    ] as const;
    for (const [url, answer, says] of cases) {
      if (url === INITRD_URL) await page.route(KERNEL_URL, (route) => route.fulfill({ body: KERNEL }));
      await page.route(url, (route) => (answer ? route.fulfill(answer) : route.abort()));
      await boot(page, 'debian');
      const { code, text, remedy } = await shown(page);
      assert.equal(code, 'SOURCE');
      assert.match(text, says);
      assert.equal(remedy, 'Try again');
      if (url === KERNEL_URL && answer?.status === 404) await screenshot(page, 'source');
      await page.unrouteAll();
      await page.reload();
    }
    await boot(page, 'demo');
    await waitFor(page, READY);
    await close();
  });

  test('TRAP shows the registers, and the machine can be started again', async () => {
    const { page, close } = await bench.open();
    await page.route('**/worker.mjs', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: FAILING_HOST + (await response.text()).replace(/^#!.*\n/, '') });
    });
    await boot(page, 'demo');
    const { code } = await shown(page);
    assert.equal(code, 'TRAP');
    assert.match((await page.textContent('#fault-detail')) ?? '', /RIP [0-9a-f]{16}[^]*COM1 said last/);
    assert.match(await text(page), /\w/, 'what the guest printed stays');
    await screenshot(page, 'trap');
    await page.unroute('**/worker.mjs');
    await page.click('#fault-remedy');
    await waitFor(page, READY);
    assert.equal(await page.isVisible('#fault'), false);
    await close();
  });

  test('NO_MEMORY64 names the browsers that have it, as soon as the page is opened', async () => {
    const context = await bench.browser.newContext();
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
    await page.goto(bench.url);
    const { code, text } = await shown(page);
    assert.equal(code, 'NO_MEMORY64');
    assert.match(text, /Chrome and Edge.*133.*Firefox.*134/);
    assert.equal(await page.isVisible('#fault-remedy'), false);
    for (const key of ['#start-stop', '#own', '[data-guest="debian"]', '#open-state']) assert.ok(await page.isDisabled(key), key);
    await screenshot(page, 'no-memory64');
    await context.close();
  });

  test('a page whose program is missing says so', async () => {
    const context = await bench.browser.newContext();
    const page = await context.newPage();
    await page.route('**/page.mjs', (route) => route.fulfill({ status: 404 }));
    await page.goto(bench.url);
    await page.waitForSelector('.broken', { state: 'visible' });
    assert.equal(await page.isVisible('[data-guest="debian"]'), false, 'no key that does nothing');
    assert.match((await page.textContent('.broken')) ?? '', /Serve this folder over HTTP/);
    await screenshot(page, 'broken');
    await context.close();
  });
});
