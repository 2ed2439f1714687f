import type { V64Mode } from 'v64';

/** How a picture is shown: its size in pixels of the page, and whether its pixels stay sharp squares. */
export interface Shown {
  width: number;
  height: number;
  sharp: boolean;
}

/** From this scale on, pixels of unequal size differ too little to be seen. */
const EVEN = 2;

/**
 * Returns the size at which a picture is shown in a box. Sizes of the box and the result are in pixels of the page, of which
 * each is `density` pixels of the display.
 *
 * One of the two scales is a whole number where the picture fits; the other follows from the pixels' shape.
 */
export function shownSize({ width, height, pixelAspect }: V64Mode, box: { width: number; height: number }, density: number): Shown {
  const [most, high] = [box.width * density, box.height * density];
  const scales: [x: number, y: number][] = [];
  for (let whole = 1; whole <= 16; whole++) scales.push([whole * pixelAspect, whole], [whole, whole / pixelAspect]);
  const isWhole = (n: number): boolean => Math.abs(n - Math.round(n)) < 1e-6;
  const fits = scales.filter(([x, y]) => x >= 1 && y >= 1 && x * width <= most + 0.5 && y * height <= high + 0.5);
  const [x, y] = fits.toSorted((a, b) => b[0] - a[0])[0] ?? [undefined, undefined];
  if (x !== undefined && y !== undefined) {
    const sharp = [x, y].every((scale) => isWhole(scale) || scale >= EVEN);
    return { width: (x * width) / density, height: (y * height) / density, sharp };
  }
  // Too large for the box: as large as it can be.
  const shrunk = Math.min(box.width / (width * pixelAspect), box.height / height);
  return { width: width * pixelAspect * shrunk, height: height * shrunk, sharp: false };
}
