// Debian in Chromium: a boot with one click, and a page that answers while it goes on.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { boot, chromiumBench, screenshot, text, type, waitFor, waitForState } from './harness.ts';

// The terminal's text has lost the blank behind it.
const PROMPT = /^v64:\/#/m;
const PROMPTED = /v64:\/#$/;
const BOOT_SECONDS = 300;

const bench = chromiumBench();

interface Seen {
  answers: number[];
  machine: number[];
  tasks: number[];
}

/** Measures in the page: from a key to behind the next frame and to the machine's answer, and what keeps the page's
 *  thread for more than 50 ms. */
function watchLatency(): void {
  type Held = { v64: { bench: { vm: { stats(): Promise<unknown> } } } };
  const { bench } = (globalThis as unknown as Held).v64;
  const seen: Seen = { answers: [], machine: [], tasks: [] };
  Object.assign(globalThis, { seen });
  const behindFrame = (then: () => void) =>
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = then;
      port2.postMessage(0);
    });
  const keydown = (event: Event) => {
    behindFrame(() => seen.answers.push(performance.now() - event.timeStamp));
    void bench.vm.stats().then(() => seen.machine.push(performance.now() - event.timeStamp));
  };
  addEventListener('keydown', keydown, { capture: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) seen.tasks.push(entry.duration);
  }).observe({ type: 'longtask' });
}

/** Presses keys while the guest boots; gives the delays in milliseconds. */
async function press(page: Page, times: number): Promise<Seen> {
  await page.evaluate(watchLatency);
  for (let n = 0; n < times; n++) {
    await page.keyboard.press('Shift');
    await page.waitForTimeout(100 + 7 * (n % 10));
  }
  return page.evaluate(() => (globalThis as unknown as { seen: Seen }).seen);
}

/** What the browser does at Ctrl-V. */
async function paste(page: Page, text: string): Promise<void> {
  await page.evaluate((text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', text);
    const event = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true });
    document.querySelector('.xterm-helper-textarea')?.dispatchEvent(event);
  }, text);
}

function summary(list: number[]): string {
  const sorted = [...list].sort((a, b) => a - b);
  const at = (part: number) => (sorted[Math.floor((sorted.length - 1) * part)] ?? 0).toFixed(0);
  const within = sorted.filter((ms) => ms <= 50).length;
  return `${sorted.length} values, ${within} within 50 ms, median ${at(0.5)}, 95 % ${at(0.95)}, most ${at(1)} ms`;
}

test('boots Debian with one click, to a shell that works', async (t) => {
  const { page, complaints, close } = await bench.open();
  await page.click('#choose-debian');
  await waitForState(page, 'running', 120);
  await waitFor(page, 'Linux version', BOOT_SECONDS);
  const { answers, machine, tasks } = await press(page, 100);
  t.diagnostic(`from a key to the next frame, during the boot: ${summary(answers)}`);
  t.diagnostic(`to the machine's answer: ${summary(machine)}`);
  t.diagnostic(`tasks of the page above 50 ms: ${summary(tasks)}`);
  assert.deepEqual([answers.length, machine.length], [100, 100]);
  await screenshot(page, 'debian-boot');

  await waitFor(page, PROMPT, BOOT_SECONDS);
  // A shell that waits for a line leaves the processor nothing to do.
  await page.waitForFunction(() => document.getElementById('mips')?.textContent === 'Idle');
  assert.match((await page.textContent('#mode')) ?? '', /^64-bit mode/);
  t.diagnostic(`boot: ${await page.textContent('#time')} at ${await page.textContent('#instructions')} instructions`);
  await type(page, 'uname -m');
  await waitFor(page, /uname -m\s+x86_64/);
  await type(page, 'ls --color=always /; grep -c ttyS0 /proc/cmdline');
  await waitFor(page, /cmdline\s[^]*\n1\n/);
  await page.click('#send-size');
  await waitFor(page, /stty cols \d+ rows \d+/);
  await screenshot(page, 'debian-shell');

  // What is typed before a program runs is the shell's to read, or lost.
  await type(page, 'echo as it is; sleep 10000');
  await waitFor(page, '\nas it is');
  await page.keyboard.press('Control+c');
  await waitFor(page, PROMPTED);
  await type(page, 'echo the sleep is $((500 + 55))');
  await waitFor(page, '\nthe sleep is 555');

  // 10 KB, in lines as a shell script has them; none of it is lost.
  const pasted = Array.from({ length: 160 }, (_, n) => `${n}`.padEnd(63, '-+.ab xyz') + '\n').join('');
  assert.equal(pasted.length, 10_240);
  await type(page, 'echo to be filled; cat > /pasted');
  await waitFor(page, '\nto be filled');
  await paste(page, pasted);
  await page.keyboard.press('Control+d');
  await waitFor(page, PROMPTED);
  await type(page, 'md5sum < /pasted');
  await waitFor(page, createHash('md5').update(pasted).digest('hex'));

  await page.click('#start-stop');
  await waitForState(page, 'paused');
  await page.click('#start-stop');
  await waitForState(page, 'running');
  await type(page, 'echo $((6 * 7)) answers');
  await waitFor(page, '\n42 answers');

  const before = (await text(page)).length;
  await page.click('#reset');
  await waitFor(page, (now) => now.slice(before).includes('Linux version'), BOOT_SECONDS);
  await page.click('#power');
  await waitForState(page, 'ended');
  assert.match((await page.textContent('#ended')) ?? '', /exit code 0/);
  assert.deepEqual(complaints, []);
  await close();
});

test('Debian finds four processors, and compiled code runs on all of them', async (t) => {
  const { page, complaints, close } = await bench.open();
  await page.click('#own');
  await page.click('#take-debian');
  await page.selectOption('#processors', '4');
  await page.click('#files-boot');
  await waitFor(page, PROMPT, BOOT_SECONDS);
  assert.match(await text(page), /smp: Brought up 1 node, 4 CPUs/);
  await type(page, 'echo $(nproc) processors');
  await waitFor(page, '\n4 processors');
  assert.equal(await page.textContent('#counter-processors'), '4');
  await page.waitForFunction(() => document.getElementById('mips')?.textContent === 'Idle');
  const report = await page.evaluate(() => {
    type Held = { v64: { bench: { vm: { report(): Promise<string> } } } };
    return (globalThis as unknown as Held).v64.bench.vm.report();
  });
  t.diagnostic(report);
  const retired = /^by processor +(.*)$/m.exec(report)?.[1]?.split(', ').map(Number) ?? [];
  const share = Number(/^compiled +([0-9.]+) %/m.exec(report)?.[1]);
  assert.ok(retired.length === 4 && !retired.includes(0) && share > 75, report);
  assert.deepEqual(complaints, []);
  await close();
});

test('a tab that is closed while Debian boots leaves the browser in order', async () => {
  const first = await bench.open();
  await first.page.click('[data-guest="debian"]');
  await waitFor(first.page, 'Linux version', BOOT_SECONDS);
  await first.close();
  const second = await bench.open();
  await boot(second.page, 'demo');
  await waitFor(second.page, 'checks passed');
  assert.deepEqual([...first.complaints, ...second.complaints], []);
  await second.close();
});
