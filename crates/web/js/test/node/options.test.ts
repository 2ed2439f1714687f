// Options and arguments that cannot be: an error where they are given, which says what is possible, and no harm done.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './harness.ts';

const { V64, V64Error } = await load();
type Options = Parameters<typeof V64.create>[0];

/** The code and message of the error that a call ends with. */
async function refusal(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof V64Error, String(error));
    return `${error.code} ${error.message}`;
  }
  return 'none';
}
const create = (options: unknown): Promise<string> => refusal(async () => (await V64.create(options as Options)).destroy());

test('an unknown option is named, with the nearest', async () => {
  const nearest: [string, RegExp][] = [
    ['disk', /`disk` is no option: did you mean `hda`\?/],
    ['boot_order', /`boot_order` is no option: did you mean `boot`\?/],
    ['memory_size', /`memory_size` is no option: did you mean `memory`\?/],
    ['bzimage', /did you mean `kernel`\?/],
    ['cmdline', /did you mean `append`\?/],
    ['initrdd', /did you mean `initrd`\?/],
    ['max_instructions', /did you mean `maxInstructions`\?/],
    ['onserial', /did you mean `onSerial`\?/],
    ['initial_state', /did you mean `state`\?/],
    ['processors', /did you mean `smp`\?/],
    ['cpus', /did you mean `smp`\?/],
    ['mem', /did you mean `memory`\?/],
    ['zzzzzz', /`zzzzzz` is no option\. The options are memory, smp, kernel/],
  ];
  for (const [name, wanted] of nearest) {
    const said = await create({ [name]: 1 });
    assert.match(said, wanted);
    assert.match(said, /^BAD_OPTION .*The options are memory, /);
  }
});

