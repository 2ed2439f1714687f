import { V64Error } from './error.ts';
import { describe } from './source.ts';

/** Options of `waitFor()`. */
export interface V64WaitOptions {
  /** Milliseconds; without it there is no limit */
  timeout?: number;
}

/** The longest time that timers can take, in milliseconds */
const LONGEST = 2 ** 31 - 1;

/** Returns the limit in milliseconds; `undefined` for none. */
export function checkWait(options: unknown): number | undefined {
  if (typeof options !== 'object' || options === null) {
    throw new V64Error('BAD_OPTION', `the options are ${describe(options)}; give an object such as { timeout: 60_000 }`);
  }
  const strange = Object.keys(options).find((key) => key !== 'timeout');
  if (strange !== undefined) throw new V64Error('BAD_OPTION', `\`${strange}\` is no option of waitFor(); there is \`timeout\``);
  const { timeout } = options as { timeout?: unknown };
  if (timeout === undefined || timeout === Infinity) return undefined;
  if (typeof timeout === 'number' && timeout > 0 && timeout <= LONGEST) return timeout;
  throw new V64Error('BAD_OPTION', `\`timeout\` is ${describe(timeout)}; give milliseconds, more than 0`);
}
