// Frames on their way to the sound card: a queue that evens out when they come.

/** Seconds of sound that wait before it begins: frames come in parts, a few times in this. */
const LEAD = 0.04;
/** Seconds that wait at most; of more the oldest are dropped, so that sound does not lag behind the picture. */
const MOST = 0.5;
/** Seconds that are left then */
const KEPT = 0.1;
/** The longest silence that is played between two sounds, in seconds; behind a longer one the next begins anew */
const LONGEST_GAP = 0.25;

/** Part of a sound: frames of two samples, left and right. */
interface Part {
  samples: Int16Array;
  /** The first sample that was not played yet */
  at: number;
}

/** Frames by the numbers that the machine gives them, and as a sound card takes them. */
export class SoundQueue {
  readonly #rate: number;
  #parts: Part[] = [];
  #frames = 0;
  /** The number of the frame behind the last */
  #next: number | undefined;
  #playing = false;
  /** Frames that were asked for since there are some */
  #waited = 0;

  /** @param rate frames a second */
  constructor(rate: number) {
    this.#rate = rate;
  }

  /** Frames that wait. */
  get length(): number {
    return this.#frames;
  }

  /** Takes frames of which the first has the number `start`. */
  push(start: number, samples: Int16Array): void {
    const gap = this.#next === undefined ? 0 : start - this.#next;
    if (gap > 0 && gap < LONGEST_GAP * this.#rate && this.#frames > 0) this.#add(new Int16Array(2 * gap));
    this.#add(samples);
    this.#next = start + (samples.length >> 1);
    if (this.#frames > MOST * this.#rate) this.#drop(this.#frames - Math.floor(KEPT * this.#rate));
  }

  #add(samples: Int16Array): void {
    this.#parts.push({ samples, at: 0 });
    this.#frames += samples.length >> 1;
  }

  #drop(frames: number): void {
    this.#frames -= frames;
    for (let left = 2 * frames; left > 0; ) {
      const [part] = this.#parts;
      if (!part) return;
      const taken = Math.min(left, part.samples.length - part.at);
      part.at += taken;
      left -= taken;
      if (part.at >= part.samples.length) this.#parts.shift();
    }
  }

  /** Fills two channels with the next frames, and with silence where there are none. */
  pull(left: Float32Array, right: Float32Array): void {
    left.fill(0);
    right.fill(0);
    if (!this.#begins(left.length)) return;
    let done = 0;
    while (done < left.length) {
      const [part] = this.#parts;
      if (!part) break;
      const { samples } = part;
      for (; done < left.length && part.at + 1 < samples.length; done++, part.at += 2) {
        left[done] = (samples[part.at] ?? 0) / 32768;
        right[done] = (samples[part.at + 1] ?? 0) / 32768;
      }
      if (part.at + 1 >= samples.length) this.#parts.shift();
    }
    this.#frames -= done;
    if (this.#frames === 0) this.#playing = false;
  }

  /** Returns whether there is sound now: it began before, enough of it waits, or no more has come for a while. */
  #begins(frames: number): boolean {
    if (this.#playing) return true;
    if (this.#frames === 0) {
      this.#waited = 0;
      return false;
    }
    const lead = LEAD * this.#rate;
    this.#waited += frames;
    this.#playing = this.#frames >= lead || this.#waited >= lead;
    if (this.#playing) this.#waited = 0;
    return this.#playing;
  }
}
