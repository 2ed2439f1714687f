/** Least and most memory of a machine, in bytes. */
export const LEAST = 2 ** 20;
export const MOST = 64 * 2 ** 30;

const UNITS: Record<string, number> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Reads a size, as in `512M`, `1.5 GiB` or `2048`, which are MiB. Returns bytes, or a sentence that says what is wrong. */
export function parseSize(text: string): number | string {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmg])(?:i?b)?)?$/i.exec(text.trim());
  if (!match) return 'Memory is a number with M or G behind it, as in 512M or 1.5G.';
  const bytes = Number(match[1]) * (UNITS[(match[2] ?? 'm').toLowerCase()] ?? 1);
  if (bytes < LEAST || bytes > MOST) return 'Memory is between 1M and 64G.';
  // Whole pages, as the machine has them.
  return bytes - (bytes % 4096);
}

/** Bytes in the powers of two that memory comes in, for people. */
export function bytes(n: number): string {
  const units: [number, string][] = [[2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [2 ** 10, 'KiB']];
  const [size, unit] = units.find(([size]) => n >= size) ?? [1, 'B'];
  return `${Number((n / size).toFixed(1))} ${unit}`;
}

/** Bytes as the option `memory` has them. */
export function option(n: number): string {
  return `${n / 1024}K`;
}

/** Bytes as one types them into the field for memory. */
export function typed(n: number): string {
  return n % 2 ** 30 === 0 ? `${n / 2 ** 30}G` : `${Math.ceil(n / 2 ** 20)}M`;
}
