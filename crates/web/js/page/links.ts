// What a link of the page names: `?cdrom=https://...`, `?kernel=...&initrd=...&append=...`, with QEMU's names for options.
import { parseSize } from './size.ts';

/** Drives, with the letter that `-boot` has for each. */
const DRIVES = { cdrom: 'd', hda: 'c', hdb: 'c', hdc: 'c', hdd: 'c', fda: 'a', fdb: 'a' } as const;
/** Files that the page gets whole, before the machine starts. */
const FILES = { kernel: 'kernel', initrd: 'initrd', bios: 'firmware' } as const;

export type LinkedDrive = keyof typeof DRIVES;
export type LinkedFile = keyof typeof FILES;

const MIB = 2 ** 20;
const USUAL_MEMORY = 1024 * MIB;

/** A machine that a link names. */
export interface Link {
  /** What it is called: the name of its first file */
  name: string;
  /** In bytes */
  memory: number;
  vga: 'std' | 'none';
  append?: string;
  boot?: string;
  drives: { place: LinkedDrive; url: URL }[];
  files: { place: LinkedFile; url: URL; name: string }[];
}

/** A link that names what cannot be: one sentence. */
export interface BadLink {
  error: string;
}

/** Returns what an address is called: its last part. */
function title(url: URL): string {
  const last = url.pathname.split('/').at(-1) || url.host;
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

/** Returns the address that a parameter gives; a sentence where it is none that can be read. */
function address(key: string, text: string, base: string): URL | string {
  const url = URL.canParse(text, base) ? new URL(text, base) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) return `In the link, ${key} is no address of a file: ${text}`;
  return url;
}

/**
 * Returns the machine that a link names; `undefined` where it names none.
 *
 * @param base what addresses in the link are relative to
 */
export function parseLink(parameters: URLSearchParams, base: string): Link | BadLink | undefined {
  const named = <T extends string>(keys: T[]): [T, string][] => keys.flatMap((key) => {
    const text = parameters.get(key);
    return text ? [[key, text] as [T, string]] : [];
  });
  const link: Pick<Link, 'drives' | 'files'> = { drives: [], files: [] };
  for (const [place, text] of named(Object.keys(FILES) as LinkedFile[])) {
    const url = address(place, text, base);
    if (typeof url === 'string') return { error: url };
    link.files.push({ place, url, name: FILES[place] });
  }
  for (const [place, text] of named(Object.keys(DRIVES) as LinkedDrive[])) {
    const url = address(place, text, base);
    if (typeof url === 'string') return { error: url };
    link.drives.push({ place, url });
  }
  const has = (place: LinkedFile): boolean => link.files.some((file) => file.place === place);
  const [append, boot, vga, m] = ['append', 'boot', 'vga', 'm'].map((key) => parameters.get(key) ?? undefined);
  if (!has('kernel') && (has('initrd') || append !== undefined)) {
    return { error: `The link names ${has('initrd') ? 'an initrd' : 'a command line'}, and no kernel: add kernel= with its address.` };
  }
  const first = link.files[0]?.url ?? link.drives[0]?.url;
  if (!first) return undefined;
  if (vga !== undefined && vga !== 'std' && vga !== 'none') return { error: `In the link, vga is std or none, and not ${vga}.` };
  const memory = m === undefined ? USUAL_MEMORY : parseSize(m);
  if (typeof memory === 'string') return { error: `In the link, m is ${m}. ${memory}` };
  const letter = link.drives[0] && !has('kernel') ? DRIVES[link.drives[0].place] : undefined;
  const order = boot ?? letter;
  return {
    name: title(first), memory, vga: vga ?? 'std', ...link,
    ...(append === undefined ? {} : { append }), ...(order === undefined ? {} : { boot: order }),
  };
}
