// The worker's side of the screen: looks at the machine's picture at the display's rate, and hands on what changed.
import type { Instance } from './instance.ts';
import { Painter, type V64Mode } from './painter.ts';
import type { FromWorker, Target } from './protocol.ts';

/** Milliseconds between two pictures where there is no display to ask */
const INTERVAL = 16;
/** Milliseconds after which a picture is drawn without the display's asking: browsers ask seldom for what is out of sight */
const LATE = 100;

type Post = (message: FromWorker, transfer?: Transferable[]) => void;

/** Calls a function before the display's next picture. In Node, and where a browser's workers lack it, by a timer. */
function soon(call: () => void): () => void {
  if (typeof requestAnimationFrame === 'function') {
    try {
      const id = requestAnimationFrame(call);
      return () => cancelAnimationFrame(id);
    } catch {
      // Not in this kind of worker.
    }
  }
  const timer = setTimeout(call, INTERVAL);
  return () => clearTimeout(timer);
}

/** Shows the screen of a machine. */
export class Display {
  readonly #instance: Instance;
  readonly #post: Post;
  readonly #painter: Painter | undefined;
  #mode: V64Mode = { width: 0, height: 0, pixelAspect: 0 };
  /** A picture that was posted is still being drawn: the next waits for it */
  #busy = false;
  #cancel: () => void;
  /** When the machine's picture was last looked at */
  #looked = 0;

  constructor(instance: Instance, target: Target, post: Post) {
    this.#instance = instance;
    this.#post = post;
    this.#painter = target.canvas ? Painter.on(target.canvas) : undefined;
    this.#cancel = soon(() => this.#tick());
  }

  #tick(): void {
    this.#cancel = soon(() => this.#tick());
    if (!this.#busy) this.draw();
  }

  /** The page has drawn what was posted. */
  drawn(): void {
    this.#busy = false;
  }

  /** Between two slices: draws where the display has not asked for long. */
  overdue(): void {
    if (!this.#busy && performance.now() - this.#looked > LATE) this.draw();
  }

  /** Draws what changed since the last time. */
  draw(): void {
    this.#looked = performance.now();
    const change = this.#instance.render();
    if (!change) return;
    const { width, height, pixelAspect, rects, pixels } = change;
    const before = this.#mode;
    if (width !== before.width || height !== before.height || pixelAspect !== before.pixelAspect) {
      this.#mode = { width, height, pixelAspect };
      this.#post({ type: 'mode', mode: this.#mode });
    }
    if (rects.length === 0) return;
    if (this.#painter) return this.#painter.paint(change);
    this.#busy = true;
    this.#post({ type: 'picture', change }, [pixels.buffer]);
  }

  /** Shows the last picture, and looks no more. */
  stop(): void {
    this.#cancel();
    this.#busy = false;
    this.draw();
  }

  /** The machine failed: its picture cannot be had. */
  drop(): void {
    this.#cancel();
  }
}
