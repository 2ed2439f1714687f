import { FitAddon } from '@xterm/addon-fit';
import { Terminal, type ITheme } from '@xterm/xterm';
import { need, remember, remembered, say } from './dom.ts';

const COLOURS: ITheme = {
  background: '#0a1110',
  foreground: '#cfe0d8',
  cursor: '#f2a24b',
  cursorAccent: '#0a1110',
  selectionBackground: '#2f5d55',
  selectionInactiveBackground: '#243f3a',
  black: '#1b2624',
  red: '#f0776a',
  green: '#7fd6b4',
  yellow: '#e8b45c',
  blue: '#7fb4e6',
  magenta: '#cf9be0',
  cyan: '#6fc9d6',
  white: '#cfe0d8',
  brightBlack: '#75897f',
  brightRed: '#ff9a8d',
  brightGreen: '#a5ecd0',
  brightYellow: '#ffd386',
  brightBlue: '#a6cff5',
  brightMagenta: '#e5bdf2',
  brightCyan: '#9be4ee',
  brightWhite: '#f2faf6',
};
/** Bytes of output that are kept to be shown again */
const TAIL = 64 << 10;
const SIZES = [9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 24];

/** Steps a size up or down within those there are. */
function step(size: number, by: 1 | -1): number {
  const at = SIZES.findIndex((known) => known >= size);
  return SIZES[Math.max(0, Math.min(SIZES.length - 1, at + by))] ?? size;
}

/** The terminal on COM1. */
export class Screen {
  readonly #terminal: Terminal;
  readonly #fit = new FitAddon();
  /** The last output, and how much that is */
  #tail: Uint8Array[] = [];
  #kept = 0;
  /** What the terminal answers to output that it has answered before is not typed again */
  #replaying = 0;

  /** @param type takes what is typed or pasted */
  constructor(type: (text: string) => void) {
    // In a narrow window smaller letters, so that lines of 80 characters fit where they can.
    const usual = innerWidth <= 480 ? 11 : innerWidth <= 720 ? 12 : 14;
    const size = Number(remembered('letters'));
    this.#terminal = new Terminal({
      theme: COLOURS,
      fontFamily: getComputedStyle(document.documentElement).getPropertyValue('--mono'),
      fontSize: SIZES.includes(size) ? size : usual,
      lineHeight: 1.15,
      scrollback: 10_000,
      // A broken escape sequence is the guest's: systemd cuts some in half. The terminal skips it; the console is for the page's errors.
      logLevel: 'off',
      cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
      macOptionIsMeta: true,
    });
    this.#terminal.loadAddon(this.#fit);
    const box = need('terminal');
    this.#terminal.open(box);
    this.#terminal.onData((text) => {
      if (this.#replaying === 0) type(text);
    });
    this.#terminal.onResize(({ cols, rows }) => say(need('size'), `${cols}×${rows}`));
    this.#terminal.attachCustomKeyEventHandler((event) => this.#key(event));
    new ResizeObserver(() => this.fit()).observe(box);
    this.#tools(type);
    this.fit();
  }

  /** Keys that the page takes for itself; `false` keeps one from the guest. */
  #key(event: KeyboardEvent): boolean {
    if (event.type !== 'keydown' || !event.ctrlKey) return true;
    if (event.key === '.') {
      need('start-stop').focus();
    } else if (event.shiftKey && event.code === 'KeyC') {
      this.#copy();
    } else {
      // Ctrl-Shift-V: the browser pastes, and xterm hears of it.
      return !(event.shiftKey && event.code === 'KeyV');
    }
    event.preventDefault();
    return false;
  }

  #copy(): void {
    const selected = this.#terminal.getSelection();
    if (!selected) this.#terminal.selectAll();
    void navigator.clipboard?.writeText(this.#terminal.getSelection()).catch(() => {});
    if (!selected) this.#terminal.clearSelection();
    say(need('copy'), 'Copied');
    setTimeout(() => say(need('copy'), 'Copy'), 1200);
    this.focus();
  }

  async #paste(): Promise<void> {
    this.focus();
    const text = await navigator.clipboard?.readText().catch(() => '');
    if (text) this.#terminal.paste(text);
  }

  #tools(type: (text: string) => void): void {
    const letters = (by: 1 | -1) => {
      const size = step(this.#terminal.options.fontSize ?? 14, by);
      this.#terminal.options.fontSize = size;
      remember('letters', String(size));
      this.fit();
    };
    need('smaller').addEventListener('click', () => letters(-1));
    need('larger').addEventListener('click', () => letters(1));
    need('copy').addEventListener('click', () => this.#copy());
    need('paste').addEventListener('click', () => void this.#paste());
    need('clear').addEventListener('click', () => {
      this.#terminal.clear();
      this.focus();
    });
    need('send-size').addEventListener('click', () => {
      // A serial line carries no size: the guest must be told.
      type(`stty cols ${this.#terminal.cols} rows ${this.#terminal.rows}\r`);
      this.focus();
    });
  }

  fit(): void {
    // Beside the guest's screen the terminal has no size.
    if (need('terminal').clientWidth === 0) return;
    this.#fit.fit();
    say(need('size'), `${this.#terminal.cols}×${this.#terminal.rows}`);
  }

  /** Writes what the guest sent. */
  write(bytes: Uint8Array): void {
    this.#keep(bytes);
    this.#terminal.write(bytes);
  }

  #keep(bytes: Uint8Array): void {
    this.#tail.push(bytes);
    this.#kept += bytes.length;
    while (this.#kept - (this.#tail[0]?.length ?? 0) >= TAIL) this.#kept -= this.#tail.shift()?.length ?? 0;
  }

  /** Returns the last output of the guest, for {@link replay}. */
  tail(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.#kept);
    let at = 0;
    for (const part of this.#tail) {
      all.set(part, at);
      at += part.length;
    }
    return all.slice(-TAIL);
  }

  /** Shows output of before once more. */
  replay(bytes: Uint8Array): void {
    this.#keep(bytes);
    this.#replaying++;
    this.#terminal.write(bytes, () => this.#replaying--);
  }

  /** Begins anew for another guest. */
  fresh(): void {
    this.#terminal.reset();
    this.#tail = [];
    this.#kept = 0;
  }

  /** Shows a cursor only where what is typed goes somewhere. */
  live(live: boolean): void {
    this.#terminal.options.cursorInactiveStyle = live ? 'outline' : 'none';
    if (!live) this.#terminal.blur();
  }

  focus(): void {
    this.#terminal.focus();
  }

  /** Everything on the screen and above it, for tests and for copying. */
  text(): string {
    const buffer = this.#terminal.buffer.active;
    const lines: string[] = [];
    for (let y = 0; y < buffer.length; y++) {
      const line = buffer.getLine(y);
      const text = line?.translateToString(true) ?? '';
      if (line?.isWrapped && lines.length > 0) lines[lines.length - 1] += text;
      else lines.push(text);
    }
    return lines.join('\n').trimEnd();
  }
}
