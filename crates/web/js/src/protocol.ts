// What the main thread and the worker say to each other.
import type { V64Code } from './error.ts';
import type { Change, V64Mode } from './painter.ts';

/** Questions that are answered, and wishes that are carried out, between two slices. */
export type Question =
  | { readonly what: 'stats' | 'stateHash' | 'report' | 'registers' | 'pause' | 'reset' | 'powerOff' }
  | { readonly what: 'saveState'; readonly note: string }
  | { readonly what: 'screenshot' | 'picture' | 'screenText' }
  | { readonly what: 'type'; readonly keys: string }
  | { readonly what: 'restoreState'; readonly bytes: Uint8Array }
  | { readonly what: 'qmp'; readonly execute: string; readonly arguments: object }
  | { readonly what: 'insert'; readonly drive: string; readonly force: boolean; readonly disk: DiskSpec }
  | { readonly what: 'monitor'; readonly kind: number }
  | { readonly what: 'writeMemory'; readonly address: number; readonly bytes: Uint8Array };

/** Something that happens at keyboard or mouse, as `crates/web/src/input.rs` reads it. */
export type HostInput =
  | { type: 'key'; code: string; down: boolean }
  | { type: 'move'; dx: number; dy: number }
  | { type: 'wheel'; dz: number }
  | { type: 'button'; button: 'left' | 'middle' | 'right'; down: boolean };

/** The way from keyboard, mouse and screen to the worker. */
export interface Line {
  ask(question: Question): Promise<unknown>;
  input(events: HostInput[]): void;
}

/** Where the worker shows the screen: on a canvas, or by messages with what changed. */
export interface Target {
  canvas?: OffscreenCanvas;
}

/** What a command of QMP gave: its answer, and the content of files that it wrote. */
export interface QmpAnswer {
  readonly value: unknown;
  readonly files: readonly Uint8Array[];
}

/** A file that a machine wants before it starts, as the module's plan lists it. */
export interface WantedFile {
  /** By which the module is given it */
  readonly name: string;
  /** What it is for */
  readonly role: 'kernel' | 'initrd' | 'state' | 'image' | 'block';
  /** Its path, as the command line has it */
  readonly path: string | null;
  /** The package's file of firmware that it is, where there is no path */
  readonly firmware: string | null;
  /** How a medium is opened */
  readonly medium?: WantedMedium;
}

/** How a medium is opened. */
export interface WantedMedium {
  /** Its format; found out where nothing is said */
  readonly format: string | null;
  /** The guest may not write */
  readonly readOnly: boolean;
  /** The host is to write nothing */
  readonly snapshot: boolean;
}

/** Where an image is. */
export type DiskPlace =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'blob'; readonly blob: Blob }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'path'; readonly path: string };

/** An image for the worker to open. */
export interface DiskSpec extends WantedMedium {
  /** By which the module is given it */
  readonly name: string;
  /** What messages call it */
  readonly label: string;
  readonly place: DiskPlace;
  /** The name of a file for what the guest writes: one of the page's private ones, or in Node a path */
  readonly persist?: string;
}

/** Files that a machine starts from, by their names in the plan. */
export type Files = Readonly<Record<string, Uint8Array>>;

export type ToWorker =
  // `writes`: whether the caller carries out options that write files
  | { type: 'create'; module: WebAssembly.Module; args: string[]; writes: boolean; base?: string }
  // `sound`: the rate at which it is heard, in hertz
  | { type: 'start'; files: Files; disks: readonly DiskSpec[]; screen?: Target; sound?: number }
  | { type: 'run' }
  | { type: 'input'; bytes: Uint8Array }
  // What arrived at a connection to the monitor; nothing where it has ended
  | { type: 'monitor'; id: number; bytes?: Uint8Array }
  | { type: 'ask'; id: number; question: Question }
  | { type: 'host'; events: HostInput[] }
  // The picture that was posted last has been shown
  | { type: 'drawn' };

export type FromWorker =
  | { type: 'loaded' }
  | { type: 'wants'; files: readonly WantedFile[] }
  | { type: 'ready' }
  | { type: 'output'; bytes: Uint8Array }
  | { type: 'log'; line: string }
  | { type: 'monitor'; id: number; text: string }
  | { type: 'qmp'; event: unknown }
  | { type: 'progress'; name: string; loaded: number; total: number }
  | { type: 'diskError'; name: string; message: string }
  | { type: 'mode'; mode: V64Mode }
  | { type: 'picture'; change: Change }
  | { type: 'sound'; start: number; samples: Int16Array<ArrayBuffer> }
  | { type: 'ended'; exitCode: number; reason: string; report: string }
  | { type: 'answer'; id: number; value: unknown }
  | { type: 'error'; code: V64Code; message: string; details?: string; id?: number };
