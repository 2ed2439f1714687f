// `v64/v86`: v86's constructor, methods and events over v64's machine. docs/v86.md says what there is and what is not.
import { V64, V64Error, type V64Options } from 'v64';
import type { DomElement, DomImage } from '../dom.ts';
import { Bus, type V86Events } from './events.ts';
import { checkNames, imageOf, translate, type V86Image, type V86Options } from './options.ts';
import { consoleOf, Container, Inputs, showConsole } from './page.ts';

export type { V86Events } from './events.ts';
export type { V86Console, V86Image, V86Options } from './options.ts';

/** What v86's counter of instructions is counted in. */
const WORD = 2 ** 32;

/** Codes of the keys that `keyboard_send_keys` takes: `KeyboardEvent.keyCode`, of which these are not a letter or a digit. */
const KEY_CODES: Readonly<Record<number, string>> = {
  8: 'Backspace', 9: 'Tab', 13: 'Enter', 16: 'ShiftLeft', 17: 'ControlLeft', 18: 'AltLeft', 19: 'Pause', 20: 'CapsLock', 27: 'Escape', 32: 'Space',
  33: 'PageUp', 34: 'PageDown', 35: 'End', 36: 'Home', 37: 'ArrowLeft', 38: 'ArrowUp', 39: 'ArrowRight', 40: 'ArrowDown', 45: 'Insert',
  46: 'Delete', 91: 'MetaLeft', 186: 'Semicolon', 187: 'Equal', 188: 'Comma', 189: 'Minus', 190: 'Period', 191: 'Slash', 192: 'Backquote',
  219: 'BracketLeft', 220: 'Backslash', 221: 'BracketRight', 222: 'Quote',
};

