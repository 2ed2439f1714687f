import { V64Error } from './error.ts';
import { nearestOf } from './nearest.ts';
import { describe } from './source.ts';

/** How a run ended. */
export interface V64End {
  /** As the command's: 0 after a power-off */
  exitCode: number;
  /** What the command would say on standard error */
  reason: string;
  /** The state's hash, where it was asked for */
  report: string;
}

/** An event of QMP. */
export interface V64QmpEvent {
  event: string;
  data?: unknown;
  timestamp: { seconds: number; microseconds: number };
}

/** What listeners of a machine receive, by the event's name. */
export interface V64Events {
  /** The guest begins to run, or goes on after a pause */
  start: { type: 'start' };
  /** The guest does not run any more: paused, ended, failed or destroyed */
  stop: { type: 'stop' };
  /** `reset()` was carried out */
  reset: { type: 'reset' };
  /** The run has ended; follows `stop` */
  exit: { type: 'exit' } & V64End;
  /** So much of an image has been downloaded, in bytes */
  progress: { type: 'progress'; name: string; loaded: number; total: number };
  /** An image could not be read or written: the guest saw it as an error of its drive */
  diskError: { type: 'diskError'; name: string; message: string };
  /** An event of QMP, as the protocol has it: `{ event: 'RESET', data, timestamp }` */
  qmp: { type: 'qmp'; event: V64QmpEvent };
  /** The machine failed; follows `stop` */
  error: { type: 'error'; error: V64Error };
}

const NAMES: readonly (keyof V64Events)[] = ['start', 'stop', 'reset', 'exit', 'progress', 'diskError', 'qmp', 'error'];

type Listener = (event: never) => void;

/** Throws where something is no function. */
export function checkListener(listener: unknown): void {
  if (typeof listener === 'function') return;
  throw new V64Error('BAD_OPTION', `the listener is ${describe(listener)}; give a function`);
}

/** Throws where no event has this name. */
export function checkEvent(name: unknown, known: readonly string[]): void {
  if (known.includes(name as string)) return;
  // v86's names begin with the emulator.
  const bare = typeof name === 'string' ? name.replace(/^emulator-(start|stop)(ed|ped)$/, '$1') : '';
  const nearest = nearestOf(bare, known);
  const hint = nearest ? `did you mean '${nearest}'? ` : '';
  throw new V64Error('BAD_OPTION', `no event is called ${describe(name)}; ${hint}The events are ${known.join(', ')}.`);
}

/** Calls a function of the user's. What it throws is reported as uncaught, and stops nothing here. */
export function call<T>(listener: (event: T) => void, event: T): void {
  try {
    listener(event);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** The listeners of one machine. */
export class Emitter {
  readonly #listeners = new Map<keyof V64Events, Map<Listener, boolean>>();

  add(name: keyof V64Events, listener: Listener, once: boolean): void {
    checkEvent(name, NAMES);
    checkListener(listener);
    const those = this.#listeners.get(name) ?? new Map<Listener, boolean>();
    this.#listeners.set(name, those.set(listener, once));
  }

  remove(name: keyof V64Events, listener: Listener): void {
    checkEvent(name, NAMES);
    this.#listeners.get(name)?.delete(listener);
  }

  emit<K extends keyof V64Events>(event: V64Events[K] & { type: K }): void {
    const those = this.#listeners.get(event.type);
    for (const [listener, once] of [...(those ?? [])]) {
      if (once) those?.delete(listener);
      call(listener as (event: V64Events[K]) => void, event);
    }
  }
}
