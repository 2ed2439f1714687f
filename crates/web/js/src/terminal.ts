// The terminal as a serial line: raw while the guest runs, restored whatever happens.
import { closeSync, openSync, writeSync } from 'node:fs';

const CTRL_A = 1;

function create(path: string): number {
  try {
    return openSync(path, 'w');
  } catch (error) {
    throw new Error(`cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Where COM1 goes, and where its input comes from. */
export class Terminal {
  #file: number | undefined;
  readonly #stdio: boolean;
  readonly #restore = (): void => this.restore();

  /** Opens what `--serial` names: `stdio`, `file:PATH` or `none`. */
  constructor(name: string) {
    this.#stdio = name === 'stdio';
    const path = name.startsWith('file:') ? name.slice('file:'.length) : undefined;
    if (!this.#stdio && name !== 'none' && path === undefined) {
      throw new Error(`--serial ${name} is none of stdio, file:PATH and none`);
    }
    if (path !== undefined) this.#file = create(path);
    // A closed pipe must not stop the guest: what cannot be written is gone.
    if (this.#stdio) process.stdout.on('error', () => {});
  }

  write(bytes: Uint8Array): void {
    if (this.#file !== undefined) writeSync(this.#file, bytes);
    else if (this.#stdio) process.stdout.write(bytes);
  }

  /** Hands on what is typed. Ctrl-A X leaves, Ctrl-A Ctrl-A sends one Ctrl-A. */
  read(type: (bytes: Uint8Array) => void, leave: () => void): void {
    if (!this.#stdio) return;
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
        if (escape && (byte === 0x78 || byte === 0x58)) return leave();
        if (!escape && raw && byte === CTRL_A) {
          escape = true;
          continue;
        }
        escape = false;
        out.push(byte);
      }
      if (out.length > 0) type(new Uint8Array(out));
    });
  }

  restore(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
    if (this.#stdio) {
      if (process.stdin.isTTY) process.stdin.setRawMode(false);
      process.stdin.pause();
      process.stdin.unref?.();
    }
  }
}
