// Options for images: which drive they are in, and what becomes of what the guest writes.
import { V64Error } from './error.ts';
import { bytesOf, checkSource, describe, type V64Source } from './source.ts';

/** How an image is used. */
export interface V64MediumOptions {
  /** The guest may not write */
  readonly readOnly?: boolean;
  /** What the guest writes is kept in memory and lost at the end. `false` lets it write to the file, in Node */
  readonly snapshot?: boolean;
  /** The name under which what the guest writes is kept: by the browser for this site, in Node as a file of this path */
  readonly persist?: string;
  /** Found out where nothing is said. qcow2 images are read; what is written goes to memory, or where `persist` says */
  readonly format?: 'raw' | 'qcow2';
  /** `false` downloads the whole image first, as from servers without ranges */
  readonly async?: boolean;
}

/** An image with options: `{ url, ... }` or `{ buffer, ... }`. */
export type V64Medium = V64MediumOptions & ({ readonly url: string | URL } | { readonly buffer: ArrayBuffer | ArrayBufferView | Blob });

/** What is in a drive. */
export type V64Image = V64Source | V64Medium;

/** A drive, as QEMU's `-drive` has it. */
export type V64Drive = V64Medium & {
  /** The interface: 'ide' where nothing is said; 'pflash' is flash memory with firmware */
  readonly if?: 'ide' | 'floppy' | 'pflash';
  /** The place: of the IDE controller 0 to 3, of floppy drives and flash memories 0 and 1 */
  readonly index?: number;
  readonly media?: 'disk' | 'cdrom';
  /** The drive's name; QEMU's where nothing is said, such as 'ide0-hd0' */
  readonly id?: string;
};

/** Options that are images, and where they are. */
export const PLACES = {
  hda: 'if=ide,index=0,media=disk',
  hdb: 'if=ide,index=1,media=disk',
  hdc: 'if=ide,index=2,media=disk',
  hdd: 'if=ide,index=3,media=disk',
  cdrom: 'if=ide,index=2,media=cdrom',
  fda: 'if=floppy,index=0',
  fdb: 'if=floppy,index=1',
} as const;

/** An option that is an image. */
export type Place = keyof typeof PLACES;

const NAMES: Readonly<Record<string, (value: unknown) => boolean>> = {
  readOnly: (value) => typeof value === 'boolean',
  snapshot: (value) => typeof value === 'boolean',
  async: (value) => typeof value === 'boolean',
  persist: (value) => typeof value === 'string' && value !== '',
  format: (value) => value === 'raw' || value === 'qcow2',
  if: (value) => ['ide', 'floppy', 'pflash'].includes(value as string),
  index: (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 4,
  media: (value) => value === 'disk' || value === 'cdrom',
  id: (value) => typeof value === 'string' && /^[\w.-]+$/.test(value),
  // v86 wants to know it.
  size: () => true,
};
const DRIVES = ['if', 'index', 'media', 'id'];
const SOURCES = ['url', 'buffer'];

/** Returns the options of an image; none for what is a source alone. */
export function mediumOptions(image: unknown): V64MediumOptions {
  const isPlain = typeof image === 'object' && image !== null && !bytesOf(image) && ('url' in image || 'buffer' in image);
  return isPlain && !('arrayBuffer' in image) ? (image as V64MediumOptions) : {};
}

/** Throws where an image or its options are none. */
export function checkImage(image: unknown, name: string, isDrive = false): void {
  checkSource(image, name);
  const options = mediumOptions(image) as Readonly<Record<string, unknown>>;
  for (const [option, value] of Object.entries(options)) {
    if (SOURCES.includes(option) || value === undefined) continue;
    const isPossible = Object.hasOwn(NAMES, option) && (isDrive || !DRIVES.includes(option)) ? NAMES[option] : undefined;
    const all = Object.keys(NAMES).filter((one) => isDrive || !DRIVES.includes(one));
    if (!isPossible) throw new V64Error('BAD_OPTION', `\`${option}\` is no option of \`${name}\`; there are ${SOURCES.concat(all).join(', ')}`);
    if (!isPossible(value)) throw new V64Error('BAD_OPTION', `\`${option}\` of \`${name}\` cannot be ${describe(value)}`);
  }
}

/** Throws where `drives` is none. */
export function checkDrives(drives: unknown): string | undefined {
  if (!Array.isArray(drives)) return "give an array such as [{ url: 'disk.img', index: 0 }]";
  drives.forEach((drive, n) => {
    if (typeof drive !== 'object' || drive === null || bytesOf(drive) || !('url' in drive || 'buffer' in drive)) {
      throw new V64Error('BAD_OPTION', `\`drives[${n}]\` is ${describe(drive)}; give { url } or { buffer }`);
    }
    checkImage(drive, `drives[${n}]`, true);
  });
  return undefined;
}

/** Returns the `--drive` for an image, whose name the module takes for its path. */
export function driveWord(name: string, place: string, image: unknown, isSnapshot: boolean): string {
  const options = mediumOptions(image);
  const parts = [`file=${name}`, place];
  const snapshot = options.persist === undefined && (options.snapshot ?? isSnapshot);
  parts.push(`snapshot=${snapshot ? 'on' : 'off'}`);
  if (options.readOnly) parts.push('readonly=on');
  if (options.format !== undefined) parts.push(`format=${options.format}`);
  return `--drive=${parts.filter((part) => part !== '').join(',')}`;
}

/** Returns where a drive is, for {@link driveWord}. */
export function placeWord(drive: V64Drive): string {
  const parts = DRIVES.map((name) => [name, (drive as unknown as Readonly<Record<string, unknown>>)[name]] as const);
  return parts.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${String(value)}`])).join(',');
}
