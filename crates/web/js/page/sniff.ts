/** What the machine can use a file as. */
export type Use = 'kernel' | 'initrd' | 'cdrom' | 'hda' | 'fda';

/** What a file is. */
export interface Found {
  /** What it can be used as. A file of no known format may still be a kernel: the machine decides. */
  use?: Use;
  /** The format, with an article; absent where it is not known */
  what?: string;
  /** What to do in its place, where it cannot be used */
  instead?: string;
}

const CONVERT = 'Convert it with qemu-img convert -O qcow2, and choose the result.';
const UNPACK_IMAGE = 'Unpack it with gunzip, and choose the result.';
const UNPACK = 'Unpack it, and choose the kernel that is in it.';
const NO_KERNEL = 'Choose a Linux bzImage (often called vmlinuz) or a multiboot image.';

/** Bytes that are looked at: an ISO 9660 volume says what it is behind the first 32 KiB. */
const HEAD = 0x8800;
/** A multiboot header begins within so many bytes. */
const MULTIBOOT_ROOM = 8192;
/** Sizes of floppy disks, in KiB */
const FLOPPIES = [160, 180, 320, 360, 720, 1200, 1440, 1680, 1720, 2880];

/** The first bytes of a saved state. */
const STATE = 'v64state';

type Rule = readonly [at: number, magic: string, found: Found];

const initrd = (what: string): Found => ({ use: 'initrd', what });
const disk = (what: string): Found => ({ use: 'hda', what });
const foreign = (what: string): Found => ({ what, instead: CONVERT });
const archive = (what: string): Found => ({ what, instead: UNPACK });
const other = (what: string): Found => ({ what, instead: NO_KERNEL });

/** Formats by their magic numbers; the first that fits is it. Bytes are written as the characters U+0000 to U+00FF. */
const RULES: readonly Rule[] = [
  [0, STATE, { what: 'a saved state of v64', instead: 'Open it by the key beside “Download”.' }],
  [0x202, 'HdrS', { use: 'kernel', what: 'a Linux kernel' }],
  [0x8001, 'CD001', { use: 'cdrom', what: 'a CD image (ISO 9660)' }],
  [0, 'QFI\xfb', disk('a disk image (qcow2)')],
  [0, 'KDMV', foreign('a disk image (VMDK)')],
  [0, '# Disk DescriptorFile', foreign('a disk image (VMDK)')],
  [0, 'vhdxfile', foreign('a disk image (VHDX)')],
  [0, 'conectix', foreign('a disk image (VHD)')],
  [0x40, '\x7f\x10\xda\xbe', foreign('a disk image (VDI)')],
  [0, '07070', initrd('a cpio archive')],
  [0, '\x1f\x8b', initrd('a gzip file')],
  [0, '\xfd7zXZ', initrd('an xz file')],
  [0, '\x28\xb5\x2f\xfd', initrd('a zstd file')],
  [0, 'BZh', initrd('a bzip2 file')],
  [0, '\x5d\0\0', initrd('an lzma file')],
  [0, '\x02\x21\x4c\x18', initrd('an lz4 file')],
  [0, '\x89LZO', initrd('an lzop file')],
  [257, 'ustar', archive('a tar archive')],
  [0, 'PK\x03\x04', archive('a zip archive')],
  [0, '7z\xbc\xaf', archive('a 7z archive')],
  [0, '!<arch>\n', archive('a package or an archive of object files (ar)')],
  [0x38, 'ARM\x64', other('a Linux kernel for ARM64')],
  [0, 'MZ', other('a Windows or EFI program')],
  [0, '\0asm', other('a WebAssembly module')],
  [0, '%PDF', other('a PDF document')],
  [0, '#!', other('a script')],
  [0x438, '\x53\xef', disk('a file system (ext2, ext3 or ext4)')],
];

/** Processors of ELF files, by e_machine. */
const MACHINES: Record<number, string> = { 3: 'x86', 40: 'ARM', 62: 'x86-64', 183: 'ARM64', 243: 'RISC-V' };

/** Names of archives and images that were compressed. */
const PACKED = /\.(tar|iso|qcow2|vmdk|vdi|vhdx?|raw)\.\w+$|\.t(gz|xz|zst|bz2?)$/i;

function begins(bytes: Uint8Array, at: number, magic: string): boolean {
  return bytes.length >= at + magic.length && [...magic].every((char, n) => bytes[at + n] === char.charCodeAt(0));
}