test('an option that cannot be what it is says what it may be', async () => {
  const wrong: [object, RegExp][] = [
    [{ memory: 0 }, /`memory` is 0; give a number of bytes, .* or a size such as '512M'/],
    [{ memory: 512 }, /`memory` is 512; give a number of bytes/],
    [{ memory: NaN }, /`memory` is NaN/],
    [{ memory: 64.5e6 + 0.5 }, /`memory` is/],
    [{ memory: 2 ** 37 }, /^BAD_OPTION .*64G/],
    [{ memory: '' }, /^BAD_OPTION/],
    [{ smp: 0 }, /`smp` is 0; give a whole number of processors, 1 to 8/],
    [{ smp: 9 }, /`smp` is 9; give a whole number of processors, 1 to 8/],
    [{ smp: 1.5 }, /`smp` is 1\.5; give/],
    [{ smp: '4' }, /`smp` is '4'; give/],
    [{ args: ['-smp', '9'] }, /^BAD_OPTION .*9 is no number of processors; give 1 to 8/],
    [{ kernel: null }, /^BAD_OPTION kernel is null; give a path, .* a Blob or File, .*leave it out/],
    [{ kernel: 5 }, /^BAD_OPTION kernel is 5; give a path/],
    [{ kernel: {} }, /^BAD_OPTION kernel is of type Object; give a path/],
    [{ kernel: '' }, /^BAD_OPTION kernel is ''; give a path/],
    [{ kernel: { url: 5 } }, /^BAD_OPTION kernel is/],
    [{ kernel: 'ftp://example.org/vmlinuz' }, /^SOURCE cannot read the kernel from ftp: addresses; give a path, or a file:, http:/],
    [{ kernel: '.' }, /^SOURCE .*directory/],
    [{ kernel: '/dev/zero' }, /^SOURCE .*no regular file/],
    [{ initrd: new Uint8Array(8) }, /^BAD_OPTION `initrd` needs a `kernel`/],
    [{ append: 5 }, /`append` is 5; give a string/],
    [{ cpu: 6502 }, /`cpu` is 6502; give a string/],
    [{ cpu: '6502' }, /^BAD_OPTION .*x86-64-v2/],
    [{ clock: 'sun' }, /`clock` is 'sun'; give 'real' or 'icount'/],
    [{ engine: 'lockstep' }, /`engine` is 'lockstep'; give 'jit' or 'interp'/],
    [{ maxInstructions: -1 }, /`maxInstructions` is -1/],
    [{ noReboot: 'no' }, /`noReboot` is 'no'; give true or false/],
    [{ debugExit: 70000 }, /`debugExit` is 70000; give a port/],
    [{ args: '--stats' }, /`args` is '--stats'; give an array/],
    [{ args: ['--kernel', 'vmlinuz'] }, /^BAD_OPTION --kernel is not for `args`: give the kernel as the option `kernel`/],
    [{ args: ['--load-state', 'v64.state'] }, /^BAD_OPTION --load-state is not for `args`: give the saved state as the option `state`/],
    [{ args: ['--save-state', 'v64.state'] }, /^BAD_OPTION --save-state is for the command: call `saveState\(\)`/],
    [{ args: ['--serial', 'file:x'] }, /^BAD_OPTION --serial file: is for the command: what COM1 sends comes to `onSerial`/],
    [{ bios: 5 }, /^BAD_OPTION bios is 5; give a path/],
    [{ bios: '/nowhere/bios.bin' }, /^SOURCE cannot read the firmware \/nowhere\/bios\.bin/],
    [{ bios: new Uint8Array(3), vga: 'none' }, /^BAD_OPTION .*firmware has 64 KiB/],
    [{ hda: 5 }, /^BAD_OPTION hda is 5; give a path/],
    [{ hda: '/nowhere/disk.img' }, /^SOURCE cannot open \/nowhere\/disk\.img: no such file/],
    [{ hda: '.' }, /^SOURCE cannot open \.: it is no regular file/],
    [{ hda: new Uint8Array(0) }, /^SOURCE hda: the file is empty/],
    [{ hda: { buffer: new Uint8Array(512), moon: 1 } }, /^BAD_OPTION `moon` is no option of `hda`; there are url, buffer, readOnly/],
    [{ hda: { buffer: new Uint8Array(512), index: 1 } }, /^BAD_OPTION `index` is no option of `hda`/],
    [{ hda: { buffer: new Uint8Array(512), persist: 5 } }, /^BAD_OPTION `persist` of `hda` cannot be 5/],
    [{ hda: new TextEncoder().encode('vhdxfile') }, /^SOURCE hda: a VHDX image; convert it by qemu-img/],
    [{ hda: { buffer: new Uint8Array(512), format: 'qcow2' } }, /^SOURCE hda: not a qcow2 image; it looks like raw/],
    [{ hda: new Blob([new Uint8Array(512)]), snapshot: false }, /^BAD_OPTION hda can only be read; give -snapshot/],
    [{ hdc: new Uint8Array(512), cdrom: new Uint8Array(512) }, /^BAD_OPTION .*two drives are to be at place 2/],
    [{ drives: 5 }, /^BAD_OPTION `drives` is 5; give an array/],
    [{ drives: [5] }, /^BAD_OPTION `drives\[0\]` is 5; give { url } or { buffer }/],
    [{ drives: [{ buffer: new Uint8Array(512), if: 'nvme' }] }, /^BAD_OPTION `if` of `drives\[0\]` cannot be 'nvme'/],
    [{ boot: 'x' }, /^BAD_OPTION .*x is no boot device/],
    [{ snapshot: 'v64.state' }, /^BAD_OPTION `snapshot` is 'v64\.state'; give true or false; a saved state is the option `state`/],
    [{ args: ['-hda', 'disk.img'] }, /^BAD_OPTION the image disk\.img is not for `args`: give it as `hda`/],
    [{ args: ['-qmp', 'stdio'] }, /^BAD_OPTION -qmp, -monitor and -mon are for the command: call `qmp\(\)`/],
    [{ signal: 5 }, /`signal` is 5; give an AbortSignal/],
    [{ vga: 'cirrus' }, /`vga` is 'cirrus'; give 'std' or 'none'/],
    [{ vga: 'std', firmwareUrl: '/nowhere' }, /^SOURCE cannot read the firmware bios-256k\.bin .*firmwareUrl/],
    [{ args: ['-bios', 'own.bin'] }, /^BAD_OPTION --bios is not for `args`: give the firmware as the option `bios`/],
    [{ args: ['--serial', 'null', '--debugcon', 'file:x', '--serial', 'stdio'] }, /^BAD_OPTION files for lines are for the command: leave x out/],
    [{ state: 5 }, /^BAD_OPTION state is 5; give a path/],
    [{ state: '/nowhere/v64.state' }, /^SOURCE cannot read the saved state \/nowhere\/v64\.state/],
    [{ state: new Uint8Array(8), kernel: 'vmlinuz' }, /^BAD_OPTION a `state` brings its guest along; leave `kernel` out/],
    [{ state: new Uint8Array(8), append: 'quiet' }, /^BAD_OPTION a `state` brings its guest along; leave `append` out/],
    [{ state: new Uint8Array(8) }, /^BAD_STATE this is not a saved state of v64/],
    [{ args: ['--moon'] }, /^BAD_OPTION .*--moon/],
    [{ onSerial: 'console' }, /`onSerial` is 'console'; give a function/],
    [{ wasmUrl: 5 }, /`wasmUrl` is 5; give a string or a URL/],
    [{ wasmUrl: '/nowhere/v64.wasm' }, /^SOURCE .*wasmUrl/],
    [{ wasmUrl: import.meta.url }, /^SOURCE .*no WebAssembly module; .*wasmUrl/],
    [{ workerUrl: '/nowhere/worker.mjs' }, /^SOURCE cannot load the worker .*workerUrl/],
    [{ workerUrl: 'http://127.0.0.1/worker.mjs' }, /^SOURCE cannot load the worker/],
  ];
  for (const [options, wanted] of wrong) assert.match(await create(options), wanted);
  for (const options of [null, 'vmlinuz', 5, new Uint8Array(8)]) {
    assert.match(await create(options), /^BAD_OPTION the options are .*give an object/);
  }
  assert.match(await refusal(() => Reflect.construct(V64, [])), /^STATE .*V64\.create/);
});

