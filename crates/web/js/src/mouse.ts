import { V64Error } from './error.ts';
import type { Line } from './protocol.ts';
import { describe } from './source.ts';

/** A button of the mouse, by its name or as `MouseEvent.button` counts them. */
export type V64Button = 'left' | 'middle' | 'right' | 0 | 1 | 2;

/** The machine's mouse, which is relative. */
export interface V64Mouse {
  /** Moves it to the right and towards the user, in counts; most guests move their pointer by as many pixels. */
  move(dx: number, dy: number): void;
  /** Presses or releases a button. */
  button(button: V64Button, down: boolean): void;
  /** Turns the wheel towards the user, in notches. */
  wheel(notches: number): void;
}

const BUTTONS = ['left', 'middle', 'right'] as const;
/** The most counts of one event: 32 bits with a sign */
const MOST = 2 ** 31 - 1;

function whole(value: number, name: string): number {
  if (typeof value !== 'number' || Number.isNaN(value)) throw new V64Error('BAD_OPTION', `\`${name}\` is ${describe(value)}; give a number`);
  // Infinity, too, is a number.
  return Math.max(-MOST, Math.min(MOST, Math.round(value))) + 0;
}

/** Returns the mouse of the machine behind a line. */
export function mouse(line: Line): V64Mouse {
  return {
    move(dx, dy) {
      const event = { type: 'move', dx: whole(dx, 'dx'), dy: whole(dy, 'dy') } as const;
      if (event.dx !== 0 || event.dy !== 0) line.input([event]);
    },
    button(button, down) {
      const name = typeof button === 'number' ? BUTTONS[button] : button;
      if (name === undefined || !BUTTONS.includes(name)) {
        throw new V64Error('BAD_OPTION', `no button is called ${describe(button)}; give '${BUTTONS.join("', '")}', or 0 to 2`);
      }
      line.input([{ type: 'button', button: name, down: down === true }]);
    },
    wheel(notches) {
      const dz = whole(notches, 'notches');
      if (dz !== 0) line.input([{ type: 'wheel', dz }]);
    },
  };
}
