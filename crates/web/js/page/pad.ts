import type { V64, V64Layout } from 'v64';
import { chordsOf } from '../src/layouts.ts';
import { need } from './dom.ts';

/** Keys of the pad: rows of codes, with a width in keys where it is not one. */
const ROWS: readonly (readonly (string | [code: string, width: number])[])[] = [
  ['Escape', 'F1', 'F2', 'F3', 'F4', 'F5', 'F6', 'F7', 'F8', 'F9', 'F10', 'F11', 'F12', 'Delete'],
  ['Backquote', 'Digit1', 'Digit2', 'Digit3', 'Digit4', 'Digit5', 'Digit6', 'Digit7', 'Digit8', 'Digit9', 'Digit0', 'Minus', 'Equal', 'Backspace'],
  [['Tab', 1.25], 'KeyQ', 'KeyW', 'KeyE', 'KeyR', 'KeyT', 'KeyY', 'KeyU', 'KeyI', 'KeyO', 'KeyP', 'BracketLeft', 'BracketRight', 'Backslash'],
  [['CapsLock', 1.5], 'KeyA', 'KeyS', 'KeyD', 'KeyF', 'KeyG', 'KeyH', 'KeyJ', 'KeyK', 'KeyL', 'Semicolon', 'Quote', ['Enter', 1.75]],
  [['ShiftLeft', 1.25], 'IntlBackslash', 'KeyZ', 'KeyX', 'KeyC', 'KeyV', 'KeyB', 'KeyN', 'KeyM', 'Comma', 'Period', 'Slash', 'ArrowUp', ['ShiftRight', 1]],
  [['ControlLeft', 1.5], ['MetaLeft', 1], ['AltLeft', 1.5], ['Space', 4], ['AltRight', 1.5], ['PageUp', 1], ['PageDown', 1], 'ArrowLeft', 'ArrowDown', 'ArrowRight'],
];

const NAMES: Readonly<Record<string, string>> = {
  Escape: 'Esc', Delete: 'Del', Backspace: '⌫', Tab: 'Tab', CapsLock: 'Caps', Enter: '⏎', ShiftLeft: '⇧', ShiftRight: '⇧', ControlLeft: 'Ctrl',
  MetaLeft: '⊞', AltLeft: 'Alt', AltRight: 'AltGr', Space: ' ', PageUp: '⇞', PageDown: '⇟', ArrowUp: '↑', ArrowLeft: '←', ArrowDown: '↓',
  ArrowRight: '→',
};
const MODIFIERS = ['ShiftLeft', 'ShiftRight', 'ControlLeft', 'AltLeft', 'AltRight', 'MetaLeft'];

/** Returns the character that each key prints in a layout, and that with Shift. */
function printed(layout: V64Layout): Map<string, [plain: string, shifted: string]> {
  const found = new Map<string, [string, string]>();
  const characters = [...Array.from({ length: 95 }, (_, n) => String.fromCharCode(0x20 + n)), ...'äöüÄÖÜß°§´'];
  for (const character of characters) {
    const keys = chordsOf(character, layout).chords[0] ?? [];
    const [code, isShifted] = [keys.at(-1) ?? '', keys.length === 2 && keys[0] === 'ShiftLeft'];
    if (keys.length > 1 && !isShifted) continue;
    const [plain, shifted] = found.get(code) ?? ['', ''];
    found.set(code, isShifted ? [plain, character] : [character, shifted]);
  }
  return found;
}

/** The keyboard on the screen, for fingers. A modifier holds for the next key. */
export class Pad {
  readonly #vm: () => V64 | undefined;
  readonly #layout: () => V64Layout;
  readonly #box = need('pad');
  readonly #keys = new Map<string, HTMLButtonElement>();
  readonly #held = new Set<string>();

  constructor(vm: () => V64 | undefined, layout: () => V64Layout) {
    this.#vm = vm;
    this.#layout = layout;
    for (const row of ROWS) {
      const line = document.createElement('div');
      for (const key of row) {
        const [code, width] = typeof key === 'string' ? [key, 1] : key;
        line.append(this.#key(code, width));
      }
      this.#box.append(line);
    }
    this.toggle(matchMedia('(pointer: coarse)').matches);
  }

  #key(code: string, width: number): HTMLButtonElement {
    const key = document.createElement('button');
    key.type = 'button';
    key.style.flex = `${width} 1 0`;
    key.dataset['code'] = code;
    key.tabIndex = -1;
    if (MODIFIERS.includes(code)) key.setAttribute('aria-pressed', 'false');
    key.setAttribute('aria-label', code.replace(/^(Key|Digit)/, ''));
    // The picture keeps the focus; and a key that is held repeats no more than once.
    key.addEventListener('pointerdown', (event) => {
      event.preventDefault();
      this.#press(code);
    });
    this.#keys.set(code, key);
    return key;
  }

  #press(code: string): void {
    const vm = this.#vm();
    if (!vm) return;
    const hold = (key: string, on: boolean): void => {
      if (on) this.#held.add(key);
      else this.#held.delete(key);
      this.#keys.get(key)?.setAttribute('aria-pressed', String(on));
    };
    if (MODIFIERS.includes(code)) return hold(code, !this.#held.has(code));
    const held = [...this.#held];
    try {
      for (const key of [...held, code]) vm.keyboard.press(key);
      for (const key of [code, ...held.reverse()]) vm.keyboard.release(key);
    } catch {
      // The machine has just ended.
    }
    for (const key of held) hold(key, false);
  }

  /** Prints on the keys what the layout has. */
  label(): void {
    const characters = printed(this.#layout());
    for (const [code, key] of this.#keys) {
      const [plain, shifted] = characters.get(code) ?? ['', ''];
      const isLetter = plain.toUpperCase() === shifted && plain !== shifted;
      const more = isLetter || shifted === '' ? '' : shifted;
      key.replaceChildren(NAMES[code] ?? (isLetter ? shifted : plain || (code === 'IntlBackslash' ? '\\' : code)));
      if (more && !NAMES[code]) {
        const small = document.createElement('sup');
        small.textContent = more;
        key.append(small);
      }
    }
  }

  /** Shows or hides it. */
  toggle(on = this.#box.hidden): void {
    this.#box.hidden = !on;
    need('pad-toggle').setAttribute('aria-pressed', String(on));
  }
}
