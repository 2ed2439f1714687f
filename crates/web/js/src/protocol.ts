// What the main thread and the worker say to each other.
import type { V64Code } from './error.ts';

/** Questions that are answered, and wishes that are carried out, between two slices. */
export type Question = 'stats' | 'stateHash' | 'report' | 'registers' | 'pause' | 'reset' | 'powerOff' | 'saveState' | 'restoreState';

/** A file that a machine wants before it starts, as the module's plan lists it. */
export interface WantedFile {
  /** By which the module is given it */
  readonly name: string;
  /** What it is for */
  readonly role: 'kernel' | 'initrd' | 'state' | 'image';
  /** Its path, as the command line has it */
  readonly path: string | null;
  /** The package's file of firmware that it is, where there is no path */
  readonly firmware: string | null;
}

/** Files that a machine starts from, by their names in the plan. */
export type Files = Readonly<Record<string, Uint8Array>>;

export type ToWorker =
  // `writes`: whether the caller carries out options that write files
  | { type: 'create'; module: WebAssembly.Module; args: string[]; writes: boolean }
  | { type: 'start'; files: Files }
  | { type: 'run' }
  | { type: 'input'; bytes: Uint8Array }
  | { type: 'ask'; id: number; what: Question; bytes?: Uint8Array };

export type FromWorker =
  | { type: 'loaded' }
  | { type: 'wants'; files: readonly WantedFile[] }
  | { type: 'ready' }
  | { type: 'output'; bytes: Uint8Array }
  | { type: 'log'; line: string }
  | { type: 'ended'; exitCode: number; reason: string; report: string }
  | { type: 'answer'; id: number; value: unknown }
  | { type: 'error'; code: V64Code; message: string; details?: string; id?: number };
