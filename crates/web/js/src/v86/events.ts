// v86's events, and who listens to them.
import { nearestOf } from '../nearest.ts';
import { call } from '../events.ts';

/** What listeners get, by the event's name. */
export interface V86Events {
  'emulator-ready': undefined;
  'emulator-loaded': undefined;
  'emulator-started': undefined;
  'emulator-stopped': undefined;
  'download-progress': { file_index: number; file_count: number; file_name: string; lengthComputable: boolean; total: number; loaded: number };
  'download-error': { file_index: number; file_count: number; file_name: string; request: { status: number }; error: Error };
  'screen-set-size': [width: number, height: number, bpp: number];
  'serial0-output-byte': number;
  /** Not v86's: what keeps the machine from starting, or ends it */
  'emulator-error': Error;
}

const SENT = [
  'emulator-ready', 'emulator-loaded', 'emulator-started', 'emulator-stopped', 'download-progress', 'download-error', 'screen-set-size',
  'serial0-output-byte', 'emulator-error',
];

type Listener = (value: never) => void;

/** The listeners of one machine. */
export class Bus {
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #warn: (message: string) => void;

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** Adds a listener. Of an event that is never sent, it says so. */
  add(event: string, listener: Listener): void {
    if (!SENT.includes(event)) {
      const nearest = nearestOf(event, SENT);
      this.#warn(`the event ${event} is not sent${nearest ? `; did you mean ${nearest}?` : ` here; there are ${SENT.join(', ')}`}`);
    }
    const those = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, those.add(listener));
  }

  remove(event: string, listener: Listener): void {
    this.#listeners.get(event)?.delete(listener);
  }

  /** Calls the listeners. Returns whether there is one. */
  send<K extends keyof V86Events>(event: K, value: V86Events[K]): boolean {
    const those = [...(this.#listeners.get(event) ?? [])];
    for (const listener of those) call(listener as (value: V86Events[K]) => void, value);
    return those.length > 0;
  }

  has(event: keyof V86Events): boolean {
    return (this.#listeners.get(event)?.size ?? 0) > 0;
  }
}
