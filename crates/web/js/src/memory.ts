// Guest memory by its physical addresses.
import { V64Error } from './error.ts';
import { describe } from './source.ts';

/** Throws where a range of addresses is none. */
export function checkRange(address: unknown, length: unknown): void {
  for (const [name, value] of Object.entries({ address, length })) {
    if (Number.isSafeInteger(value) && (value as number) >= 0) continue;
    throw new V64Error('BAD_OPTION', `\`${name}\` is ${describe(value)}; give a whole number, 0 or more`);
  }
}
