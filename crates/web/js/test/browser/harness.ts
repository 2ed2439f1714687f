// What the browser tests share: a served page, Chromium, and the things that a person would do.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before } from 'node:test';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** The top of the work tree. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../../../..');
export const SCREENSHOTS = join(ROOT, 'target/screenshots');

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A running `cargo xtask serve`. */
export interface Site {
  url: string;
  close(): void;
}

/** Serves `pkg/` at a free port, or uses what V64_URL names. */
export async function serve(): Promise<Site> {
  const given = process.env['V64_URL'];
  if (given) return { url: given, close() {} };
  const child = spawn(process.env['CARGO'] ?? 'cargo', ['xtask', 'serve', '--port', '0'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const url = await firstLine(child);
  return {
    url,
    // The group: cargo and the server that it runs.
    close: () => void (child.pid && process.kill(-child.pid)),
  };
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      const [line, rest] = text.split('\n');
      if (line !== undefined && rest !== undefined) resolve(line);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`cargo xtask serve ended with ${code}`)));
  });
}

/** Debian's Chromium, or what CHROMIUM names. */
export async function launch(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM'] ?? BROWSERS.find((path) => existsSync(path));
  if (!executablePath) throw new Error('no Chromium; install the package chromium');
  return chromium.launch({ executablePath, args: FLAGS });
}

/** A page in a tab of its own, and what it complained about on its console. */
export interface Tab {
  page: Page;
  complaints: string[];
  close(): Promise<void>;
}

/** A served page and Chromium. */
export interface Bench {
  /** The page's address */
  readonly url: string;
  readonly browser: Browser;
  /** Opens the page in a tab of its own. */
  open(options?: BrowserContextOptions): Promise<Tab>;
}

/** Serves the page and starts Chromium before the tests of this file or suite, and ends both after them. */
export function chromiumBench(): Bench {
  let site: Site;
  let browser: Browser;
  before(async () => {
    site = await serve();
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    site?.close();
  });
  return {
    get url() {
      return site.url;
    },
    get browser() {
      return browser;
    },
    open: (options) => open(browser, site.url, options),
  };
}

/** Opens a page in a tab of its own. */
export async function open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Tab> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  await page.goto(url);
  return { page, complaints, close: () => context.close() };
}

/** Boots one of the guests that have a key of their own. */
export async function boot(page: Page, guest: 'debian' | 'demo'): Promise<void> {
  await page.click(`[data-guest="${guest}"]`);
  await page.waitForSelector('#state:not([data-state="off"])');
}

/** Everything that the terminal has printed. */
export function text(page: Page): Promise<string> {
  return page.evaluate(() => (globalThis as unknown as { v64: { screen: { text(): string } } }).v64.screen.text());
}

/** Waits for words on the terminal; the time is a limit, and no test is about it. */
export async function waitFor(
  page: Page,
  wanted: string | RegExp | ((now: string) => boolean),
  seconds = 60,
): Promise<string> {
  const there = (now: string): boolean =>
    typeof wanted === 'string' ? now.includes(wanted) : wanted instanceof RegExp ? wanted.test(now) : wanted(now);
  const until = Date.now() + seconds * 1000;
  for (;;) {
    const now = await text(page);
    if (there(now)) return now;
    if (Date.now() > until) throw new Error(`no ${wanted} within ${seconds} s; the terminal:\n${now.slice(-2000)}`);
    await page.waitForTimeout(100);
  }
}

/** Waits for the state that the page shows. */
export async function waitForState(page: Page, state: string, seconds = 30): Promise<void> {
  await page.waitForSelector(`#state[data-state="${state}"]`, { timeout: seconds * 1000 });
}

/** Types as a person does, into what has the focus. */
export async function type(page: Page, line: string): Promise<void> {
  await page.click('#terminal');
  await page.keyboard.type(line);
  await page.keyboard.press('Enter');
}

export async function screenshot(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });
}
