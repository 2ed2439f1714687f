// Images of disks, and a server for them.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A server of one image. */
export interface ImageServer extends AsyncDisposable {
  readonly url: string;
  /** The image's ETag */
  tag: string;
  /** Ranges that were asked for */
  readonly ranges: string[];
  /** Has the next requests fail */
  fail(times: number): void;
}

/** Serves an image: with `ranges`, or only whole. The first `fail` requests fail. */
export async function imageServer(bytes: Uint8Array, options: { ranges?: boolean; fail?: number } = {}): Promise<ImageServer> {
  let failing = options.fail ?? 0;
  const ranges: string[] = [];
  const state = { tag: '"one"' };
  const server = createServer((request, response) => {
    if (failing > 0) {
      failing--;
      return void response.writeHead(503).end();
    }
    if (request.url !== '/disk.img') return void response.writeHead(404).end();
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    if (!range || options.ranges === false) return void response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    ranges.push(range[0]);
    const [from, to] = [Number(range[1]), Math.min(Number(range[2]), bytes.length - 1)];
    response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${bytes.length}`, etag: state.tag });
    response.end(bytes.subarray(from, to + 1));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/disk.img`,
    ranges,
    get tag() {
      return state.tag;
    },
    set tag(tag: string) {
      state.tag = tag;
    },
    fail: (times) => void (failing = times),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The first byte of the second sector, from which the {@link bootDisk} counts on. */
export const COUNTER = 512;

/**
 * A disk whose boot sector reads the second sector, prints the text there up to a zero on COM1, adds one to its first byte,
 * writes it back, reads it again, and prints that byte. Then it ends by isa-debug-exit with exit code 43, or with 1 where the
 * BIOS reported an error.
 */
export function bootDisk(text: string, bytes = 1 << 20): Uint8Array<ArrayBuffer> {
  const disk = new Uint8Array(bytes);
  const int13 = (ah: number): number[] => [
    ...[0xb8, 1, ah], // mov ax, AH:1
    ...[0xbb, 0, 0x80], // mov bx, 0x8000
    ...[0xb9, 2, 0], // mov cx, 2: cylinder 0, sector 2
    0x5a, // pop dx
    0x52, // push dx
    ...[0xb6, 0], // mov dh, 0
    ...[0xcd, 0x13], // int 0x13
    ...[0x0f, 0x82], // jc failed: filled in below
  ];
  const code: number[] = [];
  const jumps: number[] = [];
  const call13 = (ah: number): void => {
    code.push(...int13(ah), 0, 0);
    jumps.push(code.length);
  };
  code.push(0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0x52); // ax = ds = es = 0; push dx
  code.push(0xba, 0xfb, 3, 0xb0, 3, 0xee); // mov dx, 0x3fb; mov al, 3; out dx, al: words of 8 bits
  call13(2);
  code.push(0xbe, 0, 0x80, 0xba, 0xf8, 3); // mov si, 0x8000; mov dx, 0x3f8
  code.push(0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8); // again: lodsb; test al, al; jz end; out dx, al; jmp again
  code.push(0xfe, 0x06, 0, 0x80); // end: inc byte [0x8000]
  call13(3);
  code.push(0xc6, 0x06, 0, 0x80, 0); // mov byte [0x8000], 0
  call13(2);
  code.push(0xa0, 0, 0x80, 0xba, 0xf8, 3, 0xee); // mov al, [0x8000]; mov dx, 0x3f8; out dx, al
  const end = (value: number): number[] => [0x66, 0xb8, value, 0, 0, 0, 0xba, 0xf4, 0, 0x66, 0xef]; // mov eax, value; out 0xf4, eax
  code.push(...end(21));
  const failed = code.length;
  code.push(...end(0), 0xf4);
  for (const at of jumps) code.splice(at - 2, 2, (failed - at) & 0xff, ((failed - at) >> 8) & 0xff);
  disk.set(code);
  disk.set([0x55, 0xaa], 510);
  disk.set(new TextEncoder().encode(text), COUNTER);
  return disk;
}

/** The first byte of the sector of {@link countingDisk} that is only read: sector 1 of cylinder 1, with 16 heads of 63 sectors. */
const FAR = 1008 * 512;

/**
 * A disk whose boot sector waits for bytes at COM1. At each it prints, on COM1 and on the screen, a byte of the disk and adds
 * one to it there; and behind it one that is never written. `!` is an error.
 */
export function countingDisk(first: string, fixed: string, bytes = 1 << 20): Uint8Array<ArrayBuffer> {
  const disk = new Uint8Array(bytes);
  const print = [
    ...[0xba, 0xf8, 3, 0xee], // mov dx, 0x3f8; out dx, al
    ...[0xb4, 0x0e, 0xbb, 7, 0, 0xcd, 0x10], // mov ah, 0x0e; mov bx, 7; int 0x10
  ];
  const int13 = (ax: number, cx: number): number[] => [
    ...[0xb8, ax & 255, ax >> 8, 0xbb, 0, 0x80, 0xb9, cx & 255, cx >> 8], // mov ax, AX; mov bx, 0x8000; mov cx, CX
    ...[0xb6, 0, 0x8a, 0x16, 0, 5, 0xcd, 0x13], // mov dh, 0; mov dl, [0x500]; int 0x13
    ...[0x73, 4 + print.length, 0xb0, 0x21, ...print, 0xeb, 0xfe], // jnc on; mov al, '!'; PRINT; jmp $
  ];
  const begin = [
    ...[0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0x88, 0x16, 0, 5], // ax = ds = es = 0; mov [0x500], dl
    ...[0xba, 0xfb, 3, 0xb0, 3, 0xee, 0xb0, 0x52, ...print], // mov dx, 0x3fb; mov al, 3; out dx, al; mov al, 'R'; PRINT
  ];
  const more = [
    ...[0xba, 0xfd, 3, 0xec, 0xa8, 1, 0x74, 0xf8], // wait: mov dx, 0x3fd; in al, dx; test al, 1; jz wait
    ...[0xba, 0xf8, 3, 0xec], // mov dx, 0x3f8; in al, dx
    ...int13(0x0201, 2),
    ...[0xa0, 0, 0x80, ...print, 0xfe, 0x06, 0, 0x80], // mov al, [0x8000]; PRINT; inc byte [0x8000]
    ...int13(0x0301, 2),
    ...int13(0x0201, 0x0101),
    ...[0xa0, 0, 0x80, ...print], // mov al, [0x8000]; PRINT
  ];
  const back = -(more.length + 3);
  disk.set([...begin, ...more, 0xe9, back & 255, (back >> 8) & 255]); // jmp more
  disk.set([0x55, 0xaa], 510);
  disk.set(new TextEncoder().encode(first), COUNTER);
  disk.set(new TextEncoder().encode(fixed), FAR);
  return disk;
}
