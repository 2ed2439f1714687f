/** What a file is for, by what it begins with. */
export type Kind = 'kernel' | 'initrd';

const INITRDS: readonly (readonly number[])[] = [
  [0x30, 0x37, 0x30, 0x37, 0x30], // cpio, any of its ASCII forms: "07070"
  [0x1f, 0x8b], // gzip
  [0xfd, 0x37, 0x7a, 0x58, 0x5a], // xz
  [0x28, 0xb5, 0x2f, 0xfd], // zstd
  [0x42, 0x5a, 0x68], // bzip2
  [0x5d, 0x00, 0x00], // lzma
  [0x02, 0x21, 0x4c, 0x18], // lz4
  [0x89, 0x4c, 0x5a, 0x4f], // lzop
];

/** The kind of a dropped file. A guess: what it is taken for shows, and can be changed. */
export async function kindOf(file: Blob): Promise<Kind> {
  const head = new Uint8Array(await file.slice(0, 8).arrayBuffer());
  return INITRDS.some((magic) => magic.every((byte, n) => head[n] === byte)) ? 'initrd' : 'kernel';
}
