// Which keys type a character.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CODES } from '../../src/codes.ts';
import { chordsOf, LAYOUTS } from '../../src/layouts.ts';

const keys = (text: string, layout: 'us' | 'de'): string => {
  const { chords, missing } = chordsOf(text, layout);
  assert.deepEqual(missing, []);
  return chords.map((chord) => chord.join('+')).join(' ');
};

test('every character of ASCII has keys in every layout, and all of them exist', () => {
  for (const layout of LAYOUTS) {
    for (let code = 0x20; code < 0x7f; code++) {
      const { chords, missing } = chordsOf(String.fromCharCode(code), layout);
      assert.deepEqual(missing, [], layout);
      for (const key of chords.flat()) assert.ok(CODES.has(key), key);
    }
  }
});

test('layouts differ where they should', () => {
  assert.equal(keys('yZ-', 'us'), 'KeyY ShiftLeft+KeyZ Minus');
  assert.equal(keys('yZ-', 'de'), 'KeyZ ShiftLeft+KeyY Slash');
  assert.equal(keys('@|{~', 'de'), 'AltRight+KeyQ AltRight+IntlBackslash AltRight+Digit7 AltRight+BracketRight');
  assert.equal(keys('@|{~', 'us'), 'ShiftLeft+Digit2 ShiftLeft+Backslash ShiftLeft+BracketLeft ShiftLeft+Backquote');
  assert.equal(keys('ß#', 'de'), 'Minus Backslash');
  // Dead keys print with a blank.
  assert.equal(keys('^', 'de'), 'Backquote Space');
});

test('lines end with Enter however they end in a text', () => {
  assert.equal(keys('a\r\nb\rc\n', 'us'), 'KeyA Enter KeyB Enter KeyC Enter');
});

test('characters without a key are named once', () => {
  assert.deepEqual(chordsOf('äöä€a', 'us').missing, ['ä', 'ö', '€']);
  assert.deepEqual(chordsOf('äöä€a', 'de').missing, []);
});
