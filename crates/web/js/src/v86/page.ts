// What of a page belongs to a machine: its screen's container, its keyboard and mouse, its serial line.
import { V64Error, type V64, type V64Mode } from 'v64';
import { CODES } from '../codes.ts';
import type { V64Terminal } from '../terminal-binding.ts';
import type { V86Console, V86Options } from './options.ts';

/** The screen in v86's container: an element with a `div` for text, which stays hidden, and a canvas. */
export class Container {
  readonly canvas: HTMLCanvasElement;
  readonly #element: HTMLElement;
  #mode: V64Mode | undefined;
  #scale: [number, number];

  constructor(element: HTMLElement, scaling: number) {
    this.#element = element;
    this.#scale = [scaling, scaling];
    this.canvas = document.createElement('canvas');
    const old = element.querySelector('canvas');
    // A canvas serves one machine: another takes the place of the last one's.
    if (old) {
      for (const { name, value } of [...old.attributes]) this.canvas.setAttribute(name, value);
      old.replaceWith(this.canvas);
    } else {
      element.append(this.canvas);
    }
    const text = element.querySelector('div');
    if (text) text.style.display = 'none';
    this.canvas.style.display = 'block';
    this.canvas.style.imageRendering = 'pixelated';
  }

  show(mode: V64Mode): void {
    this.#mode = mode;
    const [sx, sy] = this.#scale;
    this.canvas.style.width = `${mode.width * sx}px`;
    this.canvas.style.height = `${mode.height * sy}px`;
  }

  setScale(sx: number, sy: number): void {
    this.#scale = [sx, sy];
    if (this.#mode) this.show(this.#mode);
  }

  fullScreen(): void {
    void this.#element.requestFullscreen().catch(() => {});
  }
}

/** Fields of the page that take keys for themselves. */
const FIELDS = 'input, textarea, select, button, [contenteditable]';

/** Keyboard and mouse of the page, which can be switched off and on. */
export class Inputs {
  keyboard: boolean;
  mouse: boolean;
  readonly #stop = new AbortController();
  #detach: (() => void) | undefined;

  constructor(vm: V64, canvas: HTMLCanvasElement | undefined, { disable_keyboard, disable_mouse }: V86Options) {
    this.keyboard = !disable_keyboard;
    this.mouse = !disable_mouse;
    if (typeof window === 'undefined') return;
    const { signal } = this.#stop;
    const held = new Set<string>();
    const safely = (work: () => void): void => {
      try {
        work();
      } catch (error) {
        if (!(error instanceof V64Error && error.code === 'STATE')) throw error;
      }
    };
    // As with v86, the whole page types, but for its fields.
    window.addEventListener('keydown', (event) => {
      const isField = event.target instanceof Element && event.target.closest(FIELDS) !== null;
      if (!this.keyboard || isField || event.isComposing || !CODES.has(event.code)) return;
      event.preventDefault();
      held.add(event.code);
      safely(() => vm.keyboard.press(event.code));
    }, { signal });
    window.addEventListener('keyup', (event) => {
      if (!held.delete(event.code)) return;
      event.preventDefault();
      safely(() => vm.keyboard.release(event.code));
    }, { signal });
    window.addEventListener('blur', () => {
      held.clear();
      safely(() => vm.keyboard.releaseAll());
    }, { signal });
    if (!canvas) return;
    // `attach()` wires the mouse; keys are the window's.
    const attach = (): void => void (this.#detach ??= vm.attach(canvas, { ignore: () => true }));
    if (this.mouse) attach();
    this.setMouse = (on) => {
      this.mouse = on;
      if (on) return attach();
      this.#detach?.();
      this.#detach = undefined;
    };
  }

  /** Has the mouse move the guest's pointer, or not. */
  setMouse: (on: boolean) => void = (on) => void (this.mouse = on);

  close(): void {
    this.#stop.abort();
    this.#detach?.();
  }
}

/** Returns what the options say of COM1. */
export function consoleOf({ serial_console, serial_container, serial_container_xtermjs }: V86Options): V86Console | undefined {
  if (serial_container_xtermjs) return { type: 'xtermjs', container: serial_container_xtermjs };
  if (serial_container) return { type: 'textarea', container: serial_container };
  return serial_console?.type === 'none' ? undefined : serial_console;
}

/** A text area as a terminal: without escape sequences. */
class TextArea implements V64Terminal {
  readonly #element: HTMLTextAreaElement;
  readonly #decoder = new TextDecoder();

  constructor(element: HTMLTextAreaElement) {
    this.#element = element;
  }

  write(data: Uint8Array): void {
    let text = this.#element.value;
    for (const character of this.#decoder.decode(data, { stream: true })) {
      if (character === '\b') text = text.slice(0, -1);
      else if (character !== '\r') text += character;
    }
    this.#element.value = text;
    this.#element.scrollTop = this.#element.scrollHeight;
  }

  onData(listener: (text: string) => void): { dispose(): void } {
    const stop = new AbortController();
    const { signal } = stop;
    const SPECIAL: Readonly<Record<string, string>> = {
      Enter: '\r', Backspace: '\x7f', Tab: '\t', Escape: '\x1b', ArrowUp: '\x1b[A', ArrowDown: '\x1b[B', ArrowRight: '\x1b[C', ArrowLeft: '\x1b[D',
    };
    this.#element.addEventListener('keydown', (event) => {
      if (event.isComposing || event.altKey || event.metaKey) return;
      const isControl = event.ctrlKey && /^[a-z]$/i.test(event.key);
      const text = SPECIAL[event.key] ?? (isControl ? String.fromCharCode(event.key.charCodeAt(0) & 0x1f) : [...event.key].length === 1 && !event.ctrlKey ? event.key : '');
      if (text === '') return;
      event.preventDefault();
      listener(text);
    }, { signal });
    this.#element.addEventListener('paste', (event) => {
      event.preventDefault();
      listener(event.clipboardData?.getData('text/plain') ?? '');
    }, { signal });
    return { dispose: () => stop.abort() };
  }
}

/**
 * Shows COM1. Returns a function that undoes it.
 *
 * # Errors
 * `BAD_OPTION` where xterm.js is not there.
 */
export function showConsole(vm: V64, { type, container, xterm_lib: given }: V86Console): () => void {
  if (type === 'textarea') return vm.serial.attach(new TextArea(container as HTMLTextAreaElement));
  const Terminal = given ?? (globalThis as unknown as { Terminal?: NonNullable<V86Console['xterm_lib']> }).Terminal;
  if (!Terminal) throw new V64Error('BAD_OPTION', 'xterm.js is not there; load it before, or give its Terminal as `xterm_lib`');
  const terminal = new Terminal();
  if (container) terminal.open(container);
  return vm.serial.attach(terminal);
}
