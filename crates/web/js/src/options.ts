import { checkDrives, checkImage, driveWord, type Place, PLACES, placeWord, type V64Drive, type V64Image } from './drives.ts';
import { checkAudio, type V64AudioTarget } from './audio.ts';
import { V64Error } from './error.ts';
import { nearestOf } from './nearest.ts';
import { checkScreen, type V64ScreenTarget } from './screen.ts';
import { bytesOf, checkSource, describe, type V64Source } from './source.ts';

/** How much of a file has been downloaded, in bytes; `total` is 0 where that is not known. */
export interface V64Progress {
  name: string;
  loaded: number;
  total: number;
}

/** What a machine is made of. */
export interface V64Options {
  /** Guest memory: a number of bytes, or a size such as '512M' or '6G' */
  memory?: number | string;
  /** Processors, 1 to 8 */
  smp?: number;
  /** A Linux bzImage or a multiboot image; without one, a small guest that the module contains */
  kernel?: V64Source;
  /** Initial RAM disk of a Linux kernel */
  initrd?: V64Source;
  /** Kernel command line */
  append?: string;
  /** Firmware, a ROM image; without it SeaBIOS, where the machine has a screen or boots from a drive */
  bios?: V64Source;
  /** Hard disks, at the four places of the IDE controller */
  hda?: V64Image;
  hdb?: V64Image;
  hdc?: V64Image;
  hdd?: V64Image;
  /** A CD or DVD, in place of `hdc` */
  cdrom?: V64Image;
  /** Floppies */
  fda?: V64Image;
  fdb?: V64Image;
  /** Further drives, as QEMU's `-drive` */
  drives?: readonly V64Drive[];
  /** What firmware boots from, in order: a floppy, c disk, d CD; such as 'dc', or 'order=dc,menu=on' */
  boot?: string;
  /** What the guest writes to drives is kept in memory (as it is). `false` lets it write to files, in Node */
  snapshot?: boolean;
  /** Graphics adapter: 'std' is QEMU's standard VGA, which comes with firmware */
  vga?: 'std' | 'none';
  /** A saved state to start from. It brings the guest, and what of `memory`, `smp`, `cpu` and `clock` is not given */
  state?: V64Source;
  /** 'x86-64-v1', 'x86-64-v2', 'x86-64-v3' or 'max' */
  cpu?: string;
  /** The host's clock, or retired instructions: exactly repeatable */
  clock?: 'real' | 'icount';
  /** Guest code that runs often becomes WebAssembly, unless all of it is interpreted */
  engine?: 'jit' | 'interp';
  /** Stop after so many instructions */
  maxInstructions?: number;
  /** End at a reset or triple fault rather than start over */
  noReboot?: boolean;
  /** Port of isa-debug-exit */
  debugExit?: number;
  /** Further options of `v64 run` */
  args?: readonly string[];
  /** Where v64.wasm is, if not beside the library */
  wasmUrl?: string | URL;
  /** Where worker.mjs is, if not beside the library */
  workerUrl?: string | URL;
  /** Where the package's folder firmware is, if not beside the library */
  firmwareUrl?: string | URL;
  /** Shows the screen: a canvas, which then belongs to this machine, or a function that gets each new picture */
  screen?: V64ScreenTarget;
  /** Plays the PC speaker and, where the machine has a screen or drives, a Sound Blaster 16 that is put in. `true`, an `AudioContext`, or a function */
  audio?: V64AudioTarget;
  /** Receives what COM1 sends */
  onSerial?: (bytes: Uint8Array) => void;
  /** Receives lines that the module logs */
  onLog?: (line: string) => void;
  /** Hears how much of files and images has been downloaded */
  onProgress?: (progress: V64Progress) => void;
  /** Ends downloads, and the machine */
  signal?: AbortSignal;
}

type Name = keyof V64Options;

/** Returns what is wrong with a value: the words behind 'NAME is VALUE; '. */
type Check = (value: unknown, name: Name) => string | undefined;

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const text: Check = (value) => (typeof value === 'string' ? undefined : 'give a string');
const listener: Check = (value) => (typeof value === 'function' ? undefined : 'give a function');
const source: Check = (value, name) => void checkSource(value, name);
const isAddress = (value: unknown): boolean => (typeof value === 'string' && value !== '') || value instanceof URL;
const image: Check = (value, name) => void checkImage(value, name);
const place: Check = (value) => (isAddress(value) ? undefined : 'give a string or a URL');

