// Modules of compiled code: which slots of the table they fill, and when, whatever becomes of them meanwhile.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CodeExports, GuestCode, Installed } from '../../src/code.ts';

/** Parts of a module's binary, each with its length before it. */
const counted = (...bytes: number[]): number[] => [bytes.length, ...bytes];
const named = (text: string): number[] => counted(...new TextEncoder().encode(text));

/** A module whose functions fill slots from `first` on and give `values`. It imports the table, of this name. */
function module(first: number, values: number[], table = 'table'): Uint8Array<ArrayBuffer> {
  const n = values.length;
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[1, ...counted(1, 0x60, 0, 1, 0x7f)], // one type: () -> i32
    ...[2, ...counted(1, ...named('v64'), ...named(table), 1, 0x70, 4, 1)], // a table of functions, 64-bit
    ...[3, ...counted(n, ...values.map(() => 0))],
    ...[9, ...counted(1, 0, 0x42, first, 0x0b, n, ...values.keys())], // i64.const first
    ...[10, ...counted(n, ...values.flatMap((value) => counted(0, 0x41, value, 0x0b)))], // i32.const value
  ]);
}

const broken = module(1, [1]).slice(0, -1);
const strange = module(1, [1], 'nothing');

/** A table of ten slots, what is told of modules, and compilations that end when they are told to. */
function bench(atOnce: number) {
  const descriptor = { element: 'anyfunc', initial: 10n, address: 'i64' } as unknown as WebAssembly.TableDescriptor;
  const table = new WebAssembly.Table(descriptor);
  const told: [number, number][] = [];
  const shared = { __indirect_function_table: table, v64_compiled: (...what: [number, number]) => void told.push(what) };
  const { compile } = WebAssembly;
  const held: (() => Promise<unknown>)[] = [];
  WebAssembly.compile = (bytes: BufferSource) =>
    new Promise((resolve, reject) => {
      held.push(() => compile(bytes).then(resolve, reject));
    });
  return {
    code: new GuestCode(shared as unknown as CodeExports, atOnce),
    table,
    told,
    held,
    /** What the function in a slot gives; `null` where there is none */
    slot: (n: number): unknown => (table.get(BigInt(n) as never) as (() => number) | null)?.() ?? null,
    /** Ends one that was begun, and lets everything come that follows from it */
    async release(n: number): Promise<void> {
      await held[n]?.();
      await new Promise((resolve) => setImmediate(resolve));
    },
    restore: () => void (WebAssembly.compile = compile),
  };
}

type Bench = ReturnType<typeof bench>;

function withBench(name: string, atOnce: number, run: (bench: Bench) => Promise<void> | void): void {
  test(name, async () => {
    const made = bench(atOnce);
    try {
      await run(made);
    } finally {
      made.restore();
    }
  });
}

withBench('a small module is there at once, a large one when it has been compiled', 80, async (b) => {
  const large = module(3, [30, 31, 32, 33, 34, 35]);
  assert.ok(module(1, [10]).length <= 80 && large.length > 80, `${large.length} bytes`);
  assert.equal(b.code.install(module(1, [10]), 1, 1, true), Installed.now);
  assert.equal(b.code.install(large, 3, 6, true), Installed.later);
  assert.deepEqual([b.slot(1), b.slot(3), b.told], [10, null, []]);
  await b.release(0);
  assert.deepEqual([b.slot(3), b.slot(8), b.told], [30, 35, [[3, 1]]]);
  // Nothing waits for whoever cannot.
  assert.equal(b.code.install(large, 3, 6, false), Installed.now);
  assert.equal(b.held.length, 1);
});

withBench('the table grows to what a module asks for', 0, async (b) => {
  assert.equal(b.code.install(module(40, [1, 2]), 40, 2, true), Installed.later);
  await b.release(0);
  assert.deepEqual([b.slot(41), b.told], [2, [[40, 1]]]);
});

withBench('what does not compile or fit is refused, at once or later', 0, async (b) => {
  for (const bytes of [broken, strange]) {
    assert.equal(b.code.install(bytes, 1, 1, false), Installed.refused);
    assert.equal(b.code.install(bytes, 1, 1, true), Installed.later);
  }
  await b.release(1);
  assert.deepEqual(b.told, [[1, 0]]);
  await b.release(0);
  assert.deepEqual([b.told, b.slot(1)], [[[1, 0], [1, 0]], null]);
});

withBench('slots that are retired while their module is compiled stay empty', 0, async (b) => {
  b.code.install(module(1, [10, 11]), 1, 2, true);
  b.code.install(broken, 5, 1, true);
  b.code.install(module(3, [30]), 3, 1, true);
  b.code.retire(1, 2);
  b.code.retire(5, 1);
  for (const n of [0, 1, 2]) await b.release(n);
  assert.deepEqual([b.slot(1), b.slot(2), b.slot(3), b.told], [null, null, 30, [[3, 1]]]);
  b.code.retire(3, 1);
  assert.equal(b.slot(3), null);
});

for (const order of [[0, 1], [1, 0]]) {
  withBench(`slots that were given on belong to the new module, the ${order[0] ? 'new' : 'old'} one being first`, 0, async (b) => {
    b.code.install(module(1, [10, 11]), 1, 2, true);
    b.code.retire(1, 2);
    b.code.install(module(2, [20, 21]), 2, 2, true);
    for (const n of order) await b.release(n);
    assert.deepEqual([b.slot(1), b.slot(2), b.slot(3), b.told], [null, 20, 21, [[2, 1]]]);
  });
}
