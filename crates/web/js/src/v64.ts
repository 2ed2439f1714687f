import type { DomElement } from './dom.ts';
import { host } from '#host';
import { Speaker, type V64Audio } from './audio.ts';
import { attach, type V64AttachOptions } from './attach.ts';
import { checkImage, mediumOptions, type V64Image } from './drives.ts';
import { driveId, driveInfo, type V64DriveInfo } from './drive-info.ts';
import { V64Error } from './error.ts';
import { call, Emitter, type V64End, type V64Events, type V64QmpEvent } from './events.ts';
import type { Port } from './host.ts';
import { keyboard, type V64Keyboard } from './keyboard.ts';
import { bytesToWrite, checkRange } from './memory.ts';
import { wasmModule } from './module.ts';
import { mouse, type V64Mouse } from './mouse.ts';
import { checkOptions, type V64Options, words } from './options.ts';
import type { Files, FromWorker, Line, QmpAnswer, Question, ToWorker, WantedFile } from './protocol.ts';
import { Screen, type V64Picture, type V64Screen } from './screen.ts';
import { Serial, type V64Serial } from './serial.ts';
import { describe } from './source.ts';
import { disk, disksFor, fromOptions, readAll, type Supply, whole } from './supply.ts';
import type { V64Stats } from './stats.ts';
import type { V64WaitOptions } from './wait.ts';

/** Commands whose answer is the file that they write. */
const WRITERS = ['screendump', 'pmemsave', 'memsave'];

interface Waiting<T> {
  resolve(value: T): void;
  reject(error: V64Error): void;
}

/** Shows the constructor that `create()` calls it. */
const CREATE = Symbol('create');

/** A PC. It runs in a worker. `V64.create()` makes one. */
export class V64 {
  /** COM1 */
  readonly serial: V64Serial;
  /** What the display adapter shows */
  readonly screen: V64Screen;
  /** Its keys */
  readonly keyboard: V64Keyboard;
  /** Its mouse */
  readonly mouse: V64Mouse;
  /** What is heard of it; with the option `audio` */
  readonly audio: V64Audio | undefined;
  readonly #output = new Serial();
  readonly #picture: Screen;
  readonly #speaker: Speaker | undefined;
  readonly #events = new Emitter();
  readonly #options: V64Options;
  readonly #answers = new Map<number, Waiting<unknown>>();
  /** What connections to the monitor are sent */
  readonly #connections = new Map<number, (text: string) => void>();
  #port: Port | undefined;
  #ready: Waiting<unknown> | undefined;
  #end: Waiting<V64End> | undefined;
  #started = false;
  /** What the machine was asked to do last, where it has not ended */
  #wanted = false;
  #running = false;
  #over = false;
  #next = 0;

  private constructor(key: unknown, options: V64Options) {
    if (key !== CREATE) throw new V64Error('STATE', 'machines are made by `await V64.create(options)`');
    if (options.onSerial) this.#output.listen(options.onSerial);
    this.#options = options;
    this.serial = this.#output.face((bytes) => this.#send({ type: 'input', bytes: whole(bytes) }));
    this.#picture = new Screen(options.screen);
    const line: Line = {
      ask: (question) => this.#ask(question),
      input: (events) => this.#send({ type: 'host', events }),
    };
    this.screen = this.#picture.face(line);
    this.keyboard = keyboard(line);
    this.mouse = mouse(line);
    this.#speaker = Speaker.of(options.audio, (text) => void (options.onLog && call(options.onLog, text)));
    this.audio = this.#speaker?.face();
  }

  /**
   * Builds a machine and loads its guest. It does not run yet.
   *
   * Rejects with a `V64Error` where an option or a file is not possible.
   */
  static async create(options: V64Options = {}): Promise<V64> {
    checkOptions(options);
    return V64.launch(words(options), options, fromOptions(options), false);
  }

