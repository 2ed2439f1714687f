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
 * Goes so often through 64 loops that run 1000 times each. They become hot one after the other, so that they are compiled
 * many at a time, in large modules. What they add to memory they take away again: ends with 42 at isa-debug-exit.
 */
export function manyLoops(times: number): number[] {
  const body = Array.from({ length: 20 }, () => [0x01, 0x06, 0x29, 0x06]).flat(); // add [esi], eax; sub [esi], eax
  const loop = [
    ...[0xb9, 0xe8, 3, 0, 0], // mov ecx, 1000
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

/** A number as four bytes, the lowest first. */
function little(n: number): number[] {
  return [0, 8, 16, 24].map((bits) => (n >> bits) & 0xff);
}

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
