import type { DomCanvas } from './dom.ts';
import { V64Error } from './error.ts';
import { call, checkEvent, checkListener } from './events.ts';
import { bytesOfRect, type Change, Painter, type V64Mode, type V64Rect } from './painter.ts';
import type { Line, Target } from './protocol.ts';
import { describe } from './source.ts';
import { checkWait, type V64WaitOptions } from './wait.ts';

/** A picture of the screen. */
export interface V64Frame extends V64Mode {
  /** What changed since the last frame */
  rects: readonly V64Rect[];
  /** The whole picture, rows from the top: red, green, blue, 255 of each pixel. The next frame changes it */
  pixels: Uint8ClampedArray;
}

/** Where the screen is shown: a canvas, which then belongs to this machine, or a function that gets each new picture. */
export type V64ScreenTarget = DomCanvas | ((frame: V64Frame) => void);

/** A picture as `screenshot({ format: 'rgba' })` gives it. */
export interface V64Picture extends V64Mode {
  /** Rows from the top: red, green, blue, 255 of each pixel */
  pixels: Uint8ClampedArray;
}

/** The machine's screen. */
export interface V64Screen {
  /** Size and shape of the picture on the option `screen`; `undefined` before there is one */
  readonly mode: V64Mode | undefined;
  /** Returns what a text mode shows, a line each; `undefined` in graphics modes, or where there is no display adapter. */
  text(): Promise<string | undefined>;
  /**
   * Waits until a text mode shows a text, and returns the whole screen.
   *
   * Rejects with `TIMEOUT` after `timeout` milliseconds, or as soon as nothing more can come.
   */
  waitFor(text: string | RegExp, options?: V64WaitOptions): Promise<string>;
  /** Calls a listener when the picture on the option `screen` gets another size or shape. */
  on(event: 'mode', listener: (mode: V64Mode) => void): void;
  off(event: 'mode', listener: (mode: V64Mode) => void): void;
}

/** What a text mode shows, as the module says it. */
interface TextScreen {
  columns: number;
  rows: string[];
  cursor: [column: number, row: number] | null;
}

/** Milliseconds between two looks at the text */
const LOOK = 100;

const tag = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

/** Returns what is wrong with a value as the option `screen`. */
export function checkScreen(value: unknown): string | undefined {
  if (typeof value === 'function' || ['HTMLCanvasElement', 'OffscreenCanvas'].includes(tag(value))) return undefined;
  return 'give a canvas, an OffscreenCanvas, or a function that takes frames';
}

const TAKEN = 'the canvas of `screen` belongs to another machine or has another context; make a new one';

/** The machine's screen in the page's thread: who shows it, and what it shows. */
export class Screen {
  readonly #listeners = new Set<(mode: V64Mode) => void>();
  readonly #onFrame: ((frame: V64Frame) => void) | undefined;
  #painter: Painter | undefined;
  #mode: V64Mode | undefined;
  /** For {@link #onFrame}: the whole picture */
  #pixels = new Uint8ClampedArray();
  /** What the worker gets, once */
  #target: Target | undefined;

  constructor(target: V64ScreenTarget | undefined) {
    if (target === undefined) return;
    if (typeof target === 'function') {
      this.#onFrame = target;
      this.#target = {};
      return;
    }
    try {
      // Where the worker can draw by itself, the page's thread has nothing to do.
      const canvas = 'transferControlToOffscreen' in target ? target.transferControlToOffscreen() : target;
      if (tag(canvas) === 'OffscreenCanvas') {
        this.#target = { canvas: canvas as OffscreenCanvas };
        return;
      }
    } catch {
      // It has a 2D context already, through which it is painted on.
    }
    this.#painter = Painter.on(target);
    if (!this.#painter) throw new V64Error('BAD_OPTION', TAKEN);
    this.#target = {};
  }

  /** What the worker is to show, and what is handed over with it. */
  take(): { screen?: Target; transfer: Transferable[] } {
    const screen = this.#target;
    this.#target = undefined;
    return { ...(screen ? { screen } : {}), transfer: screen?.canvas ? [screen.canvas] : [] };
  }

  /** The picture has another size or shape. */
  changeMode(mode: V64Mode): void {
    this.#mode = mode;
    for (const listener of [...this.#listeners]) call(listener, mode);
  }

  /** Shows what changed. */
  change(change: Change): void {
    if (this.#painter) return this.#painter.paint(change);
    if (!this.#onFrame) return;
    const { width, height, pixelAspect, rects } = change;
    if (this.#pixels.length !== width * height * 4) this.#pixels = new Uint8ClampedArray(width * height * 4);
    put(this.#pixels, width, change);
    call(this.#onFrame, { width, height, pixelAspect, rects, pixels: this.#pixels });
  }

  /** What users get. */
  face(line: Line): V64Screen {
    const mode = (): V64Mode | undefined => this.#mode;
    const text = async (): Promise<string | undefined> => {
      const shown = (await line.ask({ what: 'screenText' })) as TextScreen | null;
      return shown?.rows.map((row) => row.trimEnd()).join('\n');
    };
    return {
      get mode() {
        return mode();
      },
      text,
      waitFor: (wanted, options = {}) => waitFor(text, wanted, options),
      on: (event, listener) => {
        checkEvent(event, ['mode']);
        checkListener(listener);
        this.#listeners.add(listener);
      },
      off: (event, listener) => {
        checkEvent(event, ['mode']);
        this.#listeners.delete(listener);
      },
    };
  }
}

/** Copies rectangles into a picture of `width` pixels a row. */
function put(to: Uint8ClampedArray, width: number, { rects, pixels }: Change): void {
  let at = 0;
  for (const rect of rects) {
    const row = rect.width * 4;
    for (let y = 0; y < rect.height; y++) {
      to.set(pixels.subarray(at + y * row, at + (y + 1) * row), ((rect.y + y) * width + rect.x) * 4);
    }
    at += bytesOfRect(rect);
  }
}

async function waitFor(
  text: () => Promise<string | undefined>,
  wanted: string | RegExp,
  options: V64WaitOptions,
): Promise<string> {
  if (wanted === '' || !(typeof wanted === 'string' || wanted instanceof RegExp)) {
    throw new V64Error('BAD_OPTION', `cannot wait for what is ${describe(wanted)}; give a string or a regular expression`);
  }
  const pattern = typeof wanted === 'string' ? undefined : new RegExp(wanted.source, wanted.flags.replace(/[gy]/g, ''));
  const limit = checkWait(options);
  const until = limit === undefined ? Infinity : performance.now() + limit;
  for (;;) {
    const now = await text();
    if (now !== undefined && (pattern ? pattern.test(now) : now.includes(wanted as string))) return now;
    if (performance.now() > until) {
      const name = typeof wanted === 'string' ? JSON.stringify(wanted) : String(wanted);
      throw new V64Error('TIMEOUT', `the screen did not show ${name} within ${limit} ms`, now ?? 'It is in a graphics mode.');
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
}