  /**
   * Builds the machine of a command line; of the options, only addresses and listeners count. Files come from where `supply`
   * says. `writes` says whether the caller carries out options that write files.
   *
   * @internal
   */
  static async launch(args: string[], options: V64Options, supply: Supply, writes: boolean): Promise<V64> {
    options.signal?.throwIfAborted();
    const module = await wasmModule(options.wasmUrl);
    const vm = new V64(CREATE, options);
    options.signal?.addEventListener('abort', () => vm.destroy(), { once: true });
    try {
      vm.#port = await host.open(options.workerUrl, {
        message: (message) => vm.#hear(message),
        failed: (error) => vm.#fail(new V64Error('TRAP', `the worker failed: ${error.message}`)),
      });
      const wanted = await vm.#prepare<readonly WantedFile[]>({ type: 'create', module, args, writes, ...(host.base ? { base: host.base() } : {}) });
      const files: Files = await readAll(wanted, supply, options);
      const disks = await disksFor(wanted, supply, options);
      const { transfer, ...shown } = vm.#picture.take();
      await vm.#speaker?.open();
      const sound = vm.#speaker ? { sound: vm.#speaker.rate } : {};
      await vm.#prepare<void>({ type: 'start', files, disks, ...shown, ...sound }, transfer);
    } catch (error) {
      vm.destroy();
      throw error;
    }
    return vm;
  }

  /** Whether the guest runs: not before `run()`, while paused, or after the end. */
  get isRunning(): boolean {
    return this.#running;
  }

  /** Runs until the machine ends. Rejects where it fails or is destroyed. */
  run(): Promise<V64End> {
    if (this.#started) {
      const why = this.#over ? 'the machine has ended; create another' : 'the machine is running already';
      return Promise.reject(new V64Error('STATE', why));
    }
    return new Promise((resolve, reject) => {
      this.#send({ type: 'run' });
      this.#end = { resolve, reject };
      this.#started = true;
      this.#go();
    });
  }

  /** Stops between two instructions, until {@link resume}. Resolves when it stands. */
  pause(): Promise<void> {
    this.#wanted = false;
    return this.#order({ what: 'pause' }, () => {
      if (!this.#wanted) this.#stop();
    });
  }

  /** Goes on after {@link pause}. */
  async resume(): Promise<void> {
    if (!this.#started) return;
    this.#send({ type: 'run' });
    if (!this.#over) this.#go();
  }

  /** Presses the reset button: the guest starts over, memory stays. */
  reset(): Promise<void> {
    return this.#order({ what: 'reset' }, () => this.#events.emit({ type: 'reset' }));
  }

  /** Pulls the plug: {@link run} resolves with exit code 0. */
  powerOff(): Promise<void> {
    return this.#order({ what: 'powerOff' });
  }

  /**
   * Waits until COM1 prints a text, and returns the output up to its end. Each call looks behind what the last one found.
   *
   * Rejects with `TIMEOUT` after `timeout` milliseconds, or as soon as nothing more can come.
   */
  async waitFor(text: string | RegExp, options: V64WaitOptions = {}): Promise<string> {
    return this.#output.waitFor(text, options);
  }

  /**
   * Returns the screen as a PNG file, or as pixels for the format `'rgba'`.
   *
   * Rejects with `STATE` where the machine has no display adapter.
   */
  screenshot(options?: { format?: 'png' }): Promise<Blob>;
  screenshot(options: { format: 'rgba' }): Promise<V64Picture>;
  async screenshot(options: { format?: 'png' | 'rgba' } = {}): Promise<Blob | V64Picture> {
    switch (options.format) {
      case undefined:
      case 'png':
        return new Blob([(await this.#ask({ what: 'screenshot' })) as Uint8Array<ArrayBuffer>], { type: 'image/png' });
      case 'rgba': {
        const { width, height, pixelAspect, pixels } = (await this.#ask({ what: 'picture' })) as V64Picture;
        return { width, height, pixelAspect, pixels };
      }
      default:
        throw new V64Error('BAD_OPTION', `\`format\` is ${describe(options.format)}; give 'png' or 'rgba'`);
    }
  }

  /**
   * Wires an element of the page: its keyboard by `KeyboardEvent.code`, its mouse while a click has locked it, a finger as
   * on a touchpad. All keys go up when it loses the focus. Returns a function that undoes it.
   */
  attach(element: DomElement, options: V64AttachOptions = {}): () => void {
    return attach(this, element, options);
  }

  /**
   * Saves the whole machine: processor, devices, memory and its guest. A `note` is kept in the state for {@link noteOf}, such
   * as the options by which to build the machine again.
   */
  async saveState(options: { note?: string } = {}): Promise<Uint8Array> {
    const { note = '' } = options;
    if (typeof note !== 'string') throw new V64Error('BAD_OPTION', `\`note\` is ${describe(note)}; give a string`);
    return (await this.#ask({ what: 'saveState', note })) as Uint8Array;
  }

  /**
   * Puts the machine into a state that {@link saveState} or the native command saved. It has to be built with the same
   * options; its guest comes with the state.
   *
   * Rejects with `BAD_STATE` where the state is damaged, or of another version or machine. Nothing is changed then.
   */
  async restoreState(state: Uint8Array | ArrayBuffer): Promise<void> {
    await this.#ask({ what: 'restoreState', bytes: state instanceof Uint8Array ? state : new Uint8Array(state) });
  }

  /**
   * Reads guest memory by its physical address. What no memory answers reads as ones.
   *
   * Rejects with `BAD_OPTION` where address or length is no whole number.
   */
  async readMemory(address: number, length: number): Promise<Uint8Array> {
    checkRange(address, length);
    return length === 0 ? new Uint8Array() : ((await this.qmp('pmemsave', { val: address, size: length })) as Uint8Array);
  }

  /**
   * Writes to guest memory by its physical address, as a device does: what falls on no memory or on ROM is lost. Code that was
   * compiled from what was there is compiled anew.
   */
  async writeMemory(address: number, data: Uint8Array | ArrayBuffer | readonly number[]): Promise<void> {
    const bytes = bytesToWrite(data);
    checkRange(address, bytes.length);
    await this.#ask({ what: 'writeMemory', address, bytes });
  }

  /** Where the machine is and what it did. */
  stats(): Promise<V64Stats> {
    return this.#ask({ what: 'stats' }) as Promise<V64Stats>;
  }

  /** A hash of registers, memory and devices, in hexadecimal. */
  stateHash(): Promise<string> {
    return this.#ask({ what: 'stateHash' }) as Promise<string>;
  }

  /** What `--stats` prints. */
  report(): Promise<string> {
    return this.#ask({ what: 'report' }) as Promise<string>;
  }

  /** Registers and the code at RIP, as a crash report shows them. */
  registers(): Promise<string> {
    return this.#ask({ what: 'registers' }) as Promise<string>;
  }

  /**
   * Carries a command of QMP out, such as `qmp('send-key', { keys: [{ type: 'qcode', data: 'ret' }] })`, and resolves with its
   * answer. Of commands that write a file (`screendump`, `pmemsave`, `memsave`) that is the file's content.
   *
   * Rejects with `MONITOR` where the command fails.
   */
  async qmp(command: string, args: object = {}): Promise<unknown> {
    const writes = WRITERS.includes(command);
    const { value, files } = await this.#qmp(command, writes ? { filename: 'file', ...args } : args);
    return writes ? files[0] : value;
  }

  /** Carries a command of the human monitor out, such as `monitor('info registers')`. Resolves with what it prints. */
  async monitor(line: string): Promise<string> {
    const { value } = await this.#qmp('human-monitor-command', { 'command-line': line });
    return String(value).replaceAll('\r\n', '\n');
  }

  #qmp(execute: string, args: object): Promise<QmpAnswer> {
    return this.#ask({ what: 'qmp', execute, arguments: args }) as Promise<QmpAnswer>;
  }

  /** The drives, and what is in them. */
  async drives(): Promise<V64DriveInfo[]> {
    const { value } = await this.#qmp('query-block', {});
    return driveInfo(value);
  }

  /**
   * Takes the medium out of a drive: 'cdrom', 'fda', 'fdb', or a name that {@link drives} gives.
   *
   * Rejects with `MONITOR` where there is no such drive, or the guest has locked it and `force` is not set.
   */
  async eject(drive: string, options: { force?: boolean } = {}): Promise<void> {
    await this.#qmp('eject', { id: driveId(drive), force: options.force ?? false });
  }

  /**
   * Puts an image into a drive, in place of what is there.
   *
   * Rejects as {@link eject}, and with `SOURCE` where the image cannot be read.
   */
  async insert(drive: string, image: V64Image, options: { force?: boolean } = {}): Promise<void> {
    checkImage(image, 'image');
    const { readOnly = false, snapshot = true, persist, format = null } = mediumOptions(image);
    const medium = { readOnly, snapshot: snapshot && persist === undefined, format };
    const spec = await disk('', image, medium, drive, this.#options);
    const named = { ...spec, name: `medium:${spec.label}` };
    await this.#ask({ what: 'insert', drive: driveId(drive), force: options.force ?? false, disk: named });
  }

  /**
   * Begins a connection to the monitor, of a kind that the module's plan names. `hear` receives what it is sent.
   *
   * @internal
   */
  async connect(kind: number, hear: (text: string) => void): Promise<{ send(bytes: Uint8Array): void; close(): void }> {
    const { id, text } = (await this.#ask({ what: 'monitor', kind })) as { id: number; text: string };
    this.#connections.set(id, hear);
    hear(text);
    return {
      send: (bytes) => this.#port?.send({ type: 'monitor', id, bytes: whole(bytes) }),
      close: () => {
        this.#connections.delete(id);
        this.#port?.send({ type: 'monitor', id });
      },
    };
  }

  /** Calls a listener at every event of this name. */
  on<K extends keyof V64Events>(event: K, listener: (event: V64Events[K]) => void): this {
    this.#events.add(event, listener, false);
    return this;
  }

  /** Calls a listener at the next event of this name. */
  once<K extends keyof V64Events>(event: K, listener: (event: V64Events[K]) => void): this {
    this.#events.add(event, listener, true);
    return this;
  }

  /** Calls a listener no more. */
  off<K extends keyof V64Events>(event: K, listener: (event: V64Events[K]) => void): this {
    this.#events.remove(event, listener);
    return this;
  }

  /** As {@link on}. */
  addEventListener<K extends keyof V64Events>(
    event: K,
    listener: (event: V64Events[K]) => void,
    options?: { once?: boolean },
  ): void {
    this.#events.add(event, listener, options?.once === true);
  }

  /** As {@link off}. */
  removeEventListener<K extends keyof V64Events>(event: K, listener: (event: V64Events[K]) => void): void {
    this.#events.remove(event, listener);
  }

  /** Ends the worker and gives its memory back. */
  destroy(): void {
    this.#port?.stop();
    this.#port = undefined;
    this.#speaker?.close();
    this.#over = true;
    this.#stop();
    this.#reject(new V64Error('STATE', 'the machine was destroyed'));
  }

  /** As {@link destroy}, at the end of a block with `await using vm = await V64.create()`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy();
  }

  /** Takes a step towards a machine that can run. */
  #prepare<T>(message: ToWorker, transfer?: readonly Transferable[]): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#ready = { resolve: resolve as (value: unknown) => void, reject };
      this.#send(message, transfer);
    });
  }

  #ask(question: Question): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#send({ type: 'ask', id, question });
      this.#answers.set(id, { resolve, reject });
    });
  }

  /** An order that does not have to be awaited: an unawaited one that comes too late is no unhandled rejection. */
  #order(question: Question, after: () => void = () => {}): Promise<void> {
    const done = this.#ask(question).then(after);
    done.catch(() => {});
    return done;
  }

  #send(message: ToWorker, transfer?: readonly Transferable[]): void {
    if (!this.#port) throw new V64Error('STATE', 'the machine was destroyed');
    this.#port.send(message, transfer);
  }

  #go(): void {
    this.#wanted = true;
    if (this.#running) return;
    this.#running = true;
    this.#events.emit({ type: 'start' });
  }

  #stop(): void {
    this.#wanted = false;
    if (!this.#running) return;
    this.#running = false;
    this.#events.emit({ type: 'stop' });
  }

  #hear(message: FromWorker): void {
    switch (message.type) {
      case 'loaded':
        break;
      case 'wants':
        this.#ready?.resolve(message.files);
        break;
      case 'ready':
        this.#ready?.resolve(undefined);
        this.#ready = undefined;
        break;
      case 'output':
        this.#output.hear(message.bytes);
        break;
      case 'mode':
        this.#picture.changeMode(message.mode);
        break;
      case 'picture':
        this.#picture.change(message.change);
        this.#port?.send({ type: 'drawn' });
        break;
      case 'sound':
        this.#speaker?.hear(message.start, message.samples);
        break;
      case 'log':
        if (this.#options.onLog) call(this.#options.onLog, message.line);
        break;
      case 'monitor':
        this.#connections.get(message.id)?.(message.text);
        break;
      case 'progress': {
        const { name, loaded, total } = message;
        if (this.#options.onProgress) call(this.#options.onProgress, { name, loaded, total });
        this.#events.emit({ type: 'progress', name, loaded, total });
        break;
      }
      case 'diskError':
        this.#events.emit({ type: 'diskError', name: message.name, message: message.message });
        break;
      case 'qmp':
        this.#events.emit({ type: 'qmp', event: message.event as V64QmpEvent });
        break;
      case 'ended': {
        this.#over = true;
        const { exitCode, reason, report } = message;
        const end = { exitCode, reason, report };
        this.#end?.resolve(end);
        this.#end = undefined;
        this.#stop();
        this.#output.close(new V64Error('STATE', `the machine has ended${reason ? ` (${reason.trim()})` : ''}`));
        this.#events.emit({ type: 'exit', ...end });
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
    this.#stop();
    this.#reject(error);
    this.#events.emit({ type: 'error', error });
  }

  /** Nothing that is waited for will come. */
  #reject(error: V64Error): void {
    this.#ready?.reject(error);
    this.#end?.reject(error);
    for (const waiting of this.#answers.values()) waiting.reject(error);
    this.#ready = undefined;
    this.#end = undefined;
    this.#answers.clear();
    this.#output.close(error);
  }
}
