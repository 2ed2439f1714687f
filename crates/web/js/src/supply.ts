// Where the files that a machine wants come from.
import { host } from '#host';
import { mediumOptions, type Place, PLACES, type V64Image } from './drives.ts';
import { V64Error } from './error.ts';
import { call } from './events.ts';
import type { V64Options } from './options.ts';
import type { DiskSpec, Files, WantedFile, WantedMedium } from './protocol.ts';
import { placeOf, read, type ReadOptions, type V64Source } from './source.ts';

/** Says where files and images come from. */
export interface Supply {
  file(file: WantedFile): V64Source;
  disk(file: WantedFile): V64Image;
}

/** Files that are read whole. */
type Role = Exclude<WantedFile['role'], 'block'>;

/** What messages call a file, by its role. */
const WORDS: Readonly<Record<WantedFile['role'], string>> = {
  kernel: 'kernel',
  initrd: 'initrd',
  state: 'saved state',
  image: 'firmware',
  block: 'image',
};

/** The command's flags for files that the interface takes as options. */
const FLAGS: Readonly<Record<Role, string>> = { kernel: '--kernel', initrd: '--initrd', state: '--load-state', image: '--bios' };

/** Firmware of the package. Bundlers recognise the expressions as they stand here, and bring the files along. */
const FIRMWARE: Readonly<Record<string, () => URL>> = {
  'bios-256k.bin': () => new URL('./firmware/bios-256k.bin', import.meta.url),
  'vgabios-stdvga.bin': () => new URL('./firmware/vgabios-stdvga.bin', import.meta.url),
};

/** Returns where a file of firmware is; `folder` is `firmwareUrl`. */
function firmware(name: string, folder: string | URL | undefined): string | URL {
  if (folder !== undefined) return `${String(folder).replace(/\/?$/, '/')}${name}`;
  try {
    const url = FIRMWARE[name]?.();
    if (url) return url;
  } catch {
    // A bundle that is no module does not know where it lies.
  }
  throw new V64Error('SOURCE', `the firmware ${name} is not there; give its folder as \`firmwareUrl\``);
}

/** Returns where files come from that are options of `V64.create()`. */
export function fromOptions(options: V64Options): Supply {
  return {
    file: ({ role, firmware: name }) => {
      if (name !== null) return firmware(name, options.firmwareUrl);
      const option = role === 'image' ? 'bios' : (role as 'kernel' | 'initrd' | 'state');
      const source = options[option];
      if (source !== undefined) return source;
      throw new V64Error('BAD_OPTION', `${FLAGS[role as Role]} is not for \`args\`: give the ${WORDS[role]} as the option \`${option}\``);
    },
    disk: ({ path }) => {
      const index = /^drives\[(\d+)\]$/.exec(path ?? '')?.[1];
      const image = index === undefined ? options[path as Place] : options.drives?.[Number(index)];
      if (image !== undefined && (index !== undefined || Object.hasOwn(PLACES, path ?? ''))) return image;
      throw new V64Error('BAD_OPTION', `the image ${path} is not for \`args\`: give it as \`hda\`, \`cdrom\`, \`fda\` or in \`drives\``);
    },
  };
}

/** Returns where files come from that a command line names by their paths, or `state` for the saved state. */
export function fromPaths(state: Uint8Array | undefined): Supply {
  return {
    file: ({ role, path, firmware: name }) => {
      if (role === 'state' && state) return state;
      if (path === null) return firmware(name ?? '', undefined);
      // As QEMU takes it: `-bios NAME` is also the name of a file of the package's.
      const packaged = role === 'image' && path in FIRMWARE && !host.exists?.(path);
      return packaged ? firmware(path, undefined) : path;
    },
    disk: ({ path }) => path ?? '',
  };
}

/**
 * Reads the files that a machine wants.
 *
 * # Errors
 * As {@link read}.
 */
export async function readAll(wanted: readonly WantedFile[], supply: Supply, options: V64Options): Promise<Files> {
  const files = await Promise.all(
    wanted.map(async (file) => {
      if (file.role === 'block') return [];
      const word = file.firmware === null ? WORDS[file.role] : `firmware ${file.firmware}`;
      try {
        return [[file.name, whole(await read(supply.file(file), word, reading(word, options)))] as const];
      } catch (error) {
        if (file.firmware === null || !(error instanceof V64Error)) throw error;
        const todo = 'put the folder firmware of the package there, or give its address as `firmwareUrl`';
        throw new V64Error('SOURCE', `${error.message}; ${todo}`);
      }
    }),
  );
  return Object.fromEntries(files.flat());
}

/** Reports downloads of a file, and ends them where that is wanted. */
function reading(name: string, { onProgress, signal }: V64Options): ReadOptions {
  const progress = onProgress ? { progress: (loaded: number, total: number) => call(onProgress, { name, loaded, total }) } : {};
  return { signal, ...progress };
}

/**
 * Returns the images that a machine wants, for the worker to open.
 *
 * # Errors
 * As {@link read}, and `BAD_OPTION` for an image that cannot be written to where the guest is to.
 */
export async function disksFor(wanted: readonly WantedFile[], supply: Supply, options: V64Options): Promise<DiskSpec[]> {
  const blocks = wanted.filter(({ role }) => role === 'block');
  return Promise.all(blocks.map((file) => disk(file.name, supply.disk(file), file.medium ?? WRITABLE, file.path ?? '', options)));
}

const WRITABLE: WantedMedium = { format: null, readOnly: false, snapshot: false };

/** Returns an image for the worker to open. `what` names it in messages. */
export async function disk(name: string, image: V64Image, medium: WantedMedium, what: string, options: V64Options): Promise<DiskSpec> {
  const { persist, async: isAsync } = mediumOptions(image);
  const { place, label } = await placeOf(image as V64Source, what, isAsync === false, reading(what, options));
  if (!medium.readOnly && !medium.snapshot && persist === undefined && (place.kind === 'url' || place.kind === 'blob')) {
    throw new V64Error('BAD_OPTION', `${label} can only be read; give -snapshot or readonly=on, or as options \`snapshot\` or \`persist\``);
  }
  const bytes = place.kind === 'bytes' ? { place: { kind: 'bytes', bytes: whole(place.bytes) } as const } : { place };
  return { name, label, ...medium, ...bytes, ...(persist === undefined ? {} : { persist }) };
}

/** Returns bytes with a buffer of their own: messages copy the whole of what is behind a view. */
export function whole(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}