function keyOf(number: number): string {
  if (number >= 65 && number <= 90) return `Key${String.fromCharCode(number)}`;
  if (number >= 48 && number <= 57) return `Digit${number - 48}`;
  if (number >= 112 && number <= 123) return `F${number - 111}`;
  const code = KEY_CODES[number];
  if (code) return code;
  throw new V64Error('BAD_OPTION', `no key has the code ${number}; give KeyboardEvent.keyCode`);
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A PC with v86's interface. */
export class V86 {
  /** The machine behind it; rejects where it cannot be built. */
  readonly ready: Promise<V64>;
  readonly #bus = new Bus((message) => this.#warn(message));
  readonly #options: V86Options;
  readonly #container: Container | undefined;
  #inputs: Inputs | undefined;
  #console: (() => void) | undefined;
  #vm: V64 | undefined;
  #started = false;
  #destroyed = false;
  #instructions = 0;
  /** Files that are downloaded, in the order in which they were seen */
  readonly #files: string[] = [];

  /**
   * Builds a machine. Where it is built, `emulator-ready` is sent; with `autostart` it runs.
   *
   * Throws a `V64Error` for options that v86 does not have, or that v64 cannot have.
   */
  constructor(options: V86Options) {
    if (typeof options !== 'object' || options === null) throw new V64Error('BAD_OPTION', 'give options such as { cdrom: { url } }');
    for (const warning of checkNames(options)) this.#warn(warning);
    const translated = translate(options);
    this.#options = options;
    const element = options.screen_container ?? options.screen?.container;
    if (element) this.#container = new Container(element, options.screen?.scaling ?? 1);
    this.ready = this.#create(translated);
    this.ready.catch((error: Error) => this.#failed(error));
  }

  async #create(translated: V64Options): Promise<V64> {
    // Listeners are added after the constructor has returned.
    await Promise.resolve();
    const vm = await V64.create({
      ...(this.#container ? { screen: this.#container.canvas } : {}),
      ...translated,
      onProgress: (progress) => {
        this.#progress(progress);
        translated.onProgress?.(progress);
      },
    });
    if (this.#destroyed) {
      vm.destroy();
      throw new V64Error('STATE', 'the machine was destroyed');
    }
    this.#vm = vm;
    vm.serial.on('data', (bytes) => bytes.forEach((byte) => this.#bus.send('serial0-output-byte', byte)));
    vm.on('start', () => this.#bus.send('emulator-started', undefined));
    vm.on('stop', () => this.#bus.send('emulator-stopped', undefined));
    vm.screen.on('mode', (mode) => {
      this.#container?.show(mode);
      this.#bus.send('screen-set-size', [mode.width, mode.height, 32]);
    });
    this.#inputs = new Inputs(vm, this.#container?.canvas, this.#options);
    const shown = consoleOf(this.#options);
    if (shown) this.#console = showConsole(vm, shown);
    this.#bus.send('emulator-ready', undefined);
    this.#bus.send('emulator-loaded', undefined);
    if (this.#options.autostart && !this.#started) this.#start(vm);
    return vm;
  }

  #warn(message: string): void {
    console.warn(`v64/v86: ${message}`);
  }

  #progress({ name, loaded, total }: { name: string; loaded: number; total: number }): void {
    if (!this.#files.includes(name)) this.#files.push(name);
    const [file_index, file_count] = [this.#files.indexOf(name), this.#files.length];
    this.#bus.send('download-progress', { file_index, file_count, file_name: name, lengthComputable: total > 0, total, loaded });
  }

  #failed(error: Error): void {
    if (this.#destroyed) return;
    const isDownload = error instanceof V64Error && error.code === 'SOURCE';
    const status = Number(/the server says (\d+)/.exec(error.message)?.[1] ?? 0);
    const file_count = this.#files.length;
    const heard = [
      isDownload && this.#bus.send('download-error', { file_index: file_count, file_count, file_name: error.message, request: { status }, error }),
      this.#bus.send('emulator-error', error),
    ];
    if (!heard.includes(true)) console.error(`v64/v86: ${error.message}`);
  }

  #start(vm: V64): void {
    this.#started = true;
    vm.run().catch((error: Error) => this.#failed(error));
  }

  /** Runs the machine, or has it go on. */
  async run(): Promise<void> {
    const vm = await this.ready;
    if (this.#started) await vm.resume();
    else this.#start(vm);
  }

  /** Pauses the machine. */
  async stop(): Promise<void> {
    const vm = await this.ready;
    if (vm.isRunning) await vm.pause();
  }

  /** Presses the reset button. */
  restart(): void {
    void this.ready.then((vm) => vm.reset()).catch(() => {});
  }

  /** Ends the machine, and gives its memory back. */
  async destroy(): Promise<void> {
    this.#destroyed = true;
    this.#inputs?.close();
    this.#console?.();
    this.#vm?.destroy();
  }

  /** Whether the guest runs. */
  is_running(): boolean {
    return this.#vm?.isRunning ?? false;
  }

  /**
   * How many instructions were executed, modulo 2^32. The machine is in a worker: the number is that of the call before, so
   * call it again and again, as one does for a speed.
   */
  get_instruction_counter(): number {
    void this.#vm?.stats().then(({ instructions }) => (this.#instructions = instructions), () => {});
    return this.#instructions % WORD;
  }

  /** Calls a listener at an event. */
  add_listener<K extends keyof V86Events>(event: K, listener: (value: V86Events[K]) => void): void;
  add_listener(event: string, listener: (value: never) => void): void;
  add_listener(event: string, listener: (value: never) => void): void {
    this.#bus.add(event, listener);
  }

  /** Calls a listener no more. */
  remove_listener(event: string, listener: (value: never) => void): void {
    this.#bus.remove(event, listener);
  }

  /** Saves the whole machine, in v64's format. */
  async save_state(): Promise<ArrayBuffer> {
    const state = await (await this.ready).saveState();
    return state.buffer as ArrayBuffer;
  }

  /** Goes on from a state that v64 saved, of a machine with the same options. */
  async restore_state(state: ArrayBuffer | Uint8Array): Promise<void> {
    await (await this.ready).restoreState(state);
  }

  /** Types bytes at COM1: the low eight bits of each character. */
  serial0_send(data: string): void {
    this.serial_send_bytes(0, Uint8Array.from(data, (one) => one.charCodeAt(0) & 0xff));
  }

  /** Types bytes at a serial line, of which there is COM1. */
  serial_send_bytes(serial: number, data: ArrayLike<number>): void {
    if (serial !== 0) throw new V64Error('BAD_OPTION', `there is no serial line ${serial}; only COM1, 0, is connected`);
    void this.ready.then((vm) => vm.serial.write(Uint8Array.from(data))).catch(() => {});
  }

  /** Sends scan codes of set 1; `delay` is in milliseconds behind each key. */
  async keyboard_send_scancodes(codes: readonly number[], delay = 0): Promise<void> {
    const vm = await this.ready;
    if (!delay) return vm.keyboard.sendScanCodes(codes);
    for (let at = 0; at < codes.length; ) {
      // A prefix belongs to what follows it.
      const length = codes[at] === 0xe0 ? 2 : codes[at] === 0xe1 ? 6 : 1;
      vm.keyboard.sendScanCodes(codes.slice(at, at + length));
      at += length;
      await sleep(delay);
    }
  }

  /** Presses and releases keys by their `KeyboardEvent.keyCode`, one after the other. */
  async keyboard_send_keys(codes: readonly number[], delay = 0): Promise<void> {
    const vm = await this.ready;
    for (const code of codes.map(keyOf)) {
      vm.keyboard.press(code);
      vm.keyboard.release(code);
      if (delay) await sleep(delay);
    }
  }

  /** Types a text on a US keyboard. Resolves when its last key is up. */
  async keyboard_send_text(text: string, delay?: number): Promise<void> {
    await (await this.ready).keyboard.type(text, delay === undefined ? {} : { delay });
  }

  /** Has the page's keyboard type, or not. */
  keyboard_set_enabled(enabled: boolean): void {
    void this.ready.then((vm) => {
      if (this.#inputs) this.#inputs.keyboard = enabled;
      if (!enabled) vm.keyboard.releaseAll();
    }).catch(() => {});
  }

  /** As {@link keyboard_set_enabled}. */
  keyboard_set_status(enabled: boolean): void {
    this.keyboard_set_enabled(enabled);
  }

  /** Has the page's mouse move the guest's pointer, or not. */
  mouse_set_enabled(enabled: boolean): void {
    void this.ready.then(() => this.#inputs?.setMouse(enabled)).catch(() => {});
  }

  /** As {@link mouse_set_enabled}. */
  mouse_set_status(enabled: boolean): void {
    this.mouse_set_enabled(enabled);
  }

  /** Locks the mouse to the screen. */
  lock_mouse(): void {
    void Promise.resolve(this.#container?.canvas.requestPointerLock()).catch(() => {});
  }

  /** Returns an image of the screen, which loads a moment later; null without a screen container. */
  screen_make_screenshot(): DomImage | null {
    if (!this.#container) return null;
    const image = new Image();
    void this.ready.then(async (vm) => void (image.src = URL.createObjectURL(await vm.screenshot()))).catch(() => {});
    return image;
  }

  /** How large a pixel of the guest's is, in pixels of the page. */
  screen_set_scale(sx: number, sy: number): void {
    this.#container?.setScale(sx, sy);
  }

  /** Shows the screen alone. */
  screen_go_fullscreen(): void {
    this.#container?.fullScreen();
    this.lock_mouse();
  }

  /**
   * Waits until a line of a text mode begins with a text, or matches a regular expression; of an array, until the last lines do.
   * Resolves with whether that was so within `timeout_msec`.
   */
  async wait_until_vga_screen_contains(
    expected: string | RegExp | readonly (string | RegExp)[],
    options: { timeout_msec?: number } = {},
  ): Promise<boolean> {
    const vm = await this.ready;
    const until = options.timeout_msec ? performance.now() + options.timeout_msec : Infinity;
    const fits = (line: string, wanted: string | RegExp): boolean => (typeof wanted === 'string' ? line.startsWith(wanted) : wanted.test(line));
    for (;;) {
      const lines = ((await vm.screen.text()) ?? '').trimEnd().split('\n');
      if (typeof expected === 'string' || expected instanceof RegExp) {
        if (lines.some((line) => fits(line, expected))) return true;
      } else {
        const last = lines.slice(-expected.length);
        if (last.length === expected.length && expected.every((wanted, n) => fits(last[n] ?? '', wanted))) return true;
      }
      if (performance.now() >= until) return false;
      await sleep(100);
    }
  }

  /** Resolves with guest memory by its physical address. v86 returns it at once; here the machine is in a worker. */
  async read_memory(offset: number, length: number): Promise<Uint8Array> {
    return (await this.ready).readMemory(offset, length);
  }

  /** Rejects: memory can be read only. */
  async write_memory(_blob: readonly number[] | Uint8Array, _offset: number): Promise<void> {
    throw new V64Error('BAD_OPTION', 'write_memory() cannot be: guest memory can be read only');
  }

  /** Puts a CD in. */
  async set_cdrom(image: V86Image): Promise<void> {
    await this.#insert('cdrom', image);
  }

  /** Takes the CD out, also where the guest has locked it. */
  async eject_cdrom(): Promise<void> {
    await (await this.ready).eject('cdrom', { force: true });
  }

  /** Puts a floppy in. */
  async set_fda(image: V86Image): Promise<void> {
    await this.#insert('fda', image);
  }

  /** Takes the floppy out. */
  async eject_fda(): Promise<void> {
    await (await this.ready).eject('fda', { force: true });
  }

  /** Puts a floppy into the second drive, which the machine has with the option `fdb`. */
  async set_fdb(image: V86Image): Promise<void> {
    await this.#insert('fdb', image);
  }

  /** Takes the floppy out of the second drive. */
  async eject_fdb(): Promise<void> {
    await (await this.ready).eject('fdb', { force: true });
  }

  async #insert(drive: string, image: V86Image): Promise<void> {
    const medium = imageOf(image, drive);
    await (await this.ready).insert(drive, medium, { force: true });
  }

  /** Shows COM1 in a terminal of xterm.js. */
  set_serial_container_xtermjs(element: DomElement, xterm_lib?: unknown): void {
    void this.ready.then((vm) => {
      this.#console?.();
      const lib = xterm_lib === undefined ? {} : { xterm_lib: xterm_lib as NonNullable<Parameters<typeof showConsole>[1]['xterm_lib']> };
      this.#console = showConsole(vm, { type: 'xtermjs', container: element, ...lib });
    }).catch((error: Error) => this.#failed(error));
  }

  /** Rejects: v86's 9p file system is not there. */
  async create_file(_file: string, _data: Uint8Array): Promise<void> {
    throw new V64Error('BAD_OPTION', 'create_file() cannot be: there is no 9p file system; put the file on an image of a disk');
  }

  /** Rejects: v86's 9p file system is not there. */
  async read_file(_file: string): Promise<Uint8Array> {
    throw new V64Error('BAD_OPTION', 'read_file() cannot be: there is no 9p file system; have the guest print it on COM1');
  }
}

/** The name that v86 had before. */
export { V86 as V86Starter };
export default V86;
