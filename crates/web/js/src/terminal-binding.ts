// A terminal of the page on the serial line: xterm.js, or what has its methods.
import { V64Error } from './error.ts';
import { describe } from './source.ts';

/** What a terminal has to have. xterm.js has it, in the page and headless. */
export interface V64Terminal {
  /** Shows what the guest sent */
  write(data: Uint8Array): void;
  /** Has a listener called with what is typed and pasted */
  onData(listener: (text: string) => void): { dispose(): void };
  /** The same for what is no text, such as old mouse reports: a character for each byte */
  onBinary?(listener: (bytes: string) => void): { dispose(): void };
}

/** The line's side. */
interface Line {
  write(data: string | Uint8Array): void;
  listen(listener: (bytes: Uint8Array) => void): () => void;
}

/**
 * Connects a terminal to a serial line. Returns a function that undoes it.
 *
 * # Errors
 * `BAD_OPTION` where it is no terminal.
 */
export function bindTerminal(line: Line, terminal: V64Terminal): () => void {
  const has = (name: string): boolean => typeof (terminal as unknown as Record<string, unknown> | null | undefined)?.[name] === 'function';
  if (!has('write') || !has('onData')) {
    throw new V64Error('BAD_OPTION', `the terminal is ${describe(terminal)}; give a Terminal of xterm.js, or what has write() and onData()`);
  }
  // A machine that is gone takes no input; the terminal does not know yet.
  const send = (data: string | Uint8Array): void => {
    try {
      line.write(data);
    } catch (error) {
      if (!(error instanceof V64Error && error.code === 'STATE')) throw error;
    }
  };
  const heard = [terminal.onData(send)];
  if (has('onBinary')) heard.push(terminal.onBinary!((text) => send(Uint8Array.from(text, (one) => one.charCodeAt(0)))));
  const stop = line.listen((bytes) => terminal.write(bytes));
  return () => {
    stop();
    for (const one of heard.splice(0)) one.dispose();
  };
}
