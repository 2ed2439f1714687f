// Characters as chords of keys: what a layout prints on which key.
import { ROWS } from './codes.ts';

/** A layout that text can be typed in: that of the United States, or of Germany. */
export type V64Layout = 'us' | 'de';

/** Keys that are pressed in this order and released in reverse, by `KeyboardEvent.code`. */
export type Chord = readonly string[];

/** The characters of each row of keys, without and with Shift. */
type Printed = readonly (readonly [plain: string, shifted: string])[];

const US: Printed = [
  ['`1234567890-=', '~!@#$%^&*()_+'],
  ['qwertyuiop[]\\', 'QWERTYUIOP{}|'],
  ["asdfghjkl;'", 'ASDFGHJKL:"'],
  ['zxcvbnm,./', 'ZXCVBNM<>?'],
];

const DE: Printed = [
  ['^1234567890ß´', '°!"§$%&/()=?`'],
  ['qwertzuiopü+#', "QWERTZUIOPÜ*'"],
  ['asdfghjklöä', 'ASDFGHJKLÖÄ'],
  ['yxcvbnm,.-', 'YXCVBNM;:_'],
];

/** German characters of other keys, and those with AltGr. */
const DE_MORE: Readonly<Record<string, Chord>> = {
  '<': ['IntlBackslash'],
  '>': ['ShiftLeft', 'IntlBackslash'],
  '|': ['AltRight', 'IntlBackslash'],
  '@': ['AltRight', 'KeyQ'],
  '€': ['AltRight', 'KeyE'],
  µ: ['AltRight', 'KeyM'],
  '²': ['AltRight', 'Digit2'],
  '³': ['AltRight', 'Digit3'],
  '{': ['AltRight', 'Digit7'],
  '[': ['AltRight', 'Digit8'],
  ']': ['AltRight', 'Digit9'],
  '}': ['AltRight', 'Digit0'],
  '\\': ['AltRight', 'Minus'],
  '~': ['AltRight', 'BracketRight'],
};

/** Dead keys, which wait for a letter: a blank behind them gives the character itself. */
const DE_DEAD = '^´`';

/** Keys that are the same in every layout. */
const CONTROLS: Readonly<Record<string, string>> = {
  ' ': 'Space', '\n': 'Enter', '\t': 'Tab', '\b': 'Backspace', '\x7f': 'Delete', '\x1b': 'Escape',
};

function table(printed: Printed, more: Readonly<Record<string, Chord>>, dead: string): Map<string, readonly Chord[]> {
  const chords = new Map<string, readonly Chord[]>();
  const add = (character: string, chord: Chord): void =>
    void chords.set(character, dead.includes(character) ? [chord, ['Space']] : [chord]);
  for (const [character, code] of Object.entries(CONTROLS)) chords.set(character, [[code]]);
  ROWS.forEach((codes, row) =>
    codes.forEach((code, n) => {
      const [plain, shifted] = printed[row] ?? ['', ''];
      if (plain[n] !== undefined) add(plain[n], [code]);
      if (shifted[n] !== undefined) add(shifted[n], ['ShiftLeft', code]);
    }),
  );
  for (const [character, chord] of Object.entries(more)) add(character, chord);
  return chords;
}

const TABLES: Readonly<Record<V64Layout, Map<string, readonly Chord[]>>> = {
  us: table(US, {}, ''),
  de: table(DE, DE_MORE, DE_DEAD),
};

/** Names of the layouts. */
export const LAYOUTS = Object.keys(TABLES) as V64Layout[];

/** Returns the chords that type a text, and the characters that no key of the layout has. */
export function chordsOf(text: string, layout: V64Layout): { chords: Chord[]; missing: string[] } {
  const chords: Chord[] = [];
  const missing = new Set<string>();
  for (const character of text.replace(/\r\n?/g, '\n')) {
    const found = TABLES[layout].get(character);
    if (found) chords.push(...found);
    else missing.add(character);
  }
  return { chords, missing: [...missing] };
}
