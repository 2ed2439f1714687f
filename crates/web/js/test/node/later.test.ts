// Guest code that is compiled beside the machine: its states are the interpreter's, whenever the code comes, or does not.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Instance, Status } from '../../src/instance.ts';
import { fourProcessors, manyLoops, multiboot } from '../guests.ts';
import { PKG } from './harness.ts';

const OPTIONS = ['run', '-m', '16M', '--kernel', 'given', '--debug-exit', '0xf4', '--clock', 'icount', '--stats', '--state-hash'];
const GUEST = multiboot(manyLoops(27));
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a machine', () => {
  const { compile } = WebAssembly;
  let module: WebAssembly.Module;
  /** Compilations that were begun */
  let begun = 0;
  before(async () => {
    module = await compile(readFileSync(join(PKG, 'v64.wasm')));
  });
  beforeEach(() => {
    begun = 0;
    WebAssembly.compile = (bytes: BufferSource) => {
      begun++;
      return compile(bytes);
    };
  });
  afterEach(() => {
    WebAssembly.compile = compile;
  });

  function start(atOnce: number | undefined, ...flags: string[]): Promise<Instance> {
    return startGuest(GUEST, atOnce, ...flags);
  }

  async function startGuest(guest: Uint8Array, atOnce: number | undefined, ...flags: string[]): Promise<Instance> {
    const instance = await Instance.create(module, assert.fail, atOnce);
    instance.command([...OPTIONS, ...flags]);
    instance.file('kernel', guest);
    instance.start();
    return instance;
  }

  /** Runs to the end. `between` is what happens between two slices. */
  async function finish(instance: Instance, between: () => Promise<void> | void): Promise<{ hash: string; report: string; slices: number }> {
    for (let slices = 1; ; slices++) {
      if (instance.run(8) === Status.ended) {
        const { exitCode, report } = instance.end();
        assert.equal(exitCode, (42 << 1) | 1);
        return { hash: report, report: instance.report(1), slices };
      }
      await between();
    }
  }

  /** Percent of the instructions that compiled code executed. */
  const share = (report: string): number => Number(/compiled +([0-9.]+) %/.exec(report)?.[1] ?? 0);

  test('comes to the same state, whatever is compiled when', async () => {
    const { hash, report } = await finish(await start(undefined, '--engine', 'interp'), turn);
    assert.match(hash, /state hash [0-9a-f]{16} after \d+ instructions/);
    assert.equal(share(report), 0);

    const atOnce = await finish(await start(Infinity), turn);
    assert.equal(begun, 0);
    assert.equal(atOnce.hash, hash);

    const mixed = await finish(await start(undefined), turn);
    assert.equal(mixed.hash, hash);
    assert.ok(begun > 0, 'this guest has large modules');

    const later = await finish(await start(0), turn);
    assert.equal(later.hash, hash);
    for (const { report } of [atOnce, mixed, later]) assert.ok(share(report) > 70, report);
  });

  test('has several processors that all run compiled code, and comes to the same state', async () => {
    const guest = multiboot(fourProcessors(6));
    const run = async (...how: [number | undefined, ...string[]]) => finish(await startGuest(guest, ...how, '-smp', '4'), turn);
    const { hash, report } = await run(undefined, '--engine', 'interp');
    assert.equal(share(report), 0);
    const atOnce = await run(Infinity);
    assert.equal(atOnce.hash, hash);
    // A quarter of the work is the first processor's.
    assert.ok(share(atOnce.report) > 60, atOnce.report);
    assert.match(atOnce.report, /^dropped +[1-9]/m, 'each processor changes code of all');
    // How much of it is there in time, what is compiled in the background, depends on the host.
    for (const bytes of [undefined, 0]) assert.equal((await run(bytes)).hash, hash, `modules up to ${bytes} bytes at once`);
    assert.ok(begun > 0, 'modules were compiled in the background');
  });

  test('ends its slices also where nothing ever comes in between', async () => {
    const { hash } = await finish(await start(undefined, '--engine', 'interp'), turn);
    const still = await finish(await start(0), () => {});
    assert.equal(still.hash, hash);
    assert.ok(begun > 0 && share(still.report) === 0, 'promises wait for the end of the loop');
    assert.ok(still.slices > 3, `${still.slices} slices`);
  });

  test('interprets what the engine refuses later', async () => {
    const { hash } = await finish(await start(undefined, '--engine', 'interp'), turn);
    WebAssembly.compile = () => Promise.reject(new WebAssembly.CompileError('as meant'));
    const refused = await finish(await start(0), turn);
    assert.equal(refused.hash, hash);
    assert.ok(Number(/(\d+) refused/.exec(refused.report)?.[1]) > 0, refused.report);
    assert.equal(share(refused.report), 0);
  });

  test('can be reset while code is compiled, which comes afterwards', async () => {
    const held: (() => void)[] = [];
    WebAssembly.compile = (bytes: BufferSource) => new Promise((resolve) => held.push(() => resolve(compile(bytes))));
    const instance = await start(0);
    while (held.length === 0) assert.equal(instance.run(1), Status.done);
    instance.reset();
    for (const release of held) release();
    WebAssembly.compile = compile;
    await turn();
    const { report } = await finish(instance, turn);
    assert.match(report, /resets +1/);
    // How soon it is there again depends on the host.
    assert.ok(share(report) > 0, report);
  });
});

/** Code to put before that of a worker: what is compiled later comes much later, and it is told when that begins and ends. */
const HELD = `{
  const { parentPort } = await import('node:worker_threads');
  const { compile } = WebAssembly;
  const log = (line) => parentPort.postMessage({ type: 'log', line });
  WebAssembly.compile = (bytes) => {
    log('compiling');
    const later = new Promise((resolve) => setTimeout(resolve, 300));
    return later.then(() => compile(bytes)).finally(() => setTimeout(log, 0, 'compiled'));
  };
}
`;

describe('a machine in a worker', () => {
  let folder: string;
  let V64: typeof import('../../src/index.ts').V64;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'v64-later-'));
    cpSync(PKG, folder, { recursive: true });
    const worker = join(folder, 'worker.mjs');
    writeFileSync(worker, HELD + readFileSync(worker, 'utf8'));
    ({ V64 } = (await import(pathToFileURL(join(folder, 'node.mjs')).href)) as typeof import('../../src/index.ts'));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** A machine that is compiling, and what to wait with for lines that its worker says. */
  async function compiling() {
    const lines: string[] = [];
    const vm = await V64.create({ memory: '16M', kernel: multiboot(manyLoops(1 << 30)), onLog: (line) => void lines.push(line) });
    const ended = vm.run();
    const until = async (line: string): Promise<void> => {
      while (!lines.includes(line)) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await until('compiling');
    assert.deepEqual(lines.filter((line) => line === 'compiled'), []);
    return { vm, ended, until };
  }

  test('is powered off while code is compiled, and answers when that comes', async () => {
    const { vm, ended, until } = await compiling();
    await vm.powerOff();
    assert.equal((await ended).exitCode, 0);
    await until('compiled');
    const { instructions } = await vm.stats();
    assert.ok(instructions > 0);
    vm.destroy();
  });

  test('is destroyed while code is compiled, and another runs what comes', async () => {
    const { vm, ended } = await compiling();
    vm.destroy();
    await assert.rejects(ended, { code: 'STATE' });
    const next = await compiling();
    await next.until('compiled');
    while (!/compiled +\d/.test(await next.vm.report())) await new Promise((resolve) => setTimeout(resolve, 20));
    next.vm.destroy();
    await assert.rejects(next.ended, { code: 'STATE' });
  });
});
