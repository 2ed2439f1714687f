// Guests of a few instructions.

/** 32-bit code as a multiboot kernel: it lies, and begins, at 1 MiB and 32 bytes. */
export function multiboot(code: readonly number[]): Uint8Array<ArrayBuffer> {
  const image = new Uint8Array(32 + code.length);
  const [magic, flags, base] = [0x1bad_b002, 1 << 16, 1 << 20];
  // Magic, flags, checksum; where header, file, its end and that of zeroes lie; where it begins.
  const words = [magic, flags, -(magic + flags), base, base, 0, 0, base + 32];
  words.forEach((word, n) => new DataView(image.buffer).setInt32(4 * n, word | 0, true));
  image.set(code, 32);
  return image;
}

/**
 * A bzImage that does nothing for ever. By its header, of boot protocol 2.12, it lies at 16 MiB and needs 62 MiB there
 * before it knows the memory map.
 */
export function bzImage(): Uint8Array<ArrayBuffer> {
  const setup = 2 * 512;
  const image = new Uint8Array(setup + 4096);
  const view = new DataView(image.buffer);
  image[0x1f1] = 1; // setup_sects
  view.setUint32(0x1f4, 4096 / 16, true); // syssize
  view.setUint16(0x1fe, 0xaa55, true); // boot_flag
  image.set([0xeb, 0x66, 0x48, 0x64, 0x72, 0x53], 0x200); // jump, "HdrS"
  view.setUint16(0x206, 0x20c, true); // version
  image[0x211] = 1; // loadflags: LOADED_HIGH
  view.setUint32(0x22c, 0x7fff_ffff, true); // initrd_addr_max
  view.setUint32(0x230, 2 << 20, true); // kernel_alignment
  image[0x234] = 1; // relocatable_kernel
  view.setUint16(0x236, 1, true); // xloadflags: XLF_KERNEL_64
  view.setUint32(0x238, 2047, true); // cmdline_size
  view.setBigUint64(0x258, BigInt(16 << 20), true); // pref_address
  view.setUint32(0x260, 62 << 20, true); // init_size
  image.set(SPIN, setup + 0x200); // the 64-bit entry point
  return image;
}

/** Ends with 42 at isa-debug-exit. */
export const OUT_AND_HALT = [
  ...[0xb8, 42, 0, 0, 0], // mov eax, 42
  ...[0xba, 0xf4, 0, 0, 0], // mov edx, 0xf4
  0xef, // out dx, eax
  0xf4, // hlt
];

/** Reads the TSC a million times. Ends with 1 at isa-debug-exit, or with 2 where it did not advance. */
export const READ_TSC = [
  ...[0xb9, 0x40, 0x42, 0x0f, 0], // mov ecx, 1000000
  ...[0x31, 0xf6], // xor esi, esi
  ...[0x31, 0xff], // xor edi, edi
  ...[0x0f, 0x31], // again: rdtsc
  ...[0x39, 0xfa], // cmp edx, edi
  ...[0x72, 0x14], // jb back
  ...[0x77, 0x04], // ja later
  ...[0x39, 0xf0], // cmp eax, esi
  ...[0x76, 0x0e], // jbe back
  ...[0x89, 0xc6], // later: mov esi, eax
  ...[0x89, 0xd7], // mov edi, edx
  0x49, // dec ecx
  ...[0x75, 0xed], // jnz again
  ...[0xb8, 1, 0, 0, 0], // mov eax, 1
  ...[0xeb, 0x05], // jmp end
  ...[0xb8, 2, 0, 0, 0], // back: mov eax, 2
  ...[0xba, 0xf4, 0, 0, 0], // end: mov edx, 0xf4
  0xef, // out dx, eax
  0xf4, // hlt
];