function oneOf(...possible: string[]): Check {
  return (value) => (possible.includes(value as string) ? undefined : `give '${possible.join("' or '")}'`);
}

/** The least memory that a number can mean: smaller ones were meant as megabytes. */
const LEAST_BYTES = 1 << 20;

function memory(value: unknown): string | undefined {
  if (typeof value === 'string') return undefined; // the module's own parser knows sizes
  if (isCount(value) && value >= LEAST_BYTES) return undefined;
  return "give a number of bytes, of 1 MiB at least, or a size such as '512M'";
}

/** The machine's own limit. */
const MOST_PROCESSORS = 8;

function processors(value: unknown): string | undefined {
  if (isCount(value) && value >= 1 && value <= MOST_PROCESSORS) return undefined;
  return `give a whole number of processors, 1 to ${MOST_PROCESSORS}`;
}

const CHECKS: Record<Name, Check> = {
  memory,
  smp: processors,
  kernel: source,
  initrd: source,
  append: text,
  bios: source,
  hda: image,
  hdb: image,
  hdc: image,
  hdd: image,
  cdrom: image,
  fda: image,
  fdb: image,
  drives: checkDrives,
  boot: text,
  snapshot: (value) => (typeof value === 'boolean' ? undefined : 'give true or false; a saved state is the option `state`'),
  vga: oneOf('std', 'none'),
  state: source,
  cpu: text,
  clock: oneOf('real', 'icount'),
  engine: oneOf('jit', 'interp'),
  maxInstructions: (value) => (isCount(value) ? undefined : 'give a whole number of instructions'),
  noReboot: (value) => (typeof value === 'boolean' ? undefined : 'give true or false'),
  debugExit: (value) => (isCount(value) && value <= 0xffff ? undefined : 'give a port, 0 to 0xffff'),
  args: (value) => (Array.isArray(value) && value.every((word) => typeof word === 'string') ? undefined : 'give an array of strings'),
  wasmUrl: place,
  workerUrl: place,
  firmwareUrl: place,
  screen: checkScreen,
  audio: checkAudio,
  onSerial: listener,
  onLog: listener,
  onProgress: listener,
  signal: (value) => (typeof value === 'object' && value !== null && 'aborted' in value ? undefined : 'give an AbortSignal'),
};

/** Names of v86, QEMU and Node that mean an option of this machine. */
const ALIASES: Readonly<Record<string, Name>> = {
  m: 'memory',
  ram: 'memory',
  memorysize: 'memory',
  processors: 'smp',
  cpus: 'smp',
  cores: 'smp',
  bzimage: 'kernel',
  multiboot: 'kernel',
  initramfs: 'initrd',
  cmdline: 'append',
  commandline: 'append',
  firmware: 'bios',
  canvas: 'screen',
  screencontainer: 'screen',
  sound: 'audio',
  audiocontext: 'audio',
  speaker: 'audio',
  onframe: 'screen',
  wasmpath: 'wasmUrl',
  worker: 'workerUrl',
  isadebugexit: 'debugExit',
  loadstate: 'state',
  initialstate: 'state',
  bootorder: 'boot',
  drive: 'drives',
  disk: 'hda',
  iso: 'cdrom',
  floppy: 'fda',
};

/** Names of v86 and QEMU for what this machine does not have. */
const ABSENT: Readonly<Record<string, string>> = {
  vgabios: "it comes with `vga: 'std'`",
  vgamemorysize: 'the card has 16 MiB',
  autostart: 'call `run()`',
  serialcontainer: 'call `serial.attach(terminal)`',
  disablekeyboard: 'keys go to the machine where `attach()` says so',
  disablespeaker: 'nothing is heard without `audio`',
  acpi: "give `args: ['-machine', 'acpi=off']`",
  networkrelayurl: 'the network ends at its gateway',
  filesystem: 'there is no 9p; give an image of a disk',
};

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

