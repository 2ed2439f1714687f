import { V64Error } from './error.ts';
import { requireMemory64 } from './features.ts';
import { open, type Port } from './port.ts';
import type { FromWorker, Question, ToWorker } from './protocol.ts';
import { read, type V64Source } from './source.ts';

/** What a machine is made of. */
export interface V64Options {
  /** Guest memory, as '512M' or '6G' */
  memory?: string;
  /** A Linux bzImage or a multiboot image; without one, a small guest that the module contains */
  kernel?: V64Source;
  initrd?: V64Source;
  /** Kernel command line */
  append?: string;
  /** 'x86-64-v1', 'x86-64-v2' or 'max' */
  cpu?: string;
  /** The host's clock, or retired instructions: exactly repeatable */
  clock?: 'real' | 'icount';
  /** Guest code that runs often becomes WebAssembly, unless all of it is interpreted */
  engine?: 'jit' | 'interp';
  /** Stop after so many instructions */
  maxInstructions?: number;
  /** End at a reset or triple fault rather than start over */
  noReboot?: boolean;
  /** Port of isa-debug-exit */
  debugExit?: number;
  /** Further options of `v64 run` */
  args?: readonly string[];
  /** Hears COM1 */
  onSerial?: (bytes: Uint8Array) => void;
  /** Hears traces and messages of the module */
  onLog?: (line: string) => void;
}

/** Where a machine is, and what it did. */
export interface V64Stats {
  instructions: number;
  mode: string;
  cpl: number;
  halted: boolean;
  resets: number;
  blocksRun: number;
  decoded: number;
  invalidated: number;
  walks: number;
  portIo: number;
  mmio: number;
  interrupts: number;
  halts: number;
  exceptions: number[];
  ramBytes: number;
  /** Calls from the module to JavaScript */
  hostCalls: number;
}

/** How a run ended. */
export interface V64End {
  /** As the command's: 0 after a power-off */
  exitCode: number;
  /** What the command would say on standard error */
  reason: string;
  /** The state's hash, where it was asked for */
  report: string;
}

/** COM1. */
export interface V64Serial {
  /** Types at the machine */
  write(data: string | Uint8Array): void;
  on(event: 'data', listener: (bytes: Uint8Array) => void): void;
  off(event: 'data', listener: (bytes: Uint8Array) => void): void;
}

interface Waiting<T> {
  resolve(value: T): void;
  reject(error: V64Error): void;
}

let compiled: Promise<WebAssembly.Module> | undefined;

/** The module, compiled once. */
export function wasmModule(): Promise<WebAssembly.Module> {
  requireMemory64();
  const url = new URL('./v64.wasm', import.meta.url);
  compiled ??= read(url, 'module').then((bytes) => WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>));
  compiled.catch(() => (compiled = undefined));
  return compiled;
}

function words(options: V64Options): string[] {
  const args = ['run'];
  const add = (flag: string, value: unknown): void => {
    if (value !== undefined) args.push(`${flag}=${String(value)}`);
  };
  add('--memory', options.memory);
  // The module is told that there are files; what they are called matters to nobody.
  const given = options.args ?? [];
  if (options.kernel !== undefined && !has(given, '--kernel')) add('--kernel', 'kernel');
  if (options.initrd !== undefined && !has(given, '--initrd')) add('--initrd', 'initrd');
  add('--append', options.append);
  add('--cpu', options.cpu);
  add('--clock', options.clock);
  add('--engine', options.engine);
  add('--max-instructions', options.maxInstructions);
  add('--debug-exit', options.debugExit);
  if (options.noReboot) args.push('--no-reboot');
  return [...args, ...given];
}

function has(args: readonly string[], flag: string): boolean {
  return args.some((word) => word === flag || word.startsWith(`${flag}=`));
}

/** A PC. It lives in a worker; everything here is a message to it. */
export class V64 {
  readonly serial: V64Serial;
  readonly #listeners = new Set<(bytes: Uint8Array) => void>();
  readonly #onLog: (line: string) => void;
  readonly #answers = new Map<number, Waiting<unknown>>();
  #port: Port | undefined;
  #ready: Waiting<void> | undefined;
  #end: Waiting<V64End> | undefined;
  #started = false;
  #over = false;
  #next = 0;

  private constructor(options: V64Options) {
    if (options.onSerial) this.#listeners.add(options.onSerial);
    this.#onLog = options.onLog ?? (() => {});
    this.serial = {
      write: (data) => {
        const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
        this.#send({ type: 'input', bytes });
      },
      on: (_, listener) => void this.#listeners.add(listener),
      off: (_, listener) => void this.#listeners.delete(listener),
    };
  }