/** Says R when it is ready, and then of each byte that comes the one 64 further on: of Ctrl-C, C. */
export const ECHO_KEYS = [
  ...[0xba, 0xfb, 3, 0, 0], // mov edx, 0x3fb
  ...[0xb0, 3], // mov al, 3: words of 8 bits
  0xee, // out dx, al
  ...[0xba, 0xf8, 3, 0, 0], // mov edx, 0x3f8
  ...[0xb0, 0x52], // mov al, 'R'
  0xee, // out dx, al
  ...[0xba, 0xfd, 3, 0, 0], // more: mov edx, 0x3fd
  0xec, // wait: in al, dx
  ...[0xa8, 0x01], // test al, 1
  ...[0x74, 0xfb], // jz wait
  ...[0xba, 0xf8, 3, 0, 0], // mov edx, 0x3f8
  0xec, // in al, dx
  ...[0x04, 0x40], // add al, 0x40
  0xee, // out dx, al
  ...[0xeb, 0xeb], // jmp more
];

/**
 * Goes so often through 64 loops that run 300 times each. They become hot in the second round and are asked for again in the
 * third, when all of them wait: so they are compiled many at a time, in large modules. What they add to memory they take away
 * again: ends with 42 at isa-debug-exit.
 */
export function manyLoops(times: number): number[] {
  const body = Array.from({ length: 20 }, () => [0x01, 0x06, 0x29, 0x06]).flat(); // add [esi], eax; sub [esi], eax
  const loop = [
    ...[0xb9, ...little(300)], // mov ecx, 300
    ...body, // again:
    0x49, // dec ecx
    ...[0x0f, 0x85, ...little(-(body.length + 7))], // jnz again
  ];
  const all = Array.from({ length: 64 }, () => loop).flat();
  return [
    ...[0xb8, 42, 0, 0, 0], // mov eax, 42
    ...[0xbb, ...little(times)], // mov ebx, times
    ...[0xbe, ...little(2 << 20)], // mov esi, 2 MiB
    ...[0xc7, 0x06, 0, 0, 0, 0], // mov dword [esi], 0
    ...all, // more:
    0x4b, // dec ebx
    ...[0x0f, 0x85, ...little(-(all.length + 7))], // jnz more
    ...[0x03, 0x06], // add eax, [esi]
    ...[0xba, 0xf4, 0, 0, 0], // mov edx, 0xf4
    0xef, // out dx, eax
    0xf4, // hlt
  ];
}

/** Where the code of a {@link multiboot} guest lies. */
const CODE = (1 << 20) + 32;
/** Where a start-up message with vector 8 sends a processor, in real mode. */
const STARTUP = 0x8000;
/** A counter of the processors that are done. */
const DONE = 0x9000;

/**
 * Starts three more processors. All four go so often through sixteen loops that run 2000 times each, over a cache line of
 * their own and a word that they share, and after each pass change a number in the first loop. Ends with 42 at isa-debug-exit.
 */
