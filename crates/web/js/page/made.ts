// What a machine was built of, as far as its saved state does not hold it: kept as a note in the state, so that the page can
// build the machine again.
import type { V64DriveInfo, V64Options } from 'v64';
import { download, type Parts, type Progress, servedFrom } from './guests.ts';

/** The drives that the page fills, by their options, with QEMU's names. */
const DRIVES = {
  hda: 'ide0-hd0', hdb: 'ide0-hd1', hdc: 'ide1-hd0', hdd: 'ide1-hd1', cdrom: 'ide1-cd0', fda: 'floppy0', fdb: 'floppy1',
} as const;

type Drive = keyof typeof DRIVES;
/** An option that is a file. */
export type Place = Drive | 'bios';

const PLACES: readonly Place[] = ['bios', ...(Object.keys(DRIVES) as Drive[])];

/** A file that a machine was built of. */
export interface MadeFile {
  place: Place;
  name: string;
  /** In bytes; absent for images that are read from an address */
  size?: number;
  /** When it was changed last, in milliseconds since 1970 */
  modified?: number;
  /** Where a server has it */
  url?: string;
}

/** Options that are kept as they are. */
type Kept = Pick<V64Options, 'vga' | 'boot' | 'engine' | 'args'>;

/** What a machine was built of. */
export interface Made {
  /** Name of its guest */
  name: string;
  options: Kept;
  /** Whether it has a sound card, which is heard */
  audio: boolean;
  files: MadeFile[];
}

/** Says that the user does not give the files that are wanted. */
export class Unwilling extends Error {}

/** Files that the user has given since the page was loaded, and those that the browser kept. */
const known = new Map<string, Blob>();

function key({ name, size, modified }: MadeFile): string {
  return `${name}/${size}/${modified ?? ''}`;
}

function describe(place: Place, value: unknown): { file: MadeFile; blob?: Blob } | undefined {
  if (value instanceof Blob) {
    const url = servedFrom(value);
    const name = value instanceof File ? value.name : (url?.split('/').at(-1) ?? place);
    const modified = value instanceof File ? { modified: value.lastModified } : {};
    return { file: { place, name, size: value.size, ...modified, ...(url === undefined ? {} : { url }) }, blob: value };
  }
  if (typeof value === 'object' && value !== null && 'url' in value) {
    const url = String(value.url);
    return { file: { place, name: url.split('/').at(-1) || url, url } };
  }
  return undefined;
}

/** Returns the name of the file with which a drive began; `undefined` where that is not known. */
export function nameIn(id: string, parts: Parts | undefined): string | undefined {
  const place = PLACES.find((place) => place !== 'bios' && DRIVES[place] === id);
  return place && describe(place, parts?.[place])?.file.name;
}

/**
 * Returns what a machine is made of, and its files that no server has.
 *
 * @param changes what was put into drives since it was built, by their names
 */
export function madeOf(
  name: string,
  parts: Parts,
  audio: boolean,
  drives: readonly V64DriveInfo[],
  changes: ReadonlyMap<string, File | undefined>,
): { made: Made; files: Map<string, Blob> } {
  const { vga, boot, engine, args } = parts;
  const options: Kept = JSON.parse(JSON.stringify({ vga, boot, engine, args })) as Kept;
  const made: Made = { name, options, audio, files: [] };
  const files = new Map<string, Blob>();
  for (const place of PLACES) {
    const id = place === 'bios' ? undefined : DRIVES[place];
    const drive = drives.find((drive) => drive.id === id);
    const isEmpty = drive?.removable === true && !drive.medium;
    const value = id !== undefined && changes.has(id) ? changes.get(id) : parts[place];
    const found = isEmpty ? undefined : describe(place, value);
    if (!found) continue;
    made.files.push(found.file);
    if (!found.blob || found.file.url !== undefined) continue;
    files.set(key(found.file), found.blob);
    known.set(key(found.file), found.blob);
  }
  // The kernel comes with the state. Without one, drives would bring firmware, which this machine does not have.
  const isBare = parts.kernel !== undefined && vga !== 'std' && parts.bios === undefined;
  if (isBare && made.files.length > 0) options.args = [...(args ?? []), '--guest=demo'];
  return { made, files };
}

/** Notes files that the browser has kept. */
export function know(files: ReadonlyMap<string, Blob> | undefined): void {
  for (const [name, blob] of files ?? []) known.set(name, blob);
}

/** Reads the note of a state; `undefined` where it is none of this page's. */
export function parseMade(note: string | undefined): Made | undefined {
  if (note === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(note);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('page' in value)) return undefined;
  const { name, options, audio, files } = value.page as Partial<Record<keyof Made, unknown>>;
  if (typeof name !== 'string' || typeof options !== 'object' || options === null || !Array.isArray(files)) return undefined;
  const { vga, boot, engine, args } = options as Kept;
  const isFile = (file: unknown): file is MadeFile => {
    const { place, name, size, url } = (file ?? {}) as Partial<MadeFile>;
    return PLACES.includes(place as Place) && typeof name === 'string' && (typeof size === 'number' || typeof url === 'string');
  };
  if (!files.every(isFile)) return undefined;
  return { name, options: JSON.parse(JSON.stringify({ vga, boot, engine, args })) as Kept, audio: audio === true, files };
}

/** The note that {@link parseMade} reads. */
export function noteFor(made: Made): string {
  return JSON.stringify({ page: made });
}

/**
 * Gets the files of a machine: those that are known, those that a server has, and the others by `ask`.
 *
 * Rejects with {@link Unwilling} where the user does not give them.
 */
export async function partsOf(
  made: Made,
  ask: (wanted: readonly MadeFile[]) => Promise<ReadonlyMap<MadeFile, File> | undefined>,
  progress: (at: Progress) => void,
  signal: AbortSignal,
): Promise<Parts> {
  const parts: Parts = { ...made.options, audio: made.audio };
  const missing = made.files.filter((file) => file.url === undefined && !known.has(key(file)));
  const given = missing.length > 0 ? await ask(missing) : new Map<MadeFile, File>();
  if (!given) throw new Unwilling();
  for (const file of made.files) {
    const { place, name, size, url } = file;
    if (url !== undefined && size === undefined) {
      if (place !== 'bios') parts[place] = { url: new URL(url, document.baseURI) };
      continue;
    }
    const blob = url === undefined ? (given.get(file) ?? known.get(key(file))) : await download(new URL(url, document.baseURI), name, progress, signal, false);
    if (blob) parts[place] = blob;
    // A second restore asks no more, whatever the file is called here.
    if (blob && url === undefined) known.set(key(file), blob);
  }
  return parts;
}
