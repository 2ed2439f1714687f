// What the machine plays, in the page's thread: handed to an AudioContext, or to a function.
import type { DomAudioContext, DomAudioNode } from './dom.ts';
import { messageOf, V64Error } from './error.ts';
import { call } from './events.ts';

/** The code of `sound-worklet.ts`, which build.mjs puts here. */
declare const SOUND_SOURCE: string;

/** Part of what a machine plays. */
export interface V64Sound {
  /** Frames a second */
  rate: number;
  /** The number of the first frame: what is missing between two parts is silence */
  start: number;
  /** Frames of two samples, left and right */
  samples: Int16Array;
}

/** Where sound goes: `true` plays it by an `AudioContext` of the machine's own; a function receives it. */
export type V64AudioTarget = boolean | DomAudioContext | ((sound: V64Sound) => void);

/** What is heard of a machine. */
export interface V64Audio {
  /** Whether nothing is heard. The machine plays on. */
  muted: boolean;
  /** How loud it is, from 0 to 1 */
  volume: number;
  /** The `AudioContext` that plays; `undefined` before the user has touched the page, and where a function receives sound */
  readonly context: DomAudioContext | undefined;
  /** The node that plays, to be connected to others as well; `undefined` where there is no context */
  readonly output: DomAudioNode | undefined;
}

/** Frames a second for a function and for contexts of our own, which convert them to the sound card's rate */
const RATE = 48_000;
/** Rates that the machine's mixer has, in hertz */
const [SLOWEST, FASTEST] = [1000, 200_000];

/** Returns what is wrong with a value as the option `audio`. */
export function checkAudio(value: unknown): string | undefined {
  if (value === false || typeof value === 'function') return undefined;
  if (value === true) {
    return typeof AudioContext === 'function' ? undefined : 'there is no AudioContext here; give a function that takes sound';
  }
  if (typeof value === 'object' && value !== null && 'destination' in value && 'sampleRate' in value) {
    const can = 'audioWorklet' in value && value.audioWorklet;
    return can ? undefined : 'which has no audioWorklet: browsers give one to pages from https: and localhost only';
  }
  return 'give true, an AudioContext, or a function that takes sound';
}

/** One machine's sound. */
export class Speaker {
  /** Frames a second */
  readonly rate: number;
  readonly #receive: ((sound: V64Sound) => void) | undefined;
  #context: BaseAudioContext | undefined;
  /** The context is this machine's alone */
  #own: AudioContext | undefined;
  readonly #log: (line: string) => void;
  readonly #stop = new AbortController();
  #node: AudioWorkletNode | undefined;
  #gain: GainNode | undefined;
  #muted = false;
  #volume = 1;

  /** Returns `undefined` where nothing is to be heard. `log` is called with why nothing is, where that turns out later. */
  static of(target: V64AudioTarget | undefined, log: (line: string) => void): Speaker | undefined {
    return target === undefined || target === false ? undefined : new Speaker(target, log);
  }

  private constructor(target: Exclude<V64AudioTarget, false>, log: (line: string) => void) {
    this.#log = log;
    this.rate = RATE;
    if (typeof target === 'function') this.#receive = target;
    else if (target !== true) {
      this.#context = target as BaseAudioContext;
      this.rate = Math.max(SLOWEST, Math.min(FASTEST, Math.round(this.#context.sampleRate)));
    }
  }

  /**
   * Makes ready to play. Browsers play nothing before the user has touched the page: a context of our own begins then.
   *
   * # Errors
   * `SOURCE` where the browser does not load the code that plays.
   */
  async open(): Promise<void> {
    if (this.#receive) return;
    if (this.#context) return this.#connect(this.#context);
    if (typeof navigator === 'undefined' || navigator.userActivation?.hasBeenActive !== false) return this.#begin();
    const first = (): void => {
      this.#stop.abort();
      this.#begin().catch((error: unknown) => this.#log(messageOf(error)));
    };
    for (const event of ['pointerup', 'keydown'] as const) {
      addEventListener(event, first, { signal: this.#stop.signal, capture: true });
    }
  }

  async #begin(): Promise<void> {
    const own = new AudioContext({ latencyHint: 'interactive', sampleRate: RATE });
    this.#own = this.#context = own;
    await this.#connect(own);
    if (own.state === 'suspended') await own.resume();
  }

  async #connect(context: BaseAudioContext): Promise<void> {
    const url = URL.createObjectURL(new Blob([SOUND_SOURCE], { type: 'text/javascript' }));
    try {
      await context.audioWorklet.addModule(url);
    } catch (error) {
      const todo = 'let the Content-Security-Policy have `script-src blob:`, or leave `audio` out';
      throw new V64Error('SOURCE', `cannot play sound (${messageOf(error)}): ${todo}`);
    } finally {
      URL.revokeObjectURL(url);
    }
    // The machine may be gone meanwhile.
    if (context.state === 'closed') return;
    this.#node = new AudioWorkletNode(context, 'v64-sound', { numberOfInputs: 0, outputChannelCount: [2] });
    this.#gain = context.createGain();
    this.#node.connect(this.#gain).connect(context.destination);
    this.#level();
  }

  #level(): void {
    if (this.#gain) this.#gain.gain.value = this.#muted ? 0 : this.#volume;
  }

  /** The machine has played something. */
  hear(start: number, samples: Int16Array<ArrayBuffer>): void {
    if (this.#receive) {
      if (!this.#muted) call(this.#receive, { rate: this.rate, start, samples });
      return;
    }
    // A context that does not play would keep all of it.
    if (this.#context?.state !== 'running') return;
    this.#node?.port.postMessage({ start, samples }, [samples.buffer]);
  }

  close(): void {
    this.#stop.abort();
    this.#node?.disconnect();
    this.#gain?.disconnect();
    if (this.#own && this.#own.state !== 'closed') void this.#own.close().catch(() => {});
  }

  /** What users get. */
  face(): V64Audio {
    const speaker = this;
    return {
      get muted() {
        return speaker.#muted;
      },
      set muted(muted: boolean) {
        speaker.#muted = muted === true;
        speaker.#level();
      },
      get volume() {
        return speaker.#volume;
      },
      set volume(volume: number) {
        if (!(volume >= 0 && volume <= 1)) throw new V64Error('BAD_OPTION', `\`volume\` is ${volume}; give 0 to 1`);
        speaker.#volume = volume;
        speaker.#level();
      },
      get context() {
        return speaker.#context as DomAudioContext | undefined;
      },
      get output() {
        return speaker.#gain as DomAudioNode | undefined;
      },
    };
  }
}
