// The machine in Chromium is the machine of the native command: same states, and memory beyond 4 GiB.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { manyLoops, multiboot } from '../guests.ts';
import { chromiumBench, ROOT, waitFor, waitForState } from './harness.ts';

const NATIVE = join(ROOT, 'target/release/v64');
const COUNTS = [1, 100_000, 1_000_000, 3_000_000];

const bench = chromiumBench();

/** What the native command says after so many instructions of the demo guest. */
function natively(count: number): string {
  const args = ['run', '--clock', 'icount', '--serial', 'none', '--state-hash', '--max-instructions', String(count)];
  try {
    return execFileSync(NATIVE, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    // Exit code 3: as many instructions as were asked for.
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return stdout + stderr;
  }
}

/** The same in the page, through the package's own interface. */
function inPage(page: Page, count: number): Promise<string> {
  return page.evaluate(async (maxInstructions) => {
    type Vm = { run(): Promise<unknown>; stateHash(): Promise<string | bigint>; destroy(): void };
    type Package = { V64: { create(options: object): Promise<Vm> } };
    const { V64 } = (await import(new URL('v64.mjs', document.baseURI).href)) as Package;
    const vm = await V64.create({ clock: 'icount', maxInstructions, args: ['--serial', 'none'] });
    await vm.run();
    const hash = await vm.stateHash();
    vm.destroy();
    return (typeof hash === 'bigint' ? hash.toString(16) : hash).padStart(16, '0');
  }, count);
}

const skipNative = !existsSync(NATIVE) && 'no native build to compare with: cargo build --release -p v64';

test('state hashes in Chromium are those of the native command', { skip: skipNative }, async () => {
  const { page, close } = await bench.open();
  const hashes = new Set<string>();
  for (const count of COUNTS) {
    const native = /state hash ([0-9a-f]{16})/.exec(natively(count))?.[1];
    assert.ok(native, `a native hash after ${count}`);
    assert.equal(await inPage(page, count), native, `after ${count} instructions`);
    hashes.add(native);
  }
  assert.equal(hashes.size, COUNTS.length, 'the states differ from one another');
  await close();
});

/** Code to put before that of a worker: tells when a module of guest code is compiled beside the machine, and was. */
const TELLING = `{
  const { compile } = WebAssembly;
  WebAssembly.compile = async (bytes) => {
    postMessage({ type: 'log', line: 'compiling' });
    const module = await compile(bytes);
    postMessage({ type: 'log', line: 'compiled' });
    return module;
  };
}
`;

test('large modules of guest code are compiled beside the machine, and come', async (t) => {
  const { page, close } = await bench.open();
  await page.route('**/worker.mjs', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: TELLING + (await response.text()) });
  });
  const { exitCode, lines, report } = await page.evaluate(async (image) => {
    type Vm = { run(): Promise<{ exitCode: number }>; report(): Promise<string>; destroy(): void };
    type Package = { V64: { create(options: object): Promise<Vm> } };
    const { V64 } = (await import(new URL('v64.mjs', document.baseURI).href)) as Package;
    const lines: string[] = [];
    const onLog = (line: string) => void lines.push(line);
    const vm = await V64.create({ memory: '16M', debugExit: 0xf4, kernel: new Uint8Array(image), onLog });
    const { exitCode } = await vm.run();
    const report = await vm.report();
    vm.destroy();
    return { exitCode, lines, report };
  }, [...multiboot(manyLoops(133))]);
  assert.equal(exitCode, (42 << 1) | 1);
  const share = /^compiled +([0-9.]+) %/m.exec(report)?.[1];
  t.diagnostic(`${lines.join(', ')}; ${share} % of instructions were executed by compiled code`);
  assert.ok(lines.includes('compiled'), lines.join());
  assert.ok(Number(share) > 80, report);
  await close();
});

/** The guest that fills and checks all of its memory, as the build of demo-guest left it. */
function memoryGuest(): string | undefined {
  const found = globSync('target/*/build/demo-guest-*/out/memory.bin', { cwd: ROOT }).map((name) => join(ROOT, name));
  return found.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0];
}

const image = memoryGuest();
const skipMemory = image === undefined && 'the memory guest is not built: cargo build -p demo-guest';

test('a guest of 6 GiB, chosen from a file, uses all of its memory', { skip: skipMemory }, async (t) => {
  const { page, close } = await bench.open();
  await page.click('#own');
  await page.setInputFiles('#kernel', image ?? '');
  await page.fill('#append', '');
  await page.fill('#size-field', '6G');
  await page.click('#files-boot');
  const printed = await waitFor(page, /memory: 6144 MiB, 1536 regions above 4 GiB, ok/, 120);
  assert.match(printed, /page tables and code above 4 GiB, ok/);
  await waitForState(page, 'ended');
  t.diagnostic((await page.textContent('#ended')) ?? '');
  assert.match((await page.textContent('#ended')) ?? '', /exit code 0/);
  // Of 6 GiB the host pays for the pages that were written to.
  const peak = await rendererPeak();
  t.diagnostic(`the most that the page's process ever held: ${peak >> 20} MiB`);
  assert.ok(peak > 0 && peak < 2 ** 30, `${peak >> 20} MiB`);
  await close();
});

/** The most memory, in bytes, that any process with a page in it has held. */
async function rendererPeak(): Promise<number> {
  const session = await bench.browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const kib = processInfo
    .filter(({ type }) => type === 'renderer')
    .map(({ id }) => /^VmHWM:\s*(\d+) kB/m.exec(readFileSync(`/proc/${id}/status`, 'utf8'))?.[1]);
  await session.detach();
  return Math.max(...kib.map((n) => Number(n ?? 0))) * 1024;
}