  /** Builds a machine and loads its guest. It does not run yet. */
  static async create(options: V64Options = {}): Promise<V64> {
    const module = await wasmModule();
    const [kernel, initrd] = await Promise.all([
      options.kernel === undefined ? undefined : read(options.kernel, 'kernel'),
      options.initrd === undefined ? undefined : read(options.initrd, 'initrd'),
    ]);
    const vm = new V64(options);
    try {
      vm.#port = await open(
        (message) => vm.#hear(message),
        (error) => vm.#fail(new V64Error('TRAP', error.message)),
      );
      await new Promise<void>((resolve, reject) => {
        vm.#ready = { resolve, reject };
        const files = { ...(kernel ? { kernel } : {}), ...(initrd ? { initrd } : {}) };
        vm.#send({ type: 'create', module, args: words(options), ...files });
      });
    } catch (error) {
      vm.destroy();
      throw error;
    }
    return vm;
  }

  /** Runs until the machine ends. */
  run(): Promise<V64End> {
    if (this.#started) {
      const why = this.#over ? 'the machine has ended; create another' : 'the machine is running already';
      return Promise.reject(new V64Error('STATE', why));
    }
    this.#started = true;
    return new Promise((resolve, reject) => {
      this.#end = { resolve, reject };
      this.#send({ type: 'run' });
    });
  }

  /** Stops between two instructions, until {@link resume}. Resolves when it stands. */
  pause(): Promise<void> {
    return this.#wish('pause');
  }

  /** Goes on after {@link pause}. */
  async resume(): Promise<void> {
    if (this.#started) this.#send({ type: 'run' });
  }

  /** Presses the reset button: the guest starts over, memory stays. */
  reset(): Promise<void> {
    return this.#wish('reset');
  }

  /** Pulls the plug: {@link run} resolves with exit code 0. */
  powerOff(): Promise<void> {
    return this.#wish('powerOff');
  }

  /** Saves the whole machine: processor, devices, memory and its guest. */
  saveState(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#ask('saveState') as Promise<Uint8Array<ArrayBuffer>>;
  }

  /**
   * Puts the machine into a state that {@link saveState} or the native command saved. It has to be built with the same
   * options; its guest comes with the state.
   *
   * Rejects with `BAD_STATE` where the state is damaged, or of another version or machine. Nothing is changed then.
   */
  async restoreState(state: Uint8Array | ArrayBuffer): Promise<void> {
    await this.#ask('restoreState', state instanceof Uint8Array ? state : new Uint8Array(state));
  }

  /** Where the machine is and what it did. */
  stats(): Promise<V64Stats> {
    return this.#ask('stats') as Promise<V64Stats>;
  }

  /** A hash of registers, memory and devices, in hexadecimal. */
  stateHash(): Promise<string> {
    return this.#ask('stateHash') as Promise<string>;
  }

  /** What `--stats` prints. */
  report(): Promise<string> {
    return this.#ask('report') as Promise<string>;
  }

  /** Registers and the code at RIP, as a crash report shows them. */
  registers(): Promise<string> {
    return this.#ask('registers') as Promise<string>;
  }

  /** Ends the worker and gives its memory back. */
  destroy(): void {
    this.#port?.stop();
    this.#port = undefined;
    this.#settle(new V64Error('STATE', 'the machine was destroyed'));
  }

  #ask(what: Question, bytes?: Uint8Array): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#answers.set(id, { resolve, reject });
      try {
        this.#send({ type: 'ask', id, what, ...(bytes ? { bytes } : {}) });
      } catch (error) {
        this.#answers.delete(id);
        throw error;
      }
    });
  }

  /** A wish that nobody has to wait for: only who does hears that it came too late. */
  #wish(what: Question): Promise<void> {
    const done = this.#ask(what).then(() => {});
    done.catch(() => {});
    return done;
  }

  #send(message: ToWorker): void {
    if (!this.#port) throw new V64Error('STATE', 'the machine was destroyed');
    this.#port.send(message);
  }

  #hear(message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        this.#ready?.resolve();
        this.#ready = undefined;
        break;
      case 'output':
        for (const listener of this.#listeners) listener(message.bytes);
        break;
      case 'log':
        this.#onLog(message.line);
        break;
      case 'ended': {
        this.#over = true;
        const { exitCode, reason, report } = message;
        this.#end?.resolve({ exitCode, reason, report });
        this.#end = undefined;
        break;
      }
      case 'answer':
        this.#answers.get(message.id)?.resolve(message.value);
        this.#answers.delete(message.id);
        break;
      case 'error': {
        const error = new V64Error(message.code, message.message, message.details);
        if (message.id === undefined) return this.#fail(error);
        this.#answers.get(message.id)?.reject(error);
        this.#answers.delete(message.id);
        break;
      }
    }
  }

  #fail(error: V64Error): void {
    this.#over = true;
    this.#settle(error);
  }

  /** Nothing that is waited for will come. */
  #settle(error: V64Error): void {
    this.#ready?.reject(error);
    this.#end?.reject(error);
    for (const waiting of this.#answers.values()) waiting.reject(error);
    this.#ready = undefined;
    this.#end = undefined;
    this.#answers.clear();
  }
}
