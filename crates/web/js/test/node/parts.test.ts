// Parts of the library one by one, without a machine: scan codes, a terminal on a serial line.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CODES } from '../../src/codes.ts';
import { keysOf } from '../../src/scan-codes.ts';
import { Serial } from '../../src/serial.ts';
import type { V64Terminal } from '../../src/terminal-binding.ts';

describe('scan codes of set 1', () => {
  test('are keys that go down and up', () => {
    const down = (code: string): object => ({ code, down: true });
    const up = (code: string): object => ({ code, down: false });
    assert.deepEqual(keysOf([0x1e, 0x9e]), [down('KeyA'), up('KeyA')]);
    assert.deepEqual(keysOf([0x01, 0x1c, 0x39, 0x58, 0xd8]), [...['Escape', 'Enter', 'Space', 'F12'].map(down), up('F12')]);
    assert.deepEqual(keysOf([0xe0, 0x48, 0xe0, 0xc8, 0xe0, 0x2a, 0xe0, 0x37]), [down('ArrowUp'), up('ArrowUp'), down('PrintScreen')]);
    assert.deepEqual(keysOf([0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5]), [down('Pause'), up('Pause')]);
    // Every key that a code means is one that the machine knows.
    for (let code = 1; code < 0x80; code++) {
      for (const codes of [[code], [0xe0, code]]) {
        try {
          for (const key of keysOf(codes)) assert.ok(CODES.has(key.code), key.code);
        } catch (error) {
          assert.match((error as Error).message, /is no key of set 1/);
        }
      }
    }
  });

  test('that mean no key are refused', () => {
    for (const codes of [[0], [0x7f], [0xe0], [0xe0, 0x01], [0xe1, 0x1d], [300], [1.5], ['1' as unknown as number]]) {
      assert.throws(() => keysOf(codes), { code: 'BAD_OPTION' }, JSON.stringify(codes));
    }
  });
});

test('a terminal shows what the line sends and types, until it is let go', () => {
  const [shown, typed]: [string[], string[]] = [[], []];
  const listeners = { data: new Set<(text: string) => void>(), binary: new Set<(text: string) => void>() };
  const listen = (those: Set<(text: string) => void>) => (listener: (text: string) => void) => {
    those.add(listener);
    return { dispose: () => void those.delete(listener) };
  };
  const terminal: V64Terminal = {
    write: (data) => shown.push(new TextDecoder().decode(data)),
    onData: listen(listeners.data),
    onBinary: listen(listeners.binary),
  };
  const serial = new Serial();
  const face = serial.face((bytes) => typed.push([...bytes].join()));
  const letGo = face.attach(terminal);
  serial.hear(new TextEncoder().encode('login: '));
  for (const listener of listeners.data) listener('é');
  for (const listener of listeners.binary) listener('\xff\x01');
  assert.deepEqual([shown, typed], [['login: '], ['195,169', '255,1']]);
  letGo();
  serial.hear(new TextEncoder().encode('unseen'));
  assert.deepEqual([shown.length, listeners.data.size, listeners.binary.size], [1, 0, 0]);
  assert.throws(() => face.attach({} as never), { code: 'BAD_OPTION' });
});
