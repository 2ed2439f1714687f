// The size at which the page shows a picture.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shownSize } from '../../page/picture-size.ts';

const BOX = { width: 900, height: 620 };
const square = { width: 640, height: 480, pixelAspect: 1 };
/** A text mode: 720 by 400 pixels on a tube of 4 by 3 */
const text = { width: 720, height: 400, pixelAspect: 20 / 27 };
/** Mode 13h, as its adapter doubles it */
const low = { width: 320, height: 200, pixelAspect: 5 / 6 };

test('square pixels are shown in whole sizes', () => {
  assert.deepEqual(shownSize(square, BOX, 1), { width: 640, height: 480, sharp: true });
  assert.deepEqual(shownSize(square, { width: 1300, height: 1000 }, 1), { width: 1280, height: 960, sharp: true });
  // Twice as many pixels of the display: half of one of the page's.
  assert.deepEqual(shownSize(square, BOX, 2), { width: 640, height: 480, sharp: true });
  assert.deepEqual(shownSize(square, { width: 1000, height: 740 }, 2), { width: 960, height: 720, sharp: true });
});

test('pictures of a tube are 4 by 3', () => {
  for (const density of [1, 1.5, 2, 3]) {
    for (const mode of [text, low]) {
      const { width, height } = shownSize(mode, BOX, density);
      assert.ok(Math.abs(width / height - 4 / 3) < 1e-6, `${width} by ${height}`);
      assert.ok(width <= BOX.width && height <= BOX.height);
      // Nothing of the picture is lost.
      assert.ok(width * density >= mode.width && height * density >= mode.height);
    }
  }
  assert.deepEqual(shownSize(text, BOX, 1), { width: 720, height: 540, sharp: false });
});

test('a picture that is larger than the box is shrunk', () => {
  assert.deepEqual(shownSize(square, { width: 320, height: 480 }, 1), { width: 320, height: 240, sharp: false });
  const { width, height } = shownSize(text, { width: 360, height: 600 }, 1);
  assert.deepEqual([Math.round(width), Math.round(height)], [360, 270]);
});
