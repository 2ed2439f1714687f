// Where the files that a machine wants come from.
import { host } from '#host';
import { V64Error } from './error.ts';
import type { V64Options } from './options.ts';
import type { Files, WantedFile } from './protocol.ts';
import { read, type V64Source } from './source.ts';

/** Says where a file comes from. */
export type Supply = (file: WantedFile) => V64Source;

/** What messages call a file, by its role. */
const WORDS = { kernel: 'kernel', initrd: 'initrd', state: 'saved state', image: 'firmware' } as const;

/** The command's flags for files that the interface takes as options. */
const FLAGS = { kernel: '--kernel', initrd: '--initrd', state: '--load-state', image: '--bios' } as const;

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
  return ({ role, firmware: name }) => {
    if (name !== null) return firmware(name, options.firmwareUrl);
    const option = role === 'image' ? 'bios' : role;
    const source = options[option];
    if (source !== undefined) return source;
    throw new V64Error('BAD_OPTION', `${FLAGS[role]} is not for \`args\`: give the ${WORDS[role]} as the option \`${option}\``);
  };
}

/** Returns where files come from that a command line names by their paths, or `state` for the saved state. */
export function fromPaths(state: Uint8Array | undefined): Supply {
  return ({ role, path, firmware: name }) => {
    if (role === 'state' && state) return state;
    if (path === null) return firmware(name ?? '', undefined);
    // As QEMU takes it: `-bios NAME` is also the name of a file of the package's.
    const packaged = role === 'image' && path in FIRMWARE && !host.exists?.(path);
    return packaged ? firmware(path, undefined) : path;
  };
}

/**
 * Reads the files that a machine wants.
 *
 * # Errors
 * As {@link read}.
 */
export async function readAll(wanted: readonly WantedFile[], supply: Supply): Promise<Files> {
  const files = await Promise.all(
    wanted.map(async (file) => {
      const word = file.firmware === null ? WORDS[file.role] : `firmware ${file.firmware}`;
      try {
        return [file.name, whole(await read(supply(file), word))] as const;
      } catch (error) {
        if (file.firmware === null || !(error instanceof V64Error)) throw error;
        const todo = 'put the folder firmware of the package there, or give its address as `firmwareUrl`';
        throw new V64Error('SOURCE', `${error.message}; ${todo}`);
      }
    }),
  );
  return Object.fromEntries(files);
}

/** Returns bytes with a buffer of their own: messages copy the whole of what is behind a view. */
export function whole(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}
