import { V64, type V64Options } from 'v64';
import type { Guest, Parts, Progress } from './guests.ts';
import { option } from './size.ts';

/** What the machine is doing. */
export type State = 'off' | 'loading' | 'starting' | 'running' | 'paused' | 'ended' | 'failed';

/** How a run ended. */
export interface End {
  exitCode: number;
  reason: string;
}

/** What the bench tells the page. */
export interface Watcher {
  state(state: State): void;
  progress(at: Progress): void;
  serial(bytes: Uint8Array): void;
  /** A machine begins to run, and shows its screen on a canvas of its own. */
  machine(vm: V64, canvas: HTMLCanvasElement): void;
  ended(end: End): void;
  failed(error: unknown): void;
}

/** One boot, from its click to its end. A new one makes the old one deaf. */
class Boot {
  readonly abort = new AbortController();
  vm: V64 | undefined;
  /** Where the screen is shown: a canvas serves one machine */
  readonly canvas = document.createElement('canvas');
  parts: Parts | undefined;
  /** What was put into drives since, or taken out, by their names */
  readonly changes = new Map<string, File | undefined>();
  /** Running time in ms up to the last pause, and since when it runs now */
  ran = 0;
  since: number | undefined;

  get over(): boolean {
    return this.abort.signal.aborted;
  }

  clock(runs: boolean): void {
    const now = performance.now();
    if (this.since !== undefined) this.ran += now - this.since;
    this.since = runs ? now : undefined;
  }

  drop(): void {
    this.clock(false);
    this.abort.abort();
    this.vm?.destroy();
    this.vm = undefined;
  }
}

/** Sound goes to the user, or nowhere where this browser plays none: the sound card is part of the machine. */
function audioFor(isWanted: boolean): V64Options['audio'] {
  const canPlay = typeof AudioWorkletNode === 'function';
  return isWanted && (canPlay || (() => {}));
}

/** Holds at most one machine and does to it what the keys say. */
export class Bench {
  #boot = new Boot();
  #state: State = 'off';
  #guest: Guest | undefined;
  readonly #watcher: Watcher;

  constructor(watcher: Watcher) {
    this.#watcher = watcher;
  }

  get state(): State {
    return this.#state;
  }

  get guest(): Guest | undefined {
    return this.#guest;
  }

  /** What the guest of the last boot is made of, once it is there. */
  get parts(): Parts | undefined {
    return this.#boot.parts;
  }

  /** What was put into drives since the boot, or taken out, by their names. */
  get changes(): Map<string, File | undefined> {
    return this.#boot.changes;
  }

  /** The machine, while there is one. */
  get vm(): V64 | undefined {
    return this.#boot.vm;
  }

  /** How long the machine has been running, in milliseconds. */
  get time(): number {
    const { ran, since } = this.#boot;
    return since === undefined ? ran : ran + performance.now() - since;
  }

  #show(state: State): void {
    this.#state = state;
    this.#watcher.state(state);
  }

  /** Boots a guest in place of what runs. Resolves when it has ended. */
  async boot(guest: Guest): Promise<void> {
    this.#boot.drop();
    const boot = new Boot();
    this.#boot = boot;
    this.#guest = guest;
    this.#show('loading');
    try {
      boot.parts = await guest.prepare((at) => {
        if (!boot.over) this.#watcher.progress(at);
      }, boot.abort.signal);
      if (boot.over) return;
      this.#show('starting');
      const vm = await this.#create(boot, guest);
      if (boot.over) return vm.destroy();
      await this.#run(boot, vm);
    } catch (error) {
      this.#fail(boot, error);
    }
  }

  /**
   * Goes on from a saved state in place of what runs, which goes on where the state cannot be used: this rejects then.
   * `begin` is called when the state has been loaded.
   */
  async restore(guest: Guest, begin: () => void): Promise<void> {
    const [before, boot] = [this.#boot, new Boot()];
    boot.parts = await guest.prepare(() => {}, boot.abort.signal);
    const vm = await this.#create(boot, guest);
    // Another guest was booted meanwhile.
    if (this.#boot !== before) return vm.destroy();
    before.drop();
    this.#boot = boot;
    this.#guest = guest;
    begin();
    void this.#run(boot, vm).catch((error: unknown) => this.#fail(boot, error));
  }

  #create(boot: Boot, guest: Guest): Promise<V64> {
    return V64.create({
      ...boot.parts,
      ...(guest.memory === undefined ? {} : { memory: option(guest.memory) }),
      screen: boot.canvas,
      audio: audioFor(boot.parts?.audio !== false),
      onSerial: (bytes) => {
        if (!boot.over) this.#watcher.serial(bytes);
      },
    });
  }

  async #run(boot: Boot, vm: V64): Promise<void> {
    boot.vm = vm;
    this.#watcher.machine(vm, boot.canvas);
    boot.clock(true);
    this.#show('running');
    const end = await vm.run();
    if (boot.over) return;
    boot.drop();
    this.#show('ended');
    this.#watcher.ended(end);
  }

  #fail(boot: Boot, error: unknown): void {
    if (boot.over) return;
    boot.drop();
    this.#show('failed');
    this.#watcher.failed(error);
  }

  /** Boots the same guest once more. */
  again(): void {
    if (this.#guest) void this.boot(this.#guest);
  }

  pause(): void {
    if (this.#state !== 'running') return;
    void this.#boot.vm?.pause();
    this.#boot.clock(false);
    this.#show('paused');
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    void this.#boot.vm?.resume();
    this.#boot.clock(true);
    this.#show('running');
  }

  reset(): void {
    const { vm } = this.#boot;
    if (!vm) return;
    void vm.reset();
    this.resume();
  }

  /** Off: ends the machine, or the download that was to become one. */
  power(): void {
    const { vm } = this.#boot;
    if (vm) {
      // The run ends with this, and says how.
      void vm.powerOff();
      return;
    }
    this.#boot.drop();
    this.#show('off');
  }

  type(text: string): void {
    if (this.#state === 'running') this.#boot.vm?.serial.write(text);
  }

  /** The page goes. */
  leave(): void {
    this.#boot.drop();
  }
}
