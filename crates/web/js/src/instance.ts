// The border between JavaScript and the module: numbers, an exchange buffer in, a reply out.
import { AT_ONCE, type CodeExports, GuestCode, Installed } from './code.ts';
import { V64Error, type V64Code } from './error.ts';
import type { WantedFile } from './protocol.ts';

/** What `v64_run` and others answer. */
export const Status = { done: 0, idle: 1, ended: 2, failed: 3 } as const;

/** What a command line asks for. */
export type Plan =
  | { kind: 'text'; stdout: string; stderr: string; exitCode: number }
  | {
      kind: 'run';
      files: readonly WantedFile[];
      saveState: string | null;
      serial: string;
      stats: boolean;
      stateHash: boolean;
      maxInstructions: number | null;
      clock: 'real' | 'icount';
    }
  | { kind: 'microtest'; file: string };

/** How a machine ended. */
export interface End {
  exitCode: number;
  /** What the command would say on standard error */
  message: string;
  report: string;
}

interface Exports extends CodeExports {
  __wasm_call_ctors?(): void;
  v64_buffer(len: bigint): bigint;
  v64_command(): number;
  v64_file(nameLen: bigint): void;
  v64_start(): number;
  v64_run(ms: number): number;
  v64_idle_ns(): bigint;
  v64_output_ptr(): bigint;
  v64_output_len(): bigint;
  v64_output_clear(): void;
  v64_input(): void;
  v64_reset(): number;
  v64_save_state(): number;
  v64_restore_state(): number;
  v64_stats(): number;
  v64_report(seconds: number): number;
  v64_registers(): number;
  v64_state_hash(): bigint;
  v64_microtest(): number;
  v64_microtest_end(): number;
  v64_devices(): void;
  v64_reply_ptr(): bigint;
  v64_reply_len(): bigint;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One module instance: one machine. */
export class Instance {
  readonly #x: Exports;

  private constructor(x: Exports) {
    this.#x = x;
  }

  /** `atOnce` is how many bytes of compiled guest code are compiled in the middle of a slice. */
  static async create(module: WebAssembly.Module, log: (line: string) => void, atOnce = AT_ONCE): Promise<Instance> {
    const late: { x?: Exports; code?: GuestCode } = {};
    const read = (x: Exports, at: bigint, len: bigint) => new Uint8Array(x.memory.buffer, Number(at), Number(len)).slice();
    const host = {
      now_ms: () => performance.now(),
      epoch_seconds: () => BigInt(Math.floor(Date.now() / 1000)),
      random: () => crypto.getRandomValues(new BigUint64Array(1))[0]!,
      log: (at: bigint, len: bigint) => {
        if (late.x) log(decoder.decode(read(late.x, at, len)));
      },
      install: (at: bigint, len: bigint, first: number, count: number, mayWait: number) => {
        if (!late.x) return Installed.refused;
        late.code ??= new GuestCode(late.x, atOnce);
        return late.code.install(read(late.x, at, len), first, count, mayWait !== 0);
      },
      retire: (first: number, count: number) => late.code?.retire(first, count),
    };
    const instance = await WebAssembly.instantiate(module, { host });
    const x = instance.exports as unknown as Exports;
    late.x = x;
    // The devices register themselves before anything else.
    x.__wasm_call_ctors?.();
    return new Instance(x);
  }

  #view(at: bigint, len: bigint): Uint8Array {
    return new Uint8Array(this.#x.memory.buffer, Number(at), Number(len));
  }

  /** Fills the exchange buffer. */
  #give(...parts: readonly Uint8Array[]): void {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const at = this.#x.v64_buffer(BigInt(length));
    if (at === 0n) throw new V64Error('NO_MEMORY', `there is no memory for ${length} bytes; give smaller files`);
    const buffer = this.#view(at, BigInt(length));
    let done = 0;
    for (const part of parts) {
      buffer.set(part, done);
      done += part.length;
    }
  }

  #reply(): string {
    return decoder.decode(this.#view(this.#x.v64_reply_ptr(), this.#x.v64_reply_len()).slice());
  }

  /** Throws what the reply says. */
  #check(status: number): number {
    if (status !== Status.failed) return status;
    const { code, message } = JSON.parse(this.#reply()) as { code: V64Code; message: string };
    throw new V64Error(code, message);
  }

  command(words: readonly string[]): Plan {
    this.#give(encoder.encode(words.map((word) => `${word}\0`).join('')));
    this.#check(this.#x.v64_command());
    return JSON.parse(this.#reply()) as Plan;
  }

  /** Hands over a file, by its name in the plan. */
  file(name: string, bytes: Uint8Array): void {
    const encoded = encoder.encode(name);
    this.#give(bytes, encoded);
    this.#x.v64_file(BigInt(encoded.length));
  }

  start(): void {
    this.#check(this.#x.v64_start());
  }

  /** Runs for so many milliseconds, unless something ends it before. */
  run(ms: number): number {
    return this.#check(this.#x.v64_run(ms));
  }

  end(): End {
    return JSON.parse(this.#reply()) as End;
  }

  idleMs(): number {
    return Number(this.#x.v64_idle_ns()) / 1e6;
  }

  /** What COM1 sent since the last call; `undefined` for nothing. */
  output(): Uint8Array<ArrayBuffer> | undefined {
    const len = this.#x.v64_output_len();
    if (len === 0n) return undefined;
    const bytes = this.#view(this.#x.v64_output_ptr(), len).slice() as Uint8Array<ArrayBuffer>;
    this.#x.v64_output_clear();
    return bytes;
  }

  input(bytes: Uint8Array): void {
    this.#give(bytes);
    this.#x.v64_input();
  }

  reset(): void {
    this.#check(this.#x.v64_reset());
  }

  saveState(): Uint8Array<ArrayBuffer> {
    this.#check(this.#x.v64_save_state());
    return this.#view(this.#x.v64_reply_ptr(), this.#x.v64_reply_len()).slice() as Uint8Array<ArrayBuffer>;
  }

  restoreState(bytes: Uint8Array): void {
    this.#give(bytes);
    this.#check(this.#x.v64_restore_state());
  }

  stats(): unknown {
    this.#check(this.#x.v64_stats());
    return JSON.parse(this.#reply());
  }

  report(seconds: number): string {
    this.#check(this.#x.v64_report(seconds));
    return this.#reply();
  }

  registers(): string {
    this.#check(this.#x.v64_registers());
    return this.#reply();
  }

  stateHash(): string {
    return BigInt.asUintN(64, this.#x.v64_state_hash()).toString(16).padStart(16, '0');
  }

  microtest(lines: string): string {
    this.#give(encoder.encode(lines));
    this.#check(this.#x.v64_microtest());
    return this.#reply();
  }

  microtestEnd(): { text: string; exitCode: number } {
    this.#check(this.#x.v64_microtest_end());
    return JSON.parse(this.#reply()) as { text: string; exitCode: number };
  }

  devices(): string {
    this.#x.v64_devices();
    return this.#reply();
  }
}
