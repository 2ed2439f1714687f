// Runs in the browser's thread for sound: hands frames of the machine to the sound card.
import { SoundQueue } from './sound-queue.ts';

interface Processor {
  readonly port: MessagePort;
}

interface Scope {
  sampleRate: number;
  AudioWorkletProcessor: new () => Processor;
  registerProcessor(name: string, processor: unknown): void;
}

const scope = globalThis as unknown as Scope;

class Sound extends scope.AudioWorkletProcessor {
  readonly #queue = new SoundQueue(scope.sampleRate);

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<{ start: number; samples: Int16Array }>) => this.#queue.push(data.start, data.samples);
  }

  process(_inputs: unknown, [output]: Float32Array[][]): boolean {
    const [left, right] = output ?? [];
    if (left && right) this.#queue.pull(left, right);
    return true;
  }
}

scope.registerProcessor('v64-sound', Sound);
