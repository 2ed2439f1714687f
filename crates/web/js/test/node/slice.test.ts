// How long the module runs before messages are heard: by the clock, whatever instructions cost.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Instance, Status } from '../../src/instance.ts';
import { multiboot, SPIN } from '../guests.ts';
import { PKG } from './harness.ts';

for (const clock of ['real', 'icount']) {
  test(`a slice ends by the host's clock, also where the guest's is ${clock}`, async () => {
    const { now } = performance;
    let readings = 0;
    // A host on which a millisecond passes between two looks at the clock.
    performance.now = () => ++readings;
    try {
      const module = await WebAssembly.compile(readFileSync(join(PKG, 'v64.wasm')));
      const instance = await Instance.create(module, assert.fail);
      instance.command(['run', '-m', '16M', '--kernel', 'given', '--debug-exit', '0xf4', '--clock', clock]);
      instance.file('kernel', multiboot(SPIN));
      instance.start();
      for (let slice = 1; slice <= 3; slice++) {
        const before = readings;
        assert.equal(instance.run(8), Status.done);
        assert.ok(readings - before >= 8 && readings - before < 40, `${readings - before} ms passed`);
        const { instructions } = instance.stats() as { instructions: number };
        assert.ok(instructions > 0 && instructions <= slice * 10 * 100_000, `${instructions} in ${slice} slices`);
      }
    } finally {
      performance.now = now;
    }
  });
}
