// Which of several names was meant.

/** Returns the number of letters to insert, delete, change or swap with their neighbour (optimal string alignment). */
function distance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : j === 0 ? i : 0)));
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + change);
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, at(i - 2, j - 2) + 1);
      rows[i]?.splice(j, 1, least);
    }
  }
  return at(a.length, b.length);
}

/** Names longer than this are compared by their beginning. */
const LONGEST = 40;

/** Returns the name that is at most a third different, or that one is the beginning of. */
export function nearestOf<T extends string>(name: string, known: readonly T[]): T | undefined {
  const given = name.slice(0, LONGEST).toLowerCase();
  const prefix = given.length > 2 ? known.find((one) => one.toLowerCase().startsWith(given)) : undefined;
  const far = (one: T): number => distance(given, one.toLowerCase());
  const [best] = known.toSorted((a, b) => far(a) - far(b));
  return prefix ?? (best && far(best) <= Math.max(best.length, given.length) / 3 ? best : undefined);
}
