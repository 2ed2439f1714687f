// What a machine plays: the queue before the sound card, and samples of a guest that beeps.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SoundQueue } from '../../src/sound-queue.ts';
import { beep, multiboot } from '../guests.ts';
import { load } from './harness.ts';

/** Frames of which left is `value` and right is its negative. */
const frames = (count: number, value: number): Int16Array => Int16Array.from({ length: 2 * count }, (_, n) => (n % 2 ? -value : value));

/** Takes frames as a sound card does; returns those of the left channel, and checks the right. */
function pull(queue: SoundQueue, count: number): number[] {
  const [left, right] = [new Float32Array(count).fill(9), new Float32Array(count).fill(9)];
  queue.pull(left, right);
  left.forEach((value, n) => assert.equal(Math.abs(value + (right[n] ?? NaN)), 0));
  return [...left].map((value) => value * 32768);
}

describe('the queue before the sound card', () => {
  test('waits until there is something to go on with, and is silent when nothing is left', () => {
    const queue = new SoundQueue(1000);
    queue.push(0, frames(20, 100));
    assert.deepEqual(pull(queue, 10), Array(10).fill(0));
    queue.push(20, frames(30, 100));
    assert.deepEqual(pull(queue, 40), Array(40).fill(100));
    assert.deepEqual(pull(queue, 20), [...Array(10).fill(100), ...Array(10).fill(0)]);
    assert.equal(queue.length, 0);
  });

  test('plays what is too short to wait for', () => {
    const queue = new SoundQueue(1000);
    queue.push(0, frames(5, 7));
    const heard = Array.from({ length: 10 }, () => pull(queue, 10)).flat();
    assert.deepEqual(heard.filter((value) => value !== 0), Array(5).fill(7));
  });

  test('keeps short gaps, and begins anew behind long ones', () => {
    const queue = new SoundQueue(1000);
    queue.push(0, frames(50, 1));
    queue.push(60, frames(50, 2));
    queue.push(5000, frames(50, 3));
    assert.equal(queue.length, 160);
    assert.deepEqual(pull(queue, 160), [...Array(50).fill(1), ...Array(10).fill(0), ...Array(50).fill(2), ...Array(50).fill(3)]);
  });

  test('drops the oldest where sound would lag behind', () => {
    const queue = new SoundQueue(1000);
    for (let n = 0; n < 100; n++) queue.push(50 * n, frames(50, n + 1));
    assert.ok(queue.length <= 500);
    const heard = pull(queue, queue.length);
    assert.equal(heard.at(-1), 100);
    assert.equal(queue.length, 0);
  });
});

describe('the speaker', () => {
  for (const hertz of [440, 2000]) {
    test(`of a guest that plays ${hertz} Hz is heard as that`, async () => {
      const { V64 } = await load();
      const heard: { rate: number; start: number; samples: Int16Array }[] = [];
      let enough = (): void => {};
      const full = new Promise<void>((resolve) => (enough = resolve));
      let count = 0;
      await using vm = await V64.create({
        memory: '16M',
        kernel: multiboot(beep(hertz)),
        audio: (sound) => {
          heard.push(sound);
          count += sound.samples.length / 2;
          if (count >= sound.rate / 2) enough();
        },
      });
      const end = vm.run().catch(() => {});
      await full;
      await vm.powerOff();
      await end;
      const [first] = heard;
      assert.ok(first);
      assert.equal(first.rate, 48_000);
      // Parts follow each other without a gap.
      let next = first.start;
      for (const { start, samples } of heard) {
        assert.equal(start, next);
        next = start + samples.length / 2;
      }
      const left = heard.flatMap(({ samples }) => [...samples].filter((_, n) => n % 2 === 0)).slice(0, first.rate / 2);
      const middle = (Math.max(...left) + Math.min(...left)) / 2;
      const ups = left.filter((value, n) => value > middle && (left[n - 1] ?? Infinity) <= middle).length;
      assert.ok(Math.abs(ups - hertz / 2) <= 2, `${ups} periods in half a second`);
      assert.ok(Math.max(...left) - Math.min(...left) > 1000, 'loud enough');
    });
  }

  test('a muted machine is not heard, and what cannot play is refused', async () => {
    const { V64 } = await load();
    let parts = 0;
    await using vm = await V64.create({ memory: '16M', kernel: multiboot(beep(440)), audio: () => void parts++ });
    assert.ok(vm.audio);
    vm.audio.muted = true;
    assert.throws(() => (vm.audio!.volume = 2), { code: 'BAD_OPTION' });
    const end = vm.run().catch(() => {});
    while ((await vm.stats()).instructions < 50_000_000) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(parts, 0);
    vm.audio.muted = false;
    while (parts === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await vm.powerOff();
    await end;
    for (const audio of [true, 'loud', {}]) {
      await assert.rejects(V64.create({ audio } as never), { code: 'BAD_OPTION' });
    }
    await using silent = await V64.create({ memory: '16M', kernel: multiboot(beep(440)), audio: false });
    assert.equal(silent.audio, undefined);
  });
});

test('a machine with a sound card starts as it does without, also from a state', async () => {
  const { V64 } = await load();
  const audio = (): void => {};
  await using vm = await V64.create({ memory: '16M', audio, clock: 'icount' });
  const end = vm.run().catch(() => {});
  await vm.waitFor(/all \d+ checks passed/);
  const state = await vm.saveState();
  await using again = await V64.create({ state, audio });
  const other = again.run().catch(() => {});
  again.serial.write('echo goes on\r');
  await again.waitFor('\ngoes on');
  for (const one of [vm, again]) await one.powerOff();
  await Promise.all([end, other]);
});

test('guest memory is written from outside', async () => {
  const { V64 } = await load();
  await using vm = await V64.create({ memory: '16M', kernel: multiboot([0xeb, 0xfe]) });
  await vm.writeMemory(0x50_0000, [1, 2, 255]);
  await vm.writeMemory(0x50_0003, new Uint8Array([4]));
  assert.deepEqual([...(await vm.readMemory(0x50_0000, 5))], [1, 2, 255, 4, 0]);
  for (const [at, data] of [[-1, [1]], [0, [256]], [0, 'text'], [0.5, [1]]] as const) {
    await assert.rejects(vm.writeMemory(at, data as never), { code: 'BAD_OPTION' });
  }
});

test('a note is in the state, and is read without a machine', async () => {
  const { V64, noteOf } = await load();
  await using vm = await V64.create({ memory: '16M', kernel: multiboot([0xeb, 0xfe]) });
  const note = JSON.stringify({ what: 'a guest that spins: ü' });
  const state = await vm.saveState({ note });
  assert.equal(await noteOf(state), note);
  assert.equal(await noteOf(new Blob([state as Uint8Array<ArrayBuffer>])), note);
  assert.equal(await noteOf(await vm.saveState()), undefined);
  assert.equal(await noteOf(new Uint8Array(3)), undefined);
  await assert.rejects(noteOf('text' as never), { code: 'BAD_OPTION' });
  await vm.restoreState(state);
});
