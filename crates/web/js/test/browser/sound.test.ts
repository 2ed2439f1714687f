// Sound in the page: by the browser's thread for it, from the user's first touch on, and muted by a key.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { beep, multiboot } from '../guests.ts';
import { chromiumBench, waitForState } from './harness.ts';

const bench = chromiumBench();

type Audio = { muted: boolean; context?: AudioContext; output?: AudioNode };
type Held = { v64: { bench: { vm: { audio: Audio } } }; analyser?: AnalyserNode };

/** Listens to what the machine plays until it sounds: returns the frequency with the most of it, in hertz. */
async function loudest(page: Page): Promise<number> {
  await page.waitForFunction(() => (globalThis as unknown as Held).v64.bench.vm.audio.output !== undefined);
  await page.evaluate(() => {
    const held = globalThis as unknown as Held;
    const { context, output } = held.v64.bench.vm.audio;
    if (!context || !output) throw new Error('there is no sound');
    held.analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
    output.connect(held.analyser);
  });
  const frequency = await page.waitForFunction(() => {
    const { analyser } = globalThis as unknown as Held;
    if (!analyser) return false;
    const levels = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(levels);
    // Bin 0 is the mean, of which a speaker that is on or off has much.
    const bins = [...levels.keys()].slice(4);
    const best = bins.reduce((best, bin) => ((levels[bin] ?? -Infinity) > (levels[best] ?? -Infinity) ? bin : best));
    return (levels[best] ?? -Infinity) > -50 && (best * analyser.context.sampleRate) / analyser.fftSize;
  }, undefined, { timeout: 120_000, polling: 200 });
  return (await frequency.jsonValue()) as number;
}

async function bootBeep(page: Page, hertz: number): Promise<void> {
  await page.click('#own');
  await page.setInputFiles('#kernel', { name: 'beep', mimeType: '', buffer: Buffer.from(multiboot(beep(hertz))) });
  await page.fill('#size-field', '16M');
  await page.selectOption('#adapter', 'std');
  await page.click('#files-boot');
  await waitForState(page, 'running', 60);
}

test('the speaker is heard at its pitch, and a key mutes it', async () => {
  const { page, complaints, close } = await bench.open();
  await bootBeep(page, 880);
  const heard = await loudest(page);
  assert.ok(Math.abs(heard - 880) < 15, `${heard} Hz`);
  await page.waitForSelector('#mute', { state: 'visible', timeout: 120_000 });
  await page.click('#mute');
  assert.equal(await page.getAttribute('#mute', 'aria-pressed'), 'true');
  const isSilent = (): boolean => {
    const { analyser } = globalThis as unknown as Held;
    const samples = new Float32Array(analyser?.fftSize ?? 0);
    analyser?.getFloatTimeDomainData(samples);
    return samples.length > 0 && samples.every((sample) => sample === 0);
  };
  await page.waitForFunction(isSilent, undefined, { polling: 200 });
  // The next machine is muted as well, also in another page.
  await page.reload();
  assert.equal(await page.evaluate(() => document.getElementById('mute')?.getAttribute('aria-pressed')), 'true');
  await bootBeep(page, 880);
  assert.equal(await page.evaluate(() => (globalThis as unknown as Held).v64.bench.vm.audio.muted), true);
  assert.deepEqual(complaints, []);
  await close();
});

test('before the user touches the page nothing plays, and nothing complains', async () => {
  const { page, complaints, close } = await bench.open();
  // What a test evaluates counts as the user's touch.
  await page.addInitScript(() => Object.defineProperty(Navigator.prototype, 'userActivation', { get: () => ({ hasBeenActive: false, isActive: false }) }));
  await page.goto(`${bench.url}?guest=seabios`);
  await waitForState(page, 'running', 120);
  const context = (): Promise<string | undefined> => page.evaluate(() => (globalThis as unknown as Held).v64.bench.vm.audio.context?.state);
  assert.equal(await context(), undefined);
  await page.click('#display');
  await page.waitForFunction(() => (globalThis as unknown as Held).v64.bench.vm.audio.context?.state === 'running');
  assert.deepEqual(complaints, []);
  await close();
});