/** A multiboot header: magic, flags and a checksum that make 0 together. */
function isMultiboot(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 12 <= Math.min(bytes.length, MULTIBOOT_ROOM); at += 4) {
    if (view.getUint32(at, true) !== 0x1bad_b002) continue;
    const sum = 0x1bad_b002 + view.getUint32(at + 4, true) + view.getUint32(at + 8, true);
    if (sum % 2 ** 32 === 0) return true;
  }
  return false;
}

function elf(bytes: Uint8Array): Found {
  const machine = MACHINES[bytes[18] ?? 0];
  const what = `an ELF program${machine ? ` for ${machine}` : ''} without a multiboot header`;
  const unpacked = 'An unpacked Linux kernel (vmlinux) does not boot; choose its bzImage, which is often called vmlinuz.';
  return { what, instead: machine?.startsWith('x86') ? unpacked : NO_KERNEL };
}

/** What begins with these bytes; `size` is that of the whole. */
function look(bytes: Uint8Array, size: number): Found {
  if (isMultiboot(bytes)) return { use: 'kernel', what: 'a multiboot image' };
  const rule = RULES.find(([at, magic]) => begins(bytes, at, magic));
  if (rule) return rule[2];
  if (begins(bytes, 0, '\x7fELF')) return elf(bytes);
  if (/^\s*<(!doctype|html)/i.test(new TextDecoder('latin1').decode(bytes.subarray(0, 200)))) return other('a web page');
  if (begins(bytes, 510, '\x55\xaa')) return FLOPPIES.includes(size / 1024) ? { use: 'fda', what: 'a floppy image' } : disk('a disk image');
  return {};
}

/** The first bytes of what a gzip file contains; none where it is damaged. */
async function gunzipped(file: Blob): Promise<Uint8Array> {
  const reader = file.stream().pipeThrough(new DecompressionStream('gzip')).getReader();
  const head = new Uint8Array(HEAD);
  let length = 0;
  try {
    while (length < HEAD) {
      const { done, value } = await reader.read();
      if (done) break;
      const part = value.subarray(0, HEAD - length);
      head.set(part, length);
      length += part.length;
    }
  } catch {
    // What came before the damage may still tell.
  }
  reader.cancel().catch(() => {});
  return head.subarray(0, length);
}

/** Returns whether a file is a saved state; `false` where it cannot be read. */
export async function isState(file: Blob): Promise<boolean> {
  const head = await file.slice(0, STATE.length).arrayBuffer().catch(() => new ArrayBuffer(0));
  return begins(new Uint8Array(head), 0, STATE);
}

/**
 * Returns what a file is, by its first bytes, and by its name where those leave it open. Rejects where the file cannot be
 * read, as a folder cannot.
 */
export async function identify(file: Blob, name = ''): Promise<Found> {
  const head = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  if (head.length === 0) return { what: 'empty', instead: 'Copy it again.' };
  const found = look(head, file.size);
  if (found.use !== 'initrd') return found;
  if (begins(head, 0, '\x1f\x8b')) {
    const inner = look(await gunzipped(file), 0);
    if (inner.use === 'kernel') return { what: 'a kernel compressed with gzip', instead: 'Unpack it with gunzip, and choose the result.' };
    if (inner.what && inner.use !== 'initrd') return { what: `${inner.what}, compressed with gzip`, instead: inner.use ? UNPACK_IMAGE : inner.instead ?? UNPACK };
  }
  return PACKED.test(name) ? archive('a compressed archive or image') : found;
}

/**
 * Returns the bytes of memory that a Linux kernel and its initrd need at least, by the kernel's header; `undefined` where
 * that does not tell.
 */
export async function leastMemory(kernel: Blob, initrd?: Blob): Promise<number | undefined> {
  const head = new DataView(await kernel.slice(0, 0x300).arrayBuffer());
  // "HdrS"; boot protocol 2.10 brought pref_address and init_size.
  if (head.byteLength < 0x264 || head.getUint32(0x202, true) !== 0x5372_6448) return undefined;
  if (head.getUint16(0x206, true) < 0x20a) return undefined;
  const preferred = Number(head.getBigUint64(0x258, true));
  return preferred + head.getUint32(0x260, true) + (initrd?.size ?? 0);
}
