// Guest memory by its physical addresses.
import { V64Error } from './error.ts';
import { bytesOf, describe } from './source.ts';

/** Throws where a range of addresses is none. */
export function checkRange(address: unknown, length: unknown): void {
  for (const [name, value] of Object.entries({ address, length })) {
    if (Number.isSafeInteger(value) && (value as number) >= 0) continue;
    throw new V64Error('BAD_OPTION', `\`${name}\` is ${describe(value)}; give a whole number, 0 or more`);
  }
}

/**
 * Returns bytes with a buffer of their own.
 *
 * # Errors
 * `BAD_OPTION` where it is neither bytes nor an array of numbers.
 */
export function bytesToWrite(data: unknown): Uint8Array {
  const isByte = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 255;
  const bytes = Array.isArray(data) && data.every(isByte) ? Uint8Array.from(data as number[]) : bytesOf(data)?.slice();
  if (bytes) return bytes;
  throw new V64Error('BAD_OPTION', `cannot write what is ${describe(data)}; give a Uint8Array or an array of bytes`);
}