export function fourProcessors(times: number): number[] {
  // Application processors: into protected mode with flat segments, then to `enter`.
  const startup = (enter: number): number[] => {
    const code = [
      0xfa, // cli
      ...[0x2e, 0x66, 0x0f, 0x01, 0x16, 26, 0], // lgdt cs:[gdtr]
      ...[0x0f, 0x20, 0xc0], // mov eax, cr0
      ...[0x0c, 0x01], // or al, 1
      ...[0x0f, 0x22, 0xc0], // mov cr0, eax
      ...[0x66, 0xea, ...little(enter), 8, 0], // jmp 8:enter
      ...[0x90, 0x90], // padding
    ];
    const gdtr = [23, 0, ...little(STARTUP + 32)];
    const [code32, data32] = [[0xff, 0xff, 0, 0, 0, 0x9a, 0xcf, 0], [0xff, 0xff, 0, 0, 0, 0x92, 0xcf, 0]];
    return [...code, ...gdtr, 0, 0, 0, 0, 0, 0, 0, 0, ...code32, ...data32];
  };
  const loop = [
    ...[0xb9, 0xd0, 0x07, 0, 0], // mov ecx, 2000
    ...[0x83, 0xc0, 0x01], // again: add eax, 1
    ...[0x01, 0x06], // add [esi], eax
    ...[0xf0, 0x01, 0x0d, ...little(DONE + 4)], // lock add [DONE + 4], ecx
    0x49, // dec ecx
    ...[0x75, 0xf1], // jnz again
  ];
  const loops = Array.from({ length: 16 }, () => loop).flat();
  const enter = [
    ...[0x66, 0xb8, 0x10, 0], // mov ax, 16
    ...[0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0x8e, 0xe0, 0x8e, 0xe8], // mov ds, es, ss, fs, gs
    ...[0xbd, 0, 0, 0, 0], // mov ebp, end: filled in below
  ];
  const work = (at: number): number[] => [
    ...[0xbb, ...little(times)], // mov ebx, times
    ...[0x8b, 0x35, ...little(0xfee0_0020)], // mov esi, [APIC ID]
    ...[0xc1, 0xee, 18], // shr esi, 18
    ...[0x81, 0xc6, ...little(2 << 20)], // add esi, 2 MiB
    ...[0x31, 0xc0], // xor eax, eax
    ...loops, // more:
    ...[0xf0, 0xfe, 0x05, ...little(at + 22 + 7)], // lock inc byte [the 1 of the first loop]
    0x4b, // dec ebx
    ...[0x0f, 0x85, ...little(-(loops.length + 14))], // jnz more
    ...[0xff, 0xe5], // jmp ebp
  ];
  const end = [
    ...[0xf0, 0xff, 0x05, ...little(DONE)], // lock inc dword [DONE]
    0xf4, // hlt
  ];
  // The start, whose length does not depend on what it refers to.
  const start = (enter: number, work: number): number[] => {
    const length = 100;
    const words = startup(enter);
    const copy = [
      ...[0xbe, ...little(CODE + length)], // mov esi, words
      ...[0xbf, ...little(STARTUP)], // mov edi, STARTUP
      ...[0xb9, ...little(words.length)], // mov ecx, their length
      ...[0xf3, 0xa4], // rep movsb
      ...[0xc7, 0x05, ...little(DONE), 0, 0, 0, 0], // mov dword [DONE], 0
      ...[0xc7, 0x05, ...little(0xfee0_00f0), ...little(0x1ff)], // spurious vector: APIC enabled
      ...[0xc7, 0x05, ...little(0xfee0_0300), ...little(0xc_4500)], // INIT to all others
      ...[0xc7, 0x05, ...little(0xfee0_0300), ...little(0xc_4608)], // start-up, vector 8
    ];
    const wait = [
      ...[0x83, 0x3d, ...little(DONE), 3], // wait: cmp dword [DONE], 3
      ...[0x75, 0xf7], // jne wait
      ...OUT_AND_HALT,
    ];
    const before = [...copy, 0xbd, 0, 0, 0, 0, 0xe9, 0, 0, 0, 0];
    const waiting = CODE + before.length;
    before.splice(copy.length, 10, 0xbd, ...little(waiting), 0xe9, ...little(work - waiting)); // mov ebp, wait; jmp work
    return [...before, ...wait, ...Array.from({ length: length - before.length - wait.length }, () => 0x90), ...words];
  };
  const first = start(0, 0).length;
  const enterAt = CODE + first;
  const workAt = enterAt + enter.length;
  const endAt = workAt + work(0).length;
  enter.splice(enter.length - 4, 4, ...little(endAt));
  return [...start(enterAt, workAt), ...enter, ...work(workAt), ...end];
}

/** A number as four bytes, the lowest first. */
function little(n: number): number[] {
  return [0, 8, 16, 24].map((bits) => (n >> bits) & 0xff);
}

/** Writes a byte to a port. */
const out = (port: number, byte: number): number[] => [0x66, 0xba, port & 0xff, port >> 8, 0xb0, byte, 0xee]; // mov dx; mov al; out
/** Writes a word to a register of the Bochs display interface. */
const dispi = (index: number, value: number): number[] => [
  ...[0x66, 0xba, 0xce, 0x01, 0x66, 0xb8, index, 0, 0x66, 0xef], // mov dx, 0x1ce; mov ax, index; out dx, ax
  ...[0x66, 0xba, 0xcf, 0x01, 0x66, 0xb8, value & 0xff, value >> 8, 0x66, 0xef], // mov dx, 0x1cf; mov ax, value; out dx, ax
];

