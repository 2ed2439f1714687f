// What the page takes files for, and the sizes of memory that it reads.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { parseSize, typed } from '../../page/size.ts';
import { identify, leastMemory } from '../../page/sniff.ts';
import { bzImage, multiboot, SPIN } from '../guests.ts';

/** A file of so many bytes that are zero but for some. */
function file(size: number, ...parts: [at: number, bytes: string | readonly number[]][]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (const [at, part] of parts) bytes.set(typeof part === 'string' ? Buffer.from(part, 'latin1') : part, at);
  return bytes;
}

const BOOT_SECTOR: [number, number[]] = [510, [0x55, 0xaa]];
const ISO = file(40_000, [0x8001, 'CD001']);
const ELF = file(4096, [0, '\x7fELF\x02\x01\x01'], [16, [2, 0, 62]]);

test('kernels and initrds are told from each other', async () => {
  const cpio = Buffer.from(`070701${'0'.repeat(200)}`);
  for (const [name, bytes, use] of [
    ['a bzImage', bzImage(), 'kernel'],
    ['a bzImage with an EFI stub', bzImage().with(0, 0x4d).with(1, 0x5a), 'kernel'],
    ['a multiboot image', multiboot(SPIN), 'kernel'],
    ['cpio', cpio, 'initrd'],
    ['cpio in gzip', gzipSync(cpio), 'initrd'],
    ['gzip that breaks off', gzipSync(cpio).subarray(0, 30), 'initrd'],
    ['a file system in gzip', gzipSync(file(4096, [100, 'anything'])), 'initrd'],
    ['xz', file(100, [0, '\xfd7zXZ\0']), 'initrd'],
    ['zstd', file(100, [0, '\x28\xb5\x2f\xfd']), 'initrd'],
  ] as const) {
    assert.equal((await identify(new Blob([bytes as Uint8Array<ArrayBuffer>]))).use, use, name);
  }
  // Unknown files are for the machine to judge.
  assert.deepEqual(await identify(new Blob(['no kernel at all\n'.repeat(600)])), {});
});

test('images of media are told by what they are for', async () => {
  for (const [name, bytes, what, use] of [
    ['debian.iso', ISO, /CD image/, 'cdrom'],
    ['hybrid.iso', file(40_000, BOOT_SECTOR, [0x8001, 'CD001']), /CD image/, 'cdrom'],
    ['dos.img', file(1440 * 1024, BOOT_SECTOR), /floppy image/, 'fda'],
    ['disk.img', file(1 << 20, BOOT_SECTOR), /disk image$/, 'hda'],
    ['disk.qcow2', file(1 << 17, [0, 'QFI\xfb\0\0\0\x03']), /qcow2/, 'hda'],
    ['root.ext4', file(4096, [0x438, [0x53, 0xef]]), /ext4/, 'hda'],
  ] as const) {
    const found = await identify(new Blob([bytes as Uint8Array<ArrayBuffer>]), name);
    assert.deepEqual([found.use, found.instead], [use, undefined], name);
    assert.match(found.what ?? '', what, name);
  }
});

test('other files are named, with what to do in their place', async () => {
  for (const [name, bytes, what] of [
    ['disk.vmdk', file(512, [0, 'KDMV']), /VMDK/],
    ['disk.vdi', file(512, [0x40, [0x7f, 0x10, 0xda, 0xbe]]), /VDI/],
    ['vmlinux', ELF, /ELF program for x86-64 without a multiboot header/],
    ['ls', file(4096, [0, '\x7fELF\x02\x01\x01'], [18, [183]]), /ELF program for ARM64/],
    ['Image', file(4096, [0x38, 'ARM\x64']), /Linux kernel for ARM64/],
    ['setup.exe', file(4096, [0, 'MZ']), /Windows or EFI program/],
    ['rootfs.tar', file(1024, [257, 'ustar']), /tar archive/],
    ['rootfs.tar.gz', gzipSync(file(1024, [257, 'ustar'])), /tar archive, compressed with gzip/],
    ['debian.iso.gz', gzipSync(ISO), /CD image .*compressed with gzip/],
    ['vmlinuz.gz', gzipSync(bzImage()), /kernel compressed with gzip/],
    ['rootfs.tar.xz', file(100, [0, '\xfd7zXZ\0']), /archive or image/],
    ['guest.zip', file(100, [0, 'PK\x03\x04']), /zip archive/],
    ['linux-image.deb', file(100, [0, '!<arch>\ndebian-binary']), /package/],
    ['vmlinuz', Buffer.from('\n<!DOCTYPE html><html>404'), /web page/],
    ['empty', file(0), /empty/],
  ] as const) {
    const found = await identify(new Blob([bytes as Uint8Array<ArrayBuffer>]), name);
    assert.match(found.what ?? '', what, name);
    assert.equal(found.use, undefined, name);
    assert.match(found.instead ?? '', /^[A-Za-z].*\.$/, name);
  }
});

test('a kernel’s header tells how much memory it needs', async () => {
  assert.equal(await leastMemory(new Blob([bzImage()])), 78 << 20);
  assert.equal(await leastMemory(new Blob([bzImage()]), new Blob([new Uint8Array(5000)])), (78 << 20) + 5000);
  assert.equal(await leastMemory(new Blob([multiboot(SPIN)])), undefined);
});

test('sizes of memory are read as people write them', () => {
  const mib = 2 ** 20;
  for (const [text, size] of [
    ['512M', 512 * mib],
    ['512', 512 * mib],
    [' 6g ', 6144 * mib],
    ['1.5G', 1536 * mib],
    ['2 GiB', 2048 * mib],
    ['64MB', 64 * mib],
    ['2048k', 2 * mib],
  ] as const) {
    assert.equal(parseSize(text), size, text);
  }
  for (const text of ['', 'lots', '-1G', '1e9', '0', '4T', '900G', '100K', '64.1G']) {
    assert.match(String(parseSize(text)), /^Memory is .*\.$/, text);
  }
  assert.deepEqual([512 * mib, 6144 * mib, 1536 * mib].map(typed), ['512M', '6G', '1536M']);
});
