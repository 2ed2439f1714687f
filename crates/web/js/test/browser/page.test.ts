// The page in Chromium, with the guest that comes along.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { manyLoops, multiboot } from '../guests.ts';
import { boot, chromiumBench, screenshot, text, type, waitFor, waitForState } from './harness.ts';

const READY = /all \d+ checks passed[\s\S]*\n> ?$/;

describe('the page', () => {
  const bench = chromiumBench();

  test('boots the self-test, which finds the machine in order', async () => {
    const { page, complaints, close } = await bench.open();
    await boot(page, 'demo');
    const printed = await waitFor(page, READY);
    assert.doesNotMatch(printed, /\[ ?fail|\[ ?bad/i);
    assert.equal(await page.evaluate(() => crossOriginIsolated), true);
    await type(page, 'echo over and out');
    await waitFor(page, '\nover and out');
    await page.waitForFunction(() => document.getElementById('mode')?.textContent?.startsWith('64-bit'));
    // Before it waits for a line the self-test is quick: there is a word for waiting, rather than a speed of nought.
    await page.waitForFunction(() => document.getElementById('mips')?.textContent === 'Idle');
    assert.equal(await page.isVisible('#mips-unit'), false);
    assert.match((await page.textContent('#ring')) ?? '', /^(kernel|program), ring [03]$/);
    await page.waitForFunction(() => parseFloat(document.getElementById('instructions')?.textContent ?? '') > 0);
    assert.deepEqual(complaints, []);
    await close();
  });

  test('pauses, goes on, resets and powers off', async () => {
    const { page, complaints, close } = await bench.open();
    await boot(page, 'demo');
    await waitFor(page, READY);
    await page.click('#start-stop');
    await waitForState(page, 'paused');
    await page.waitForFunction(() => document.getElementById('mips')?.textContent === 'Paused');
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

  test('broken escape sequences of the guest are skipped, and are no complaint of the page', async () => {
    const { page, complaints, close } = await bench.open();
    await page.evaluate(() => {
      const { screen } = (globalThis as unknown as { v64: { screen: { write(bytes: Uint8Array): void } } }).v64;
      screen.write(new TextEncoder().encode('Starting \x1b…\x1b[0;1…39m all is well\r\n'));
    });
    await waitFor(page, 'all is well');
    assert.deepEqual(complaints, []);
    await close();
  });

  test('the guest can end the machine itself, and another is started by a key', async () => {
    const { page, close } = await bench.open();
    await boot(page, 'demo');
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
    const first = await bench.open();
    await boot(first.page, 'demo');
    await waitForState(first.page, 'running');
    await first.page.reload();
    await boot(first.page, 'demo');
    await waitForState(first.page, 'running');
    await first.page.close();
    await first.close();
    const second = await bench.open();
    await boot(second.page, 'demo');
    await waitFor(second.page, READY);
    assert.deepEqual([...first.complaints, ...second.complaints], []);
    await second.close();
  });

  test('compiles guest code, or interprets all of it where that is chosen', async () => {
    const { page, complaints, close } = await bench.open();
    const buffer = Buffer.from(multiboot(manyLoops(1 << 30)));
    const start = async (): Promise<void> => {
      await page.setInputFiles('#kernel', { name: 'loops', mimeType: 'application/octet-stream', buffer });
      await page.click('#files-boot');
      await waitForState(page, 'running');
    };
    await page.click('#choose-own');
    assert.equal(await page.inputValue('#engine'), 'jit');
    await start();
    await page.waitForFunction(async () => /^compiled +[1-9]/m.test(await (globalThis as unknown as Held).v64.bench.vm.report()));
    await page.click('#own');
    await page.selectOption('#engine', { label: 'interpreted' });
    await screenshot(page, 'own');
    await start();
    // So many that they would have been compiled long before.
    await page.waitForFunction(async () => (await (globalThis as unknown as Held).v64.bench.vm.stats()).instructions > 5_000_000);
    const report = await page.evaluate(() => (globalThis as unknown as Held).v64.bench.vm.report());
    assert.match(report, /^instructions/m);
    assert.doesNotMatch(report, /^(compiled|regions) /m);
    assert.deepEqual(complaints, []);
    await close();
  });

  test('opens with a choice, of which Debian is the first, and boots nothing by itself', async () => {
    const { page, complaints, close } = await bench.open();
    await page.waitForSelector('#chooser', { state: 'visible' });
    assert.equal(await page.textContent('#state-text'), 'Off');
    assert.match((await page.textContent('#chooser button')) ?? '', /Debian/);
    assert.doesNotMatch((await page.textContent('body')) ?? '', /milestone|M[0-6]:/i);
    assert.deepEqual(complaints, []);
    // The key that starts, starts Debian.
    await page.click('#start-stop');
    await page.waitForSelector('#chooser', { state: 'hidden' });
    assert.match((await page.textContent('#guest-name')) ?? '', /Debian/);
    assert.equal(await page.getAttribute('[data-guest="debian"]', 'aria-pressed'), 'true');
    await close();
  });

  test('its links lead to documents, licence and source that are there', async () => {
    const { page, complaints, close } = await bench.open();
    const links = await page.$$eval('.links a', (all) => all.map((link) => (link as HTMLAnchorElement).href));
    assert.ok(links.length >= 2, links.join());
    const seen = new Set<string>();
    const queue = links.filter((link) => link.endsWith('.html'));
    for (let url = queue.pop(); url; url = queue.pop()) {
      if (seen.has(url)) continue;
      seen.add(url);
      const response = await page.goto(url);
      assert.equal(response?.status(), 200, url);
      const inside = await page.$$eval('a', (all) => all.map((link) => link.href.split('#')[0] ?? ''));
      queue.push(...inside.filter((link) => link.startsWith(new URL('docs/', bench.url).href)));
    }
    assert.ok(seen.size > 10, [...seen].join());
    await page.goto(new URL('docs/README.html', bench.url).href);
    await screenshot(page, 'document');
    assert.match((await page.goto(new URL('docs/licences.html', bench.url).href).then(() => page.textContent('main'))) ?? '', /Apache.*MIT[^]*xterm/);
    const source = links.find((link) => link.endsWith('.tar.gz'));
    if (source) {
      const answer = await page.request.get(source);
      const bytes = await answer.body();
      assert.deepEqual([answer.status(), bytes[0], bytes[1]], [200, 0x1f, 0x8b]);
    }
    assert.deepEqual(complaints, []);
    await close();
  });

  test('shows the screen first in a low window, and keys that a finger hits', async () => {
    for (const viewport of [{ width: 640, height: 400 }, { width: 375, height: 667 }, { width: 1280, height: 800 }]) {
      const { page, close } = await bench.open({ viewport });
      const box = (selector: string) => page.locator(selector).boundingBox();
      const [screen, guests, bar] = [await box('#screen'), await box('.guests'), await box('.controls')];
      assert.ok(screen && guests && bar);
      if (viewport.width < 861) {
        assert.ok(screen.y < guests.y, 'the screen comes before the guests');
        assert.ok(screen.y + screen.height <= bar.y + 1, `the screen ends at ${screen.y + screen.height}, the bar begins at ${bar.y}`);
        assert.ok(screen.height > viewport.height / 2, `${screen.height} of ${viewport.height}`);
        // In a high window the guests are in sight.
        if (viewport.height >= 600) assert.ok(guests.y + 60 < bar.y, `the guests begin at ${guests.y}, the bar at ${bar.y}`);
      }
      for (const id of ['#smaller', '#larger', '#copy', '#choose-debian', '#start-stop', '#theme']) {
        const key = await box(id);
        assert.ok(key && key.width >= 44 && key.height >= 44, `${id} at ${viewport.width}: ${key?.width} x ${key?.height}`);
      }
      await screenshot(page, `first-${viewport.width}x${viewport.height}`);
      await close();
    }
  });

  test('fits a telephone and either theme', async () => {
    const phone = { viewport: { width: 375, height: 667 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };
    for (const [name, options] of [
      ['desktop-light', { colorScheme: 'light' as const }],
      ['desktop-dark', { colorScheme: 'dark' as const }],
      ['phone-light', { colorScheme: 'light' as const, ...phone }],
      ['phone-dark', { colorScheme: 'dark' as const, ...phone }],
    ] as const) {
      const { page, close } = await bench.open(options);
      await page.waitForSelector('#chooser', { state: 'visible' });
      await screenshot(page, `first-${name}`);
      await boot(page, 'demo');
      await waitFor(page, READY);
      const [wide, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok((wide ?? 0) <= (inner ?? 0), `${name}: ${wide} px of content in a window of ${inner}`);
      assert.equal(await page.getAttribute('html', 'data-theme'), options.colorScheme);
      await screenshot(page, name);
      await page.locator('.more').scrollIntoViewIfNeeded();
      await screenshot(page, `${name}-panel`);
      await page.click('#own');
      const dialog = await page.locator('#files').boundingBox();
      assert.ok(dialog && dialog.x >= 0 && dialog.x + dialog.width <= (inner ?? 0), `${name}: the dialog fits`);
      assert.ok(await page.isVisible('#files-boot'));
      await screenshot(page, `${name}-own`);
      await close();
    }
  });

  test('the theme key overrides the system, also after a reload', async () => {
    const { page, close } = await bench.open({ colorScheme: 'dark' });
    await page.click('#theme');
    assert.equal(await page.getAttribute('html', 'data-theme'), 'light');
    await page.reload();
    assert.equal(await page.getAttribute('html', 'data-theme'), 'light');
    await close();
  });

  test('every control has a name, and the keyboard gets into the terminal and out', async () => {
    const { page, close } = await bench.open();
    await boot(page, 'demo');
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
