// Keys by their place on the keyboard: the `KeyboardEvent.code` of each that a PC has.

const DIGITS = [...'1234567890'].map((digit) => `Digit${digit}`);
const letters = (row: string): string[] => [...row].map((letter) => `Key${letter}`);
const numbered = (name: string, from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, n) => `${name}${from + n}`);

/** The rows of keys with characters, from the top, without those that only some keyboards have. */
export const ROWS: readonly (readonly string[])[] = [
  ['Backquote', ...DIGITS, 'Minus', 'Equal'],
  [...letters('QWERTYUIOP'), 'BracketLeft', 'BracketRight', 'Backslash'],
  [...letters('ASDFGHJKL'), 'Semicolon', 'Quote'],
  [...letters('ZXCVBNM'), 'Comma', 'Period', 'Slash'],
];

/** All keys, by `KeyboardEvent.code`. */
export const CODES: ReadonlySet<string> = new Set([
  ...ROWS.flat(),
  ...['IntlBackslash', 'IntlRo', 'IntlYen', 'AltLeft', 'AltRight', 'Backspace', 'CapsLock', 'ContextMenu', 'ControlLeft'],
  ...['ControlRight', 'Enter', 'MetaLeft', 'MetaRight', 'ShiftLeft', 'ShiftRight', 'Space', 'Tab', 'Convert', 'KanaMode'],
  ...['Lang1', 'Lang2', 'NonConvert', 'Delete', 'End', 'Home', 'Insert', 'PageDown', 'PageUp', 'ArrowDown', 'ArrowLeft'],
  ...['ArrowRight', 'ArrowUp', 'NumLock', ...numbered('Numpad', 0, 9), 'NumpadAdd', 'NumpadComma', 'NumpadDecimal'],
  ...['NumpadDivide', 'NumpadEnter', 'NumpadEqual', 'NumpadMultiply', 'NumpadSubtract', 'Escape', ...numbered('F', 1, 12)],
  ...['PrintScreen', 'ScrollLock', 'Pause', 'Power', 'Sleep', 'WakeUp', 'AudioVolumeDown', 'AudioVolumeMute', 'AudioVolumeUp'],
]);
