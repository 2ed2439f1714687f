// v86's options as those of `V64.create()`: what means the same, what is ignored with a warning, what cannot be.
import { V64Error, type V64Image, type V64Options, type V64Source } from 'v64';
import { nearestOf } from '../nearest.ts';
import type { DomCanvas, DomElement } from '../dom.ts';
import type { V64Terminal } from '../terminal-binding.ts';

/** An image, as v86 takes it. */
export interface V86Image {
  url?: string;
  buffer?: ArrayBuffer | ArrayBufferView | Blob;
  /** `true` fetches parts as they are needed, from a server that answers ranges; else the whole image is downloaded first */
  async?: boolean;
  /** Not needed here */
  size?: number;
}

/** Where a serial line is shown. */
export interface V86Console {
  type: 'textarea' | 'xtermjs' | 'none';
  container?: DomElement;
  /** The constructor of xterm.js's Terminal; the page's global `Terminal` where nothing is said */
  xterm_lib?: new () => V64Terminal & { open(element: DomElement): void };
}

/** Options of v86's constructor that mean something here. */
export interface V86Options {
  memory_size?: number;
  bios?: V86Image;
  hda?: V86Image;
  hdb?: V86Image;
  cdrom?: V86Image;
  fda?: V86Image;
  fdb?: V86Image;
  bzimage?: V86Image;
  multiboot?: V86Image;
  initrd?: V86Image;
  cmdline?: string;
  /** A state that v64 saved */
  initial_state?: V86Image;
  /** A number as v86's `BootOrder` has it */
  boot_order?: number;
  autostart?: boolean;
  acpi?: boolean;
  disable_jit?: boolean;
  disable_keyboard?: boolean;
  disable_mouse?: boolean;
  disable_speaker?: boolean;
  screen_container?: DomElement | null;
  screen?: { container?: DomElement | null; scaling?: number };
  serial_container?: DomElement;
  serial_container_xtermjs?: DomElement;
  serial_console?: V86Console;
  /** What v86 does not have: where the package's files are */
  wasmUrl?: string | URL;
  workerUrl?: string | URL;
  firmwareUrl?: string | URL;
  /** Further options of `V64.create()`, which come before those above */
  v64?: V64Options;
  [name: string]: unknown;
}

/** Options that are carried out. */
const KNOWN = [
  'memory_size', 'bios', 'hda', 'hdb', 'cdrom', 'fda', 'fdb', 'bzimage', 'multiboot', 'initrd', 'cmdline', 'initial_state', 'boot_order',
  'autostart', 'acpi', 'disable_jit', 'disable_keyboard', 'disable_mouse', 'disable_speaker', 'screen_container', 'screen',
  'serial_container', 'serial_container_xtermjs', 'serial_console', 'wasmUrl', 'workerUrl', 'firmwareUrl', 'v64',
] as const;

/** Options without which the guest does what it does with them, or nearly so. */
const IGNORED: Readonly<Record<string, string>> = {
  wasm_path: 'v64 has a module of its own; say where it is by `wasmUrl`',
  wasm_fn: 'v64 has a module of its own; say where it is by `wasmUrl`',
  vga_memory_size: 'the display adapter has 16 MiB',
  vga_bios: 'the display adapter has its own',
  log_level: 'v64 logs nothing of the guest',
  fastboot: "it is Bochs' BIOS that knows it",
  preserve_mac_from_state_image: 'a state is restored as it was saved',
  mac_address_translation: 'a state is restored as it was saved',
  virtio_balloon: 'there is no virtio',
  net_device: 'the card is an e1000, and the network ends at its gateway',
  network_relay_url: 'the network ends at its gateway',
  cpuid_level: "give a model by `v64: { cpu: 'x86-64-v1' }`",
  disable_jit_on_boot: 'give `disable_jit`',
  use_graphical_text: 'text modes are always drawn with the fonts of the card',
};

/** Options that a guest would miss. */
const IMPOSSIBLE: Readonly<Record<string, string>> = {
  bzimage_initrd_from_filesystem: 'there is no 9p file system; give `bzimage` and `initrd`',
  virtio_console: 'there is no virtio; give a `serial_console`',
  modem: 'there is no modem',
  uart1: 'only COM1 is connected',
  uart2: 'only COM1 is connected',
  uart3: 'only COM1 is connected',
};

function bad(message: string): V64Error {
  return new V64Error('BAD_OPTION', message);
}

const isEmpty = (value: unknown): boolean => typeof value === 'object' && value !== null && Object.keys(value).length === 0;

/**
 * Returns warnings for options that are ignored.
 *
 * # Errors
 * `BAD_OPTION` for options that do not exist or cannot be.
 */
