import { CODES } from './codes.ts';
import { V64Error } from './error.ts';
import { chordsOf, LAYOUTS, type V64Layout } from './layouts.ts';
import { nearestOf } from './nearest.ts';
import type { Line } from './protocol.ts';
import { keysOf } from './scan-codes.ts';
import { describe } from './source.ts';

/** Options of `keyboard.send()`. */
export interface V64SendOptions {
  /** For how long each key is held, in milliseconds of the guest's time; 100 as it is */
  hold?: number;
}

/** Options of `keyboard.type()`. */
export interface V64TypeOptions {
  /** The layout that the guest has set; `'us'` as it is */
  layout?: V64Layout;
  /** Time behind each key that goes down or up, in milliseconds of the guest's time; 10 as it is */
  delay?: number;
}

/** The machine's keyboard. */
export interface V64Keyboard {
  /** Presses keys together, by QEMU's names, as in `'ctrl-alt-delete'`. Resolves when they are released again. */
  send(chord: string, options?: V64SendOptions): Promise<void>;
  /**
   * Types a text. Resolves when its last key is released.
   *
   * Rejects with `BAD_OPTION` where the layout has no key for a character; nothing is typed then.
   */
  type(text: string, options?: V64TypeOptions): Promise<void>;
  /** Presses a key, by its `KeyboardEvent.code`. A key that is pressed again without having been released repeats. */
  press(code: string): void;
  /** Releases a key. */
  release(code: string): void;
  /**
   * Presses and releases keys by scan codes of set 1, such as `[0x1e, 0x9e]` for A, as v86's `keyboard_send_scancodes`.
   *
   * Throws `BAD_OPTION` where one means no key; nothing is sent then.
   */
  sendScanCodes(codes: readonly number[]): void;
  /** Releases every key that {@link press} holds. */
  releaseAll(): void;
}

/** The longest time that a key can be held, in milliseconds: an hour. */
const LONGEST = 3_600_000;

function known(code: string): void {
  if (CODES.has(code)) return;
  const nearest = typeof code === 'string' ? nearestOf(code, [...CODES]) : undefined;
  const hint = nearest ? `did you mean '${nearest}'?` : "give a KeyboardEvent.code such as 'KeyA' or 'Enter'";
  throw new V64Error('BAD_OPTION', `no key is called ${describe(code)}; ${hint}`);
}

function time(value: unknown, name: string, usual: number): number {
  if (value === undefined) return usual;
  if (typeof value === 'number' && value >= 0 && value <= LONGEST) return Math.round(value);
  throw new V64Error('BAD_OPTION', `\`${name}\` is ${describe(value)}; give milliseconds, 0 to ${LONGEST}`);
}

/** Returns the keyboard of the machine behind a line. */
export function keyboard(line: Line): V64Keyboard {
  const held = new Set<string>();
  const ask = async (typed: object): Promise<void> => void (await line.ask({ what: 'type', keys: JSON.stringify(typed) }));
  const face: V64Keyboard = {
    async send(chord, options = {}) {
      if (typeof chord !== 'string') {
        throw new V64Error('BAD_OPTION', `the chord is ${describe(chord)}; give QEMU's names, as in 'ctrl-alt-delete'`);
      }
      await ask({ chord, hold: time(options.hold, 'hold', 100) });
    },
    async type(text, options = {}) {
      const { layout = 'us' } = options;
      if (typeof text !== 'string') throw new V64Error('BAD_OPTION', `cannot type what is ${describe(text)}; give a string`);
      if (!LAYOUTS.includes(layout)) {
        throw new V64Error('BAD_OPTION', `\`layout\` is ${describe(layout)}; give '${LAYOUTS.join("' or '")}'`);
      }
      const { chords, missing } = chordsOf(text, layout);
      if (missing.length > 0) {
        const few = missing.slice(0, 8).map((character) => JSON.stringify(character)).join(', ');
        throw new V64Error('BAD_OPTION', `the layout '${layout}' has no key for ${few}${missing.length > 8 ? ', …' : ''}`);
      }
      if (chords.length > 0) await ask({ keys: chords, hold: time(options.delay, 'delay', 10) });
    },
    press(code) {
      known(code);
      held.add(code);
      line.input([{ type: 'key', code, down: true }]);
    },
    release(code) {
      known(code);
      held.delete(code);
      line.input([{ type: 'key', code, down: false }]);
    },
    sendScanCodes(codes) {
      if (!Array.isArray(codes) && !ArrayBuffer.isView(codes)) {
        throw new V64Error('BAD_OPTION', `the scan codes are ${describe(codes)}; give an array such as [0x1e, 0x9e]`);
      }
      const keys = keysOf([...codes]);
      for (const { code, down } of keys) down ? held.add(code) : held.delete(code);
      if (keys.length > 0) line.input(keys.map(({ code, down }) => ({ type: 'key', code, down })));
    },
    releaseAll() {
      if (held.size === 0) return;
      const events = [...held].reverse().map((code) => ({ type: 'key', code, down: false }) as const);
      held.clear();
      line.input(events);
    },
  };
  return face;
}
