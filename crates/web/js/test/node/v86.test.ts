// v86's interface over the machine, in Node.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { bootDisk } from '../images.ts';
import { ECHO_KEYS, multiboot, PAINT_KEYS } from '../guests.ts';
import { PKG } from './harness.ts';

const { V86, V86Starter } = (await import(pathToFileURL(join(PKG, 'v86.node.mjs')).href)) as typeof import('../../src/v86/index.ts');

const buffer = (bytes: Uint8Array<ArrayBuffer>): { buffer: ArrayBuffer } => ({ buffer: bytes.buffer });

test('options that v86 does not have, or that cannot be, are refused by name; what is ignored is said', () => {
  assert.equal(V86Starter, V86);
  const refused = (options: object, message: RegExp): void => void assert.throws(() => new V86(options as never), { code: 'BAD_OPTION', message });
  refused({ memory_sise: 1 }, /`memory_sise` is no option of v86; did you mean `memory_size`/);
  refused({ filesystem: { baseurl: 'fs/' } }, /`filesystem` cannot be: there is no 9p/);
  refused({ uart1: true }, /`uart1` cannot be: only COM1/);
  refused({ cdrom: 'linux.iso' }, /`cdrom` is no image/);
  refused({ hda: { url: 'disk.img.zst' } }, /packed by zstd/);
  refused({ hda: { url: 'disk', use_parts: true } }, /`use_parts` of `hda`/);
  refused({ boot_order: 0x999 }, /`boot_order` is 2457/);
  const { warn } = console;
  const said: string[] = [];
  console.warn = (text: string) => void said.push(text);
  try {
    const machine = new V86({ wasm_path: 'v86.wasm', filesystem: {}, vga_memory_size: 8 << 20 });
    machine.add_listener('net0-send', () => {});
    void machine.destroy();
  } finally {
    console.warn = warn;
  }
  assert.deepEqual(said.map((text) => /(wasm_path|filesystem|vga_memory_size|net0-send)/.exec(text)?.[1]), ['wasm_path', 'filesystem', 'vga_memory_size', 'net0-send']);
});

test('a disk boots, and events come as v86 sends them', async () => {
  const events: string[] = [];
  let text = '';
  const machine = new V86({ memory_size: 16 << 20, hda: buffer(bootDisk('Text of the disk')), autostart: true, v64: { debugExit: 0xf4 } });
  const stopped = new Promise<void>((resolve) => machine.add_listener('emulator-stopped', resolve as () => void));
  for (const event of ['emulator-ready', 'emulator-started', 'emulator-stopped'] as const) machine.add_listener(event, () => events.push(event));
  machine.add_listener('serial0-output-byte', (byte) => void (text += String.fromCharCode(byte)));
  await stopped;
  assert.equal(text, 'Text of the diskU');
  assert.deepEqual(events, ['emulator-ready', 'emulator-started', 'emulator-stopped']);
  assert.equal(machine.is_running(), false);
  await machine.destroy();
});

test('serial line, pause, states, counter', async () => {
  const machine = new V86({ memory_size: 16 << 20, multiboot: buffer(multiboot(ECHO_KEYS)), v64: { vga: 'none' } });
  let text = '';
  const heard = (wanted: string): Promise<void> =>
    new Promise((resolve) => {
      const listener = (): void => {
        if (!text.includes(wanted)) return;
        machine.remove_listener('serial0-output-byte', listener);
        resolve();
      };
      machine.add_listener('serial0-output-byte', listener);
    });
  machine.add_listener('serial0-output-byte', (byte) => void (text += String.fromCharCode(byte)));
  const ready = heard('R');
  await machine.run();
  await ready;
  assert.equal(machine.is_running(), true);
  const echoed = heard('C');
  machine.serial0_send('\x03');
  await echoed;
  await machine.stop();
  assert.equal(machine.is_running(), false);
  // The guest's multiboot header lies at 1 MiB.
  assert.deepEqual([...(await machine.read_memory(1 << 20, 4))], [0x02, 0xb0, 0xad, 0x1b]);
  const state = await machine.save_state();
  assert.ok(state instanceof ArrayBuffer && state.byteLength > 100);
  await machine.restore_state(state);
  await machine.run();
  const again = heard('D');
  machine.serial_send_bytes(0, [4]);
  await again;
  while (machine.get_instruction_counter() === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.throws(() => machine.serial_send_bytes(1, [4]), { code: 'BAD_OPTION' });
  await assert.rejects(machine.create_file('a', new Uint8Array()), { code: 'BAD_OPTION' });
  await machine.destroy();
});

test('keys by scan codes, by codes and as text reach the guest', async () => {
  const machine = new V86({ memory_size: 16 << 20, multiboot: buffer(multiboot(PAINT_KEYS)), v64: { vga: 'none', args: ['-device', 'VGA'] } });
  const sent: number[] = [];
  const come = async (count: number): Promise<void> => {
    while (sent.length < count) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  machine.add_listener('serial0-output-byte', (byte) => void sent.push(byte));
  await machine.run();
  await come(1);
  await machine.keyboard_send_scancodes([0x1e, 0x9e, 0xe0, 0x48, 0xe0, 0xc8]);
  await come(7);
  await machine.keyboard_send_keys([66]);
  await come(9);
  await machine.keyboard_send_text('c', 1);
  await come(11);
  assert.deepEqual(sent.slice(1), [0x1e, 0x9e, 0xe0, 0x48, 0xe0, 0xc8, 0x30, 0xb0, 0x2e, 0xae]);
  await machine.destroy();
});

test('what cannot be downloaded is an event', async () => {
  const machine = new V86({ cdrom: { url: 'http://127.0.0.1:9/none.iso' }, autostart: true });
  const error = await new Promise<Error>((resolve) => machine.add_listener('download-error', ({ error }) => resolve(error)));
  assert.match(error.message, /none\.iso/);
  await assert.rejects(machine.ready, { code: 'SOURCE' });
});