function unknown(name: string): V64Error {
  const known = Object.keys(CHECKS) as Name[];
  const absent = ABSENT[plain(name)];
  const nearest = ALIASES[plain(name)] ?? known.find((one) => plain(one) === plain(name)) ?? nearestOf(name, known);
  const hint = absent ?? (nearest ? `did you mean \`${nearest}\`?` : '');
  const all = `The options are ${known.join(', ')}.`;
  return new V64Error('BAD_OPTION', `\`${name}\` is no option${hint ? `: ${hint}` : '.'} ${all}`);
}

/**
 * Throws where options do not exist or cannot be what they are.
 *
 * # Errors
 * `BAD_OPTION`; `SOURCE` for addresses that cannot be read from.
 */
export function checkOptions(options: unknown): asserts options is V64Options {
  if (typeof options !== 'object' || options === null || bytesOf(options)) {
    throw new V64Error('BAD_OPTION', `the options are ${describe(options)}; give an object such as { memory: '512M' }`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(CHECKS, name)) throw unknown(name);
    if (value === undefined) continue;
    const wrong = CHECKS[name as Name](value, name as Name);
    if (wrong) throw new V64Error('BAD_OPTION', `\`${name}\` is ${describe(value)}; ${wrong}`);
  }
  const { kernel, initrd, append, state } = options as V64Options;
  for (const [name, value] of Object.entries({ kernel, initrd, append })) {
    if (state === undefined || value === undefined) continue;
    throw new V64Error('BAD_OPTION', `a \`state\` brings its guest along; leave \`${name}\` out`);
  }
  if (initrd !== undefined && kernel === undefined) throw new V64Error('BAD_OPTION', '`initrd` needs a `kernel`');
}

/** The audio device that the host hears */
const EAR = 'v64-audio';

/** Options of the command with which a machine has firmware, or a guest of its own choice */
const ASKS_FIRMWARE = /^--?(device|nic|net|netdev|drive|hd[a-d]|cdrom|fd[ab]|pflash|boot|vga|display|qmp|qmp-pretty|mon|monitor|guest|bios)\b/;

/** Whether something but a sound card asks for firmware. Without that a card would: the machine then has its speaker alone. */
function asksFirmware(options: V64Options): boolean {
  const { bios, vga, boot, drives, args = [] } = options;
  const isImage = Object.keys(PLACES).some((name) => options[name as Place] !== undefined) || (drives?.length ?? 0) > 0;
  return isImage || bios !== undefined || vga === 'std' || boot !== undefined || args.some((word) => ASKS_FIRMWARE.test(word));
}

/** Returns the command line that means the options. */
export function words(options: V64Options): string[] {
  const args = ['run'];
  const add = (flag: string, value: unknown): void => {
    if (value !== undefined) args.push(`${flag}=${String(value)}`);
  };
  const { memory } = options;
  add('--memory', typeof memory === 'number' ? `${Math.floor(memory / 1024)}K` : memory);
  add('--smp', options.smp);
  // The module learns that there are files; their content comes apart, and their names do not count.
  if (options.kernel !== undefined) add('--kernel', 'kernel');
  if (options.initrd !== undefined) add('--initrd', 'initrd');
  if (options.state !== undefined) add('--load-state', 'state');
  if (options.bios !== undefined) add('--bios', 'bios');
  add('--vga', options.vga);
  add('--boot', options.boot);
  const snapshot = options.snapshot ?? true;
  for (const [name, where] of Object.entries(PLACES)) {
    const given = options[name as Place];
    if (given !== undefined) args.push(driveWord(name, where, given, snapshot));
  }
  options.drives?.forEach((drive, n) => args.push(driveWord(`drives[${n}]`, placeWord(drive), drive, snapshot)));
  if (options.audio !== undefined && options.audio !== false) {
    args.push(`--audiodev=none,id=${EAR}`);
    if (asksFirmware(options)) args.push(`--device=pit-8254,audiodev=${EAR}`, `--device=sb16,audiodev=${EAR}`);
    // Given twice, it is refused.
    else if (!options.args?.some((word) => /^--?(machine|M)\b/.test(word))) args.push(`--machine=pc,pcspk-audiodev=${EAR}`);
  }
  add('--append', options.append);
  add('--cpu', options.cpu);
  add('--clock', options.clock);
  add('--engine', options.engine);
  add('--max-instructions', options.maxInstructions);
  add('--debug-exit', options.debugExit);
  if (options.noReboot) args.push('--no-reboot');
  return [...args, ...(options.args ?? [])];
}
