// Keys by their scan codes of set 1, as a PC's keyboard controller gives them to programs.
import { V64Error } from './error.ts';
import { describe } from './source.ts';

/** A key that goes down or up. */
export interface KeyEvent {
  code: string;
  down: boolean;
}

const letters = (row: string): string[] => [...row].map((letter) => `Key${letter}`);

/** Codes of one byte: from 01h on, keys in this order. An empty name is no key. */
const PLAIN: readonly string[] = [
  'Escape', ...[...'1234567890'].map((digit) => `Digit${digit}`), 'Minus', 'Equal', 'Backspace',
  'Tab', ...letters('QWERTYUIOP'), 'BracketLeft', 'BracketRight', 'Enter',
  'ControlLeft', ...letters('ASDFGHJKL'), 'Semicolon', 'Quote', 'Backquote',
  'ShiftLeft', 'Backslash', ...letters('ZXCVBNM'), 'Comma', 'Period', 'Slash', 'ShiftRight',
  'NumpadMultiply', 'AltLeft', 'Space', 'CapsLock', 'F1', 'F2', 'F3', 'F4', 'F5', 'F6', 'F7', 'F8', 'F9', 'F10', 'NumLock', 'ScrollLock',
  'Numpad7', 'Numpad8', 'Numpad9', 'NumpadSubtract', 'Numpad4', 'Numpad5', 'Numpad6', 'NumpadAdd',
  'Numpad1', 'Numpad2', 'Numpad3', 'Numpad0', 'NumpadDecimal', '', '', 'IntlBackslash', 'F11', 'F12',
];

/** Codes behind E0h. */
const EXTENDED: Readonly<Record<number, string>> = {
  0x1c: 'NumpadEnter', 0x1d: 'ControlRight', 0x35: 'NumpadDivide', 0x37: 'PrintScreen', 0x38: 'AltRight',
  0x47: 'Home', 0x48: 'ArrowUp', 0x49: 'PageUp', 0x4b: 'ArrowLeft', 0x4d: 'ArrowRight', 0x4f: 'End',
  0x50: 'ArrowDown', 0x51: 'PageDown', 0x52: 'Insert', 0x53: 'Delete', 0x5b: 'MetaLeft', 0x5c: 'MetaRight', 0x5d: 'ContextMenu',
};

/** Of Pause there is one sequence, for the key's going down. */
const PAUSE = [0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5];
/** Shifts that keyboards send around a key behind E0h: they mean nothing by themselves. */
const FAKE_SHIFTS = [0x2a, 0x36];

/**
 * Returns the keys that scan codes mean.
 *
 * # Errors
 * `BAD_OPTION` where one means none, or the last is not whole.
 */
export function keysOf(codes: readonly number[]): KeyEvent[] {
  const keys: KeyEvent[] = [];
  const wrong = (at: number): V64Error => {
    const code = codes[at];
    const shown = typeof code === 'number' ? `${code.toString(16)}h` : describe(code);
    return new V64Error('BAD_OPTION', `scan code ${shown} at ${at} is no key of set 1; give bytes such as [0x1e, 0x9e] for A`);
  };
  for (let at = 0; at < codes.length; at++) {
    if (codes[at] === PAUSE[0]) {
      if (PAUSE.some((byte, n) => codes[at + n] !== byte)) throw wrong(at);
      keys.push({ code: 'Pause', down: true }, { code: 'Pause', down: false });
      at += PAUSE.length - 1;
      continue;
    }
    const isExtended = codes[at] === 0xe0;
    if (isExtended) at++;
    const byte = codes[at];
    if (!Number.isInteger(byte) || byte === undefined || byte < 0 || byte > 0xff) throw wrong(at);
    const number = byte & 0x7f;
    if (isExtended && FAKE_SHIFTS.includes(number)) continue;
    const code = isExtended ? EXTENDED[number] : PLAIN[number - 1];
    if (!code) throw wrong(at);
    keys.push({ code, down: byte < 0x80 });
  }
  return keys;
}