test('undefined is as good as nothing, and addresses of the files may be given', async () => {
  const { PKG } = await import('./harness.ts');
  const files = { wasmUrl: `${PKG}/v64.wasm`, workerUrl: new URL(`file://${PKG}/worker.mjs`) };
  const vm = await V64.create({ memory: 16 << 20, clock: 'icount', maxInstructions: 1000, ...({ kernel: undefined } as object), ...files });
  assert.equal((await vm.run()).exitCode, 3);
  vm.destroy();
});

test('arguments are checked where they are given, and the machine goes on', async () => {
  const vm = await V64.create({ memory: '16M' });
  const wrong: [() => unknown, RegExp][] = [
    [() => vm.serial.write(65 as never), /cannot write what is 65; give a string, a Uint8Array/],
    [() => vm.serial.write(null as never), /cannot write what is null/],
    [() => vm.serial.write({ length: 1 } as never), /cannot write what is of type Object/],
    [() => vm.serial.on('dta' as never, () => {}), /no event is called 'dta'; did you mean 'data'\?/],
    [() => vm.serial.on('data', 5 as never), /the listener is 5; give a function/],
    [() => vm.on('emulator-started' as never, () => {}), /no event is called 'emulator-started'; did you mean 'start'\?/],
    [() => vm.on('exit', undefined as never), /the listener is undefined; give a function/],
    [() => vm.waitFor('' as never), /cannot wait for what is ''/],
    [() => vm.waitFor(5 as never), /cannot wait for what is 5/],
    [() => vm.waitFor('x', { timeout: -1 }), /`timeout` is -1; give milliseconds/],
    [() => vm.waitFor('x', { timeout_msec: 1 } as never), /`timeout_msec` is no option of waitFor\(\); there is `timeout`/],
    [() => vm.waitFor('x', 5 as never), /the options are 5/],
  ];
  const ended = vm.run();
  for (const [call, wanted] of wrong) assert.match(await refusal(call), new RegExp(`^BAD_OPTION ${wanted.source}`));
  await vm.waitFor('\n> ');
  // Each kind of data arrives.
  const data = [new TextEncoder().encode('xecho buffx').subarray(1, 10), 'er', new Uint8Array([13]).buffer];
  for (const part of data) vm.serial.write(part);
  await vm.waitFor('\nbuffer');
  vm.serial.write('poweroff\r');
  assert.equal((await ended).exitCode, 0);
  vm.destroy();
});