/**
 * Shows 320 by 200 pixels of 32 bits by the Bochs display interface: red, and in the tenth row green. Then paints a pixel
 * blue for each key that goes down or up, from the left of the first row.
 */
export const PAINT_KEYS = [
  ...out(0x3c2, 0x63), // miscellaneous output: the window at A0000h is enabled
  ...out(0x3c0, 0x20), // attribute controller: the display is enabled
  ...[dispi(4, 0), dispi(1, 320), dispi(2, 200), dispi(3, 32), dispi(4, 1), dispi(5, 0)].flat(),
  ...[0xbf, ...little(0xa_0000)], // mov edi, 0xa0000
  ...[0xb9, ...little(0x4000)], // mov ecx, 0x4000: 64 KiB are the first 51 rows
  ...[0xb8, ...little(0xff_0000)], // mov eax, red
  ...[0xf3, 0xab], // rep stosd
  ...[0xbf, ...little(0xa_0000 + 9 * 320 * 4)], // mov edi, the tenth row
  ...[0xb9, ...little(320)], // mov ecx, 320
  ...[0xb8, ...little(0xff00)], // mov eax, green
  ...[0xf3, 0xab], // rep stosd
  ...[out(0x64, 0xae), out(0x64, 0x60), out(0x60, 0x44), out(0x60, 0xf4)].flat(), // enable, translate, scan
  ...[0xe4, 0x64, 0xa8, 0x01, 0x74, 0xfa], // wait: in al, 0x64; test al, 1; jz wait
  ...[0xe4, 0x60], // in al, 0x60: the keyboard's acknowledgement
  ...[0xbf, ...little(0xa_0000)], // mov edi, 0xa0000
  ...[0xba, ...little(0x3fb), 0xb0, 3, 0xee], // words of 8 bits
  ...[0xba, ...little(0x3f8)], // mov edx, 0x3f8
  ...[0xb0, 0x52, 0xee], // mov al, 'R'; out dx, al
  ...[0xe4, 0x64, 0xa8, 0x01, 0x74, 0xfa], // key: in al, 0x64; test al, 1; jz key
  ...[0xe4, 0x60, 0xee], // in al, 0x60; out dx, al
  ...[0xb8, ...little(0xff), 0xab], // mov eax, blue; stosd
  ...[0xeb, 0xef], // jmp key
];

/** Does nothing for ever. */
export const SPIN = [0xeb, 0xfe];

/** Sends `a` for ever. */
export const BABBLE = [
  ...[0xba, 0xfb, 3, 0, 0], // mov edx, 0x3fb
  ...[0xb0, 3], // mov al, 3: words of 8 bits
  0xee, // out dx, al
  ...[0xba, 0xf8, 3, 0, 0], // mov edx, 0x3f8
  ...[0xb0, 0x61], // mov al, 'a'
  0xee, // again: out dx, al
  ...[0xeb, 0xfd], // jmp again
];

/** Plays a tone on the PC speaker for ever: counter 2 of the 8254 in mode 3, and the gate and the speaker of port 61h. */
export function beep(hertz: number): number[] {
  const divisor = Math.round(1_193_182 / hertz);
  return [
    ...[0xb0, 0xb6, 0xe6, 0x43], // mov al, 0xb6; out 0x43, al
    ...[0xb0, divisor & 255, 0xe6, 0x42], // mov al, LOW; out 0x42, al
    ...[0xb0, divisor >> 8, 0xe6, 0x42], // mov al, HIGH; out 0x42, al
    ...[0xe4, 0x61, 0x0c, 3, 0xe6, 0x61], // in al, 0x61; or al, 3; out 0x61, al
    ...[0xeb, 0xfe], // jmp $
  ];
}
