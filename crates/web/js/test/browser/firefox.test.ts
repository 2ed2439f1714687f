// The page in Firefox ESR, driven by WebDriver BiDi (Playwright drives a patched Firefox only).
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import puppeteer from 'puppeteer-core';
import { SCREENSHOTS, serve } from './harness.ts';

const FIREFOX = ['/usr/bin/firefox-esr', '/usr/bin/firefox'];
type Held = { v64: { screen: { text(): string } } };

const executablePath = process.env['FIREFOX'] ?? FIREFOX.find((path) => existsSync(path));
const skip = executablePath === undefined && 'no Firefox; install the package firefox-esr';

test('boots the demo guest in Firefox, takes keys and powers off', { skip }, async (t) => {
  const site = await serve();
  const firefox = await puppeteer.launch({ browser: 'firefox', executablePath: executablePath ?? '', headless: true });
  try {
    t.diagnostic(await firefox.version());
    const page = await firefox.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.setViewport({ width: 1280, height: 800 });
    await page.goto(site.url);
    await page.click('[data-guest="demo"]');
    const printed = (words: string) =>
      page.waitForFunction(
        (words) => (globalThis as unknown as Held).v64.screen.text().includes(words),
        { timeout: 120_000 },
        words,
      );
    await printed('checks passed');
    await printed('\n>');
    await page.click('#terminal');
    await page.keyboard.type('echo a fox\n');
    await printed('\na fox');
    mkdirSync(SCREENSHOTS, { recursive: true });
    await page.screenshot({ path: join(SCREENSHOTS, 'firefox.png') });
    t.diagnostic(`speed shown: ${await page.$eval('#scope-peak', (element) => element.textContent)} MIPS`);
    await page.click('#power');
    await page.waitForSelector('#state[data-state="ended"]');
    assert.deepEqual(complaints, []);
  } finally {
    await firefox.close();
    site.close();
  }
});
