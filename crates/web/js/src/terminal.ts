// The terminal as a serial line: raw while the guest runs, restored whatever happens.
import { closeSync, openSync, writeSync } from 'node:fs';

const CTRL_A = 1;

/** The keys behind Ctrl-A, as QEMU has them. */
const KEYS = `\r
Ctrl-A C       opens the monitor, and returns to the machine\r
Ctrl-A H       lists these keys\r
Ctrl-A S       saves the machine's state\r
Ctrl-A X       ends the machine\r
Ctrl-A Ctrl-A  sends Ctrl-A\r
`;

function create(path: string): number {
  try {
    return openSync(path, 'w');
  } catch (error) {
    throw new Error(`cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The monitor on the terminal. */
export interface TerminalMonitor {
  /** COM1 has the terminal too: Ctrl-A C switches */
  readonly shared: boolean;
  send(bytes: Uint8Array): void;
}

/** Where COM1 goes, and where its input comes from. */
export class Terminal {
  #file: number | undefined;
  readonly #stdio: boolean;
  readonly #restore = (): void => this.restore();
  #error: NodeJS.ErrnoException | undefined;
  #leave: () => void = () => {};
  #monitor: TerminalMonitor | undefined;
  /** What is typed is for the monitor */
  #toMonitor = false;

  /** Opens what `--serial` names: `stdio`, `file:PATH` or `none`. */
  constructor(name: string) {
    this.#stdio = name === 'stdio';
    const path = name.startsWith('file:') ? name.slice('file:'.length) : undefined;
    if (!this.#stdio && name !== 'none' && path === undefined) {
      throw new Error(`--serial ${name} is none of stdio, file:PATH and none`);
    }
    if (path !== undefined) this.#file = create(path);
    if (this.#stdio) {
      process.stdout.on('error', (error) => {
        this.#error ??= error;
        this.#leave();
      });
    }
  }

  /** What is wrong with standard output; nothing where its reader has closed the pipe. */
  get failure(): string | undefined {
    if (this.#error === undefined || this.#error.code === 'EPIPE') return undefined;
    return `cannot write to standard output: ${this.#error.message}`;
  }

  write(bytes: Uint8Array): void {
    if (this.#file !== undefined) writeSync(this.#file, bytes);
    else if (this.#stdio) process.stdout.write(bytes);
  }

  /** Hands on what is typed; on a terminal, Ctrl-A begins a key of the command's own. Output that fails leaves, too. */
  read(type: (bytes: Uint8Array) => void, leave: () => void, save: () => void, monitor?: TerminalMonitor): void {
    this.#leave = leave;
    this.#monitor = monitor;
    this.#toMonitor = monitor !== undefined && !monitor.shared;
    if (this.#error) leave();
    if (!this.#stdio && !monitor) return;
    const raw = process.stdin.isTTY;
    if (raw) {
      process.stdin.setRawMode(true);
      process.once('exit', this.#restore);
      for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
        process.once(signal, () => {
          this.restore();
          process.exit(signal === 'SIGHUP' ? 129 : signal === 'SIGINT' ? 130 : 143);
        });
      }
    }
    let escape = false;
    process.stdin.on('data', (chunk: Buffer) => {
      const out: number[] = [];
      for (const byte of chunk) {
        if (escape) {
          escape = false;
          const key = String.fromCharCode(byte).toLowerCase();
          if (key === 'x') return leave();
          if (key === 's') save();
          else if (key === 'c' && this.#monitor) out.splice(0, out.length, ...this.#switch(out, type));
          else if (byte === CTRL_A) out.push(byte);
          else process.stderr.write(KEYS);
        } else if (raw && byte === CTRL_A) {
          escape = true;
        } else {
          out.push(byte);
        }
      }
      this.#pass(out, type);
    });
  }

  #pass(out: readonly number[], type: (bytes: Uint8Array) => void): void {
    if (out.length === 0) return;
    if (this.#toMonitor) this.#monitor?.send(new Uint8Array(out));
    else type(new Uint8Array(out));
  }

  /** Ctrl-A C: what was typed before goes where it was meant for. Returns what is left of it: nothing. */
  #switch(out: readonly number[], type: (bytes: Uint8Array) => void): number[] {
    this.#pass(out, type);
    if (this.#monitor?.shared) this.#toMonitor = !this.#toMonitor;
    // An empty line has the monitor show its prompt.
    if (this.#toMonitor) this.#monitor?.send(new Uint8Array([13]));
    return [];
  }

  /** Prints what the monitor says. */
  print(text: string): void {
    process.stdout.write(text);
  }

  restore(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    if (this.#stdio || this.#monitor) {
      if (process.stdin.isTTY) process.stdin.setRawMode(false);
      process.stdin.pause();
      process.stdin.unref?.();
    }
  }
}