export function checkNames(options: object): string[] {
  const warnings: string[] = [];
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || (KNOWN as readonly string[]).includes(name)) continue;
    if (name === 'filesystem') {
      // An empty one is what examples of v86 give by habit.
      if (!isEmpty(value)) throw bad('`filesystem` cannot be: there is no 9p file system; give an image of a disk as `hda`');
      warnings.push('`filesystem` is ignored: there is no 9p file system');
    } else if (Object.hasOwn(IMPOSSIBLE, name)) {
      if (value !== false) throw bad(`\`${name}\` cannot be: ${IMPOSSIBLE[name]}`);
    } else if (Object.hasOwn(IGNORED, name)) {
      warnings.push(`\`${name}\` is ignored: ${IGNORED[name]}`);
    } else {
      const all = [...KNOWN, ...Object.keys(IGNORED), ...Object.keys(IMPOSSIBLE)];
      const nearest = nearestOf(name, all);
      throw bad(`\`${name}\` is no option of v86${nearest ? `; did you mean \`${nearest}\`?` : `. There are ${all.join(', ')}.`}`);
    }
  }
  return warnings;
}

/** Returns an image as v64 takes it. */
export function imageOf(image: unknown, name: string): V64Image {
  if (typeof image !== 'object' || image === null) throw bad(`\`${name}\` is no image; give { url } or { buffer }`);
  const { url, buffer, async: isAsync, use_parts: parts } = image as V86Image & { use_parts?: unknown };
  if (parts) throw bad(`\`use_parts\` of \`${name}\` cannot be: join the parts to one file, which a server gives in ranges`);
  if (buffer !== undefined) return { buffer };
  if (typeof url !== 'string') throw bad(`\`${name}\` has neither \`url\` nor \`buffer\``);
  if (url.endsWith('.zst')) throw bad(`\`${name}\` is packed by zstd, which only saved states may be: unpack ${url}`);
  // As with v86, without `async` the whole image is there before the machine starts.
  return isAsync === true ? { url } : { url, async: false };
}

/** The same for what is read whole. */
function sourceOf(image: unknown, name: string): V64Source {
  const { url, buffer } = imageOf(image, name) as { url?: string; buffer?: ArrayBuffer };
  return buffer ?? url ?? '';
}

/** `-boot`'s letters by the digits of v86's boot order, which has the first in the lowest. */
const LETTERS: Readonly<Record<number, string>> = { 1: 'a', 2: 'c', 3: 'd' };
const [CD_FIRST, FLOPPY_FIRST, DISK_FIRST] = ['dac', 'adc', 'cda'];

function bootOrder({ boot_order: order, fda, hda }: V86Options): string {
  // As v86 has it where nothing is said.
  if (order === undefined || order === 0) return fda ? FLOPPY_FIRST : hda ? DISK_FIRST : CD_FIRST;
  const letters = [0, 4, 8].map((bits) => LETTERS[(order >> bits) & 15] ?? '').join('');
  if (letters === '') throw bad(`\`boot_order\` is ${order}; give one such as 0x213: CD, floppy, disk`);
  return letters;
}

/** The default of v86 */
const MEMORY = 64 << 20;

/**
 * Returns v64's options, without those for the page.
 *
 * # Errors
 * `BAD_OPTION` for an option that cannot be.
 */
export function translate(options: V86Options): V64Options {
  const { bzimage, multiboot, initrd, cmdline, initial_state: state, bios } = options;
  if (bzimage && multiboot) throw bad('`bzimage` and `multiboot` cannot both be: one kernel is booted');
  const images = Object.fromEntries(
    (['hda', 'hdb', 'cdrom', 'fda', 'fdb'] as const).flatMap((name) => (options[name] ? [[name, imageOf(options[name], name)]] : [])),
  );
  const kernel = bzimage ? sourceOf(bzimage, 'bzimage') : multiboot ? sourceOf(multiboot, 'multiboot') : undefined;
  const guest: V64Options = state
    ? { state: sourceOf(state, 'initial_state') }
    : {
        ...(kernel === undefined ? {} : { kernel }),
        ...(kernel !== undefined && cmdline !== undefined ? { append: cmdline } : {}),
        ...(initrd ? { initrd: sourceOf(initrd, 'initrd') } : {}),
      };
  const args = [...(options.v64?.args ?? []), ...(options.acpi === false ? ['--machine=pc,acpi=off'] : [])];
  const places = Object.fromEntries((['wasmUrl', 'workerUrl', 'firmwareUrl'] as const).flatMap((name) => (options[name] ? [[name, options[name]]] : [])));
  return {
    vga: 'std',
    ...(state ? {} : { memory: options.memory_size ?? MEMORY }),
    ...guest,
    ...images,
    ...(bios ? { bios: sourceOf(bios, 'bios') } : {}),
    boot: bootOrder(options),
    ...(options.disable_jit ? { engine: 'interp' as const } : {}),
    // As v86: what plays is there in browsers alone.
    ...(options.disable_speaker !== true && typeof AudioWorkletNode === 'function' ? { audio: true } : {}),
    ...places,
    ...options.v64,
    ...(args.length > 0 ? { args } : {}),
  };
}

/** What v64 draws on. */
export type Canvas = DomCanvas;
