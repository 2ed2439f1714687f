// What the main thread and the worker say to each other.
import type { V64Code } from './error.ts';

/** Questions that are answered, and wishes that are carried out, between two slices. */
export type Question = 'stats' | 'stateHash' | 'report' | 'registers' | 'pause' | 'reset' | 'powerOff' | 'saveState' | 'restoreState';

/** Files that a machine starts from. */
export interface Files {
  kernel?: Uint8Array;
  initrd?: Uint8Array;
  state?: Uint8Array;
}

export type ToWorker =
  // `writes`: whether the caller carries out options that write files
  | { type: 'create'; module: WebAssembly.Module; args: string[]; files: Files; writes: boolean }
  | { type: 'run' }
  | { type: 'input'; bytes: Uint8Array }
  | { type: 'ask'; id: number; what: Question; bytes?: Uint8Array };

export type FromWorker =
  | { type: 'loaded' }
  | { type: 'ready' }
  | { type: 'output'; bytes: Uint8Array }
  | { type: 'log'; line: string }
  | { type: 'ended'; exitCode: number; reason: string; report: string }
  | { type: 'answer'; id: number; value: unknown }
  | { type: 'error'; code: V64Code; message: string; details?: string; id?: number };
