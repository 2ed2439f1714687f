import { V64Error } from './error.ts';
import { call, checkEvent, checkListener } from './events.ts';
import { bytesOf, describe } from './source.ts';
import { bindTerminal, type V64Terminal } from './terminal-binding.ts';
import { checkWait, type V64WaitOptions } from './wait.ts';

/** COM1. */
export interface V64Serial {
  /** Sends bytes to the guest, or text as UTF-8, as if typed */
  write(data: string | ArrayBuffer | ArrayBufferView): void;
  on(event: 'data', listener: (bytes: Uint8Array) => void): void;
  off(event: 'data', listener: (bytes: Uint8Array) => void): void;
  /** Connects a terminal, such as one of xterm.js: it shows what is sent, and types. Returns a function that undoes it. */
  attach(terminal: V64Terminal): () => void;
}

/** Characters of output that are kept for waits that come later. */
const KEPT = 1 << 18;
/** Of the output, what an error repeats */
const TAIL = 500;

interface Wait {
  wanted: string | RegExp;
  /** Position in the whole output from which it looks */
  from: number;
  resolve(text: string): void;
  reject(error: V64Error): void;
}

/** The machine's side of COM1: who listens, and what has been printed. */
export class Serial {
  readonly #listeners = new Set<(bytes: Uint8Array) => void>();
  readonly #decoder = new TextDecoder();
  readonly #waits = new Set<Wait>();
  #text = '';
  /** Position of `#text` in the whole output */
  #start = 0;
  /** Behind what the last wait found */
  #found = 0;
  #over: V64Error | undefined;

  /** What users get. */
  face(send: (bytes: Uint8Array) => void): V64Serial {
    const face: V64Serial = {
      write: (data) => {
        const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : bytesOf(data);
        if (!bytes) throw new V64Error('BAD_OPTION', `cannot write what is ${describe(data)}; give a string, a Uint8Array or an ArrayBuffer`);
        send(bytes);
      },
      on: (event, listener) => {
        checkEvent(event, ['data']);
        checkListener(listener);
        this.#listeners.add(listener);
      },
      off: (event, listener) => {
        checkEvent(event, ['data']);
        this.#listeners.delete(listener);
      },
      attach: (terminal) => {
        const listen = (listener: (bytes: Uint8Array) => void): (() => void) => {
          face.on('data', listener);
          return () => face.off('data', listener);
        };
        return bindTerminal({ write: face.write, listen }, terminal);
      },
    };
    return face;
  }

  listen(listener: (bytes: Uint8Array) => void): void {
    this.#listeners.add(listener);
  }

  /** The machine has sent something. */
  hear(bytes: Uint8Array): void {
    for (const listener of [...this.#listeners]) call(listener, bytes);
    const before = this.#text.length;
    this.#text += this.#decoder.decode(bytes, { stream: true });
    for (const wait of this.#waits) this.#look(wait, before);
    const excess = this.#text.length - KEPT;
    if (excess > 0) {
      this.#text = this.#text.slice(excess);
      this.#start += excess;
    }
  }

  /** Looks for what is waited for; text before `known` has been looked through before. */
  #look(wait: Wait, known: number): boolean {
    const from = Math.max(0, wait.from - this.#start);
    let end = -1;
    if (typeof wait.wanted === 'string') {
      const at = this.#text.indexOf(wait.wanted, Math.max(from, known - wait.wanted.length + 1));
      if (at >= 0) end = at + wait.wanted.length;
    } else {
      const match = wait.wanted.exec(this.#text.slice(from));
      if (match) end = from + match.index + match[0].length;
    }
    if (end < 0) return false;
    this.#found = Math.max(this.#found, this.#start + end);
    this.#waits.delete(wait);
    wait.resolve(this.#text.slice(from, end));
    return true;
  }

  waitFor(text: string | RegExp, options: V64WaitOptions): Promise<string> {
    const wanted = text instanceof RegExp ? new RegExp(text.source, text.flags.replace(/[gy]/g, '')) : text;
    if (wanted === '' || !(typeof wanted === 'string' || wanted instanceof RegExp)) {
      throw new V64Error('BAD_OPTION', `cannot wait for what is ${describe(text)}; give a string or a regular expression`);
    }
    const limit = checkWait(options);
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const stop = (): void => clearTimeout(timer);
      const wait: Wait = {
        wanted,
        from: this.#found,
        resolve: (found) => (stop(), resolve(found)),
        reject: (error) => (stop(), reject(error)),
      };
      if (this.#look(wait, 0)) return;
      if (this.#over) return reject(this.#gone(wait, this.#over));
      this.#waits.add(wait);
      if (limit === undefined) return;
      timer = setTimeout(() => {
        this.#waits.delete(wait);
        reject(new V64Error('TIMEOUT', `COM1 did not print ${name(wanted)} within ${limit} ms`, this.#tail()));
      }, limit);
    });
  }

  #tail(): string {
    return `COM1 said last:\n${this.#text.slice(-TAIL)}`;
  }

  #gone(wait: Wait, why: V64Error): V64Error {
    const message = `COM1 did not print ${name(wait.wanted)}, and will not: ${why.message}`;
    return new V64Error(why.code, message, why.details ?? this.#tail());
  }

  /** Nothing more will be printed. */
  close(why: V64Error): void {
    this.#over ??= why;
    for (const wait of this.#waits) wait.reject(this.#gone(wait, why));
    this.#waits.clear();
  }
}

const name = (wanted: string | RegExp): string => (typeof wanted === 'string' ? JSON.stringify(wanted) : String(wanted));
