// A page's keyboard, mouse and touch as the machine's.
import type { DomKeyboardEvent } from './dom.ts';
import { CODES } from './codes.ts';
import { V64Error } from './error.ts';
import type { V64Keyboard } from './keyboard.ts';
import type { V64Mouse } from './mouse.ts';
import type { V64Screen } from './screen.ts';
import { describe } from './source.ts';

/** Options of `attach()`. */
export interface V64AttachOptions {
  /** Whether a click locks the mouse to the element, so that it moves the guest's pointer; `true` as it is */
  pointerLock?: boolean;
  /** Whether a finger on the element moves the guest's pointer, and a tap clicks; `true` as it is */
  touch?: boolean;
  /** Returns whether the page keeps a key for itself */
  ignore?: (event: DomKeyboardEvent) => boolean;
}

/** What events go to. */
interface Parts {
  readonly keyboard: V64Keyboard;
  readonly mouse: V64Mouse;
  readonly screen: V64Screen;
}

/** Pixels of the page that are a notch of the wheel */
const NOTCH = 100;
/** Pixels of a line, for wheels that count lines */
const LINE = NOTCH / 3;
/** A finger that stays within so many pixels taps */
const TAP = 8;
const BUTTONS = ['left', 'middle', 'right'] as const;

/** Counts that come in fractions, handed on whole. */
class Whole {
  #rest = 0;

  take(more: number): number {
    const all = this.#rest + more;
    const whole = Math.trunc(all);
    this.#rest = all - whole;
    return whole;
  }
}

/**
 * Wires an element's keyboard and mouse to a machine. Returns a function that undoes it.
 *
 * # Errors
 * `BAD_OPTION` where it is no element.
 */
export function attach(to: Parts, element: HTMLElement, options: V64AttachOptions): () => void {
  if (typeof element?.addEventListener !== 'function' || !('tabIndex' in element)) {
    throw new V64Error('BAD_OPTION', `cannot attach to what is ${describe(element)}; give an element of the page`);
  }
  const stop = new AbortController();
  const { signal } = stop;
  // A machine that is gone takes no input; the page may not know yet.
  const safely = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof V64Error && error.code === 'STATE')) throw error;
    }
  };
  const release = wireKeys(to, element, options, signal, safely);
  const up = wireMouse(to, element, options, signal, safely);
  if (options.touch !== false) wireTouch(to, element, signal, safely);
  const leave = (): void => safely(() => (release(), up()));
  element.addEventListener('blur', leave, { signal });
  window.addEventListener('blur', leave, { signal });
  document.addEventListener('visibilitychange', () => document.hidden && leave(), { signal });
  if (element.tabIndex < 0) element.tabIndex = 0;
  return () => {
    leave();
    if (document.pointerLockElement === element) document.exitPointerLock();
    stop.abort();
  };
}

type Safely = (work: () => void) => void;

function wireKeys({ keyboard }: Parts, element: HTMLElement, options: V64AttachOptions, signal: AbortSignal, safely: Safely): () => void {
  const held = new Set<string>();
  const isOurs = (event: KeyboardEvent): boolean => CODES.has(event.code) && !event.isComposing && !options.ignore?.(event);
  const release = (): void => {
    held.clear();
    keyboard.releaseAll();
  };
  element.addEventListener('keydown', (event) => {
    if (!isOurs(event)) return;
    event.preventDefault();
    held.add(event.code);
    safely(() => keyboard.press(event.code));
  }, { signal });
  element.addEventListener('keyup', (event) => {
    // A key that was pressed elsewhere is none of ours; but of Print Screen, Windows tells the end only.
    if (!held.has(event.code) && event.code !== 'PrintScreen') return;
    event.preventDefault();
    safely(() => {
      if (!held.delete(event.code)) keyboard.press(event.code);
      keyboard.release(event.code);
      // Under Command, macOS does not tell of the ends of other keys.
      if (event.code.startsWith('Meta')) release();
    });
  }, { signal });
  return release;
}

/** Pixels of the guest's picture for one of the page. */
function scale({ screen }: Parts, element: HTMLElement): number {
  const width = screen.mode?.width ?? 0;
  return width > 0 && element.clientWidth > 0 ? width / element.clientWidth : 1;
}

function wireMouse(to: Parts, element: HTMLElement, options: V64AttachOptions, signal: AbortSignal, safely: Safely): () => void {
  const { mouse } = to;
  const [x, y, wheel] = [new Whole(), new Whole(), new Whole()];
  const down = new Set<(typeof BUTTONS)[number]>();
  const isLocked = (): boolean => document.pointerLockElement === element;
  const press = (event: MouseEvent, isDown: boolean): void => {
    const button = BUTTONS[event.button];
    if (!button || (!isDown && !down.has(button))) return;
    event.preventDefault();
    if (isDown) down.add(button);
    else down.delete(button);
    safely(() => mouse.button(button, isDown));
  };
  const up = (): void => {
    for (const button of down) mouse.button(button, false);
    down.clear();
  };
  element.addEventListener('mousedown', (event) => {
    if (isLocked()) return press(event, true);
    element.focus();
    // The click that locks the mouse is not the guest's. Browsers may refuse, soon after Escape for one.
    if (options.pointerLock !== false && event.button === 0) void Promise.resolve(element.requestPointerLock()).catch(() => {});
  }, { signal });
  element.addEventListener('mouseup', (event) => press(event, false), { signal });
  element.addEventListener('mousemove', (event) => {
    if (!isLocked()) return;
    const by = scale(to, element);
    safely(() => mouse.move(x.take(event.movementX * by), y.take(event.movementY * by)));
  }, { signal });
  element.addEventListener('wheel', (event) => {
    if (!isLocked()) return;
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * LINE;
    safely(() => mouse.wheel(wheel.take(pixels / NOTCH)));
  }, { signal, passive: false });
  element.addEventListener('contextmenu', (event) => isLocked() && event.preventDefault(), { signal });
  document.addEventListener('pointerlockchange', () => !isLocked() && safely(up), { signal });
  return up;
}

/** A finger on the element is one on a touchpad. */
function wireTouch(to: Parts, element: HTMLElement, signal: AbortSignal, safely: Safely): void {
  const { mouse } = to;
  const [x, y] = [new Whole(), new Whole()];
  let last: { id: number; x: number; y: number; went: number } | undefined;
  element.style.touchAction = 'none';
  signal.addEventListener('abort', () => (element.style.touchAction = ''));
  element.addEventListener('pointerdown', (event) => {
    if (event.pointerType !== 'touch' || last) return;
    // No mouse events follow, which would lock the pointer.
    event.preventDefault();
    last = { id: event.pointerId, x: event.clientX, y: event.clientY, went: 0 };
  }, { signal });
  element.addEventListener('pointermove', (event) => {
    if (event.pointerId !== last?.id) return;
    const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
    last = { id: last.id, x: event.clientX, y: event.clientY, went: last.went + Math.abs(dx) + Math.abs(dy) };
    const by = scale(to, element);
    safely(() => mouse.move(x.take(dx * by), y.take(dy * by)));
  }, { signal });
  const end = (event: PointerEvent): void => {
    if (event.pointerId !== last?.id) return;
    const isTap = event.type === 'pointerup' && last.went < TAP;
    last = undefined;
    if (isTap) safely(() => (mouse.button('left', true), mouse.button('left', false)));
  };
  element.addEventListener('pointerup', end, { signal });
  element.addEventListener('pointercancel', end, { signal });
}
