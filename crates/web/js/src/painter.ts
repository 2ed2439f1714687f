// A picture on a canvas, in the page or in the worker.

/** Part of a picture, in pixels. */
export interface V64Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Size and shape of a picture. */
export interface V64Mode {
  /** Pixels in a row */
  width: number;
  /** Rows */
  height: number;
  /** How wide a pixel is to be shown, as a multiple of its height */
  pixelAspect: number;
}

/** What changed in a picture: of each rectangle its pixels, one rectangle behind the other. */
export interface Change extends V64Mode {
  rects: V64Rect[];
  /** Red, green, blue, 255 of each pixel */
  pixels: Uint8ClampedArray<ArrayBuffer>;
}

/** Returns the bytes of a rectangle. */
export const bytesOfRect = ({ width, height }: V64Rect): number => width * height * 4;

/** Puts pictures on a canvas. */
export class Painter {
  readonly #canvas: HTMLCanvasElement | OffscreenCanvas;
  readonly #context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

  /** Returns `undefined` where the canvas gives no 2D context: it has another, or belongs to another thread. */
  static on(canvas: HTMLCanvasElement | OffscreenCanvas): Painter | undefined {
    try {
      const context = canvas.getContext('2d', { alpha: false }) as CanvasRenderingContext2D | null;
      return context ? new Painter(canvas, context) : undefined;
    } catch {
      return undefined;
    }
  }

  private constructor(canvas: HTMLCanvasElement | OffscreenCanvas, context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D) {
    this.#canvas = canvas;
    this.#context = context;
  }

  /** Paints what changed. The canvas gets the picture's size. */
  paint({ width, height, rects, pixels }: Change): void {
    const canvas = this.#canvas;
    // To set a size clears the canvas, even where it stays the same.
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    let at = 0;
    for (const rect of rects) {
      const length = bytesOfRect(rect);
      if (length > 0) this.#context.putImageData(new ImageData(pixels.subarray(at, at + length), rect.width), rect.x, rect.y);
      at += length;
    }
  }
}
