// The border between JavaScript and the module: numbers, an exchange buffer in, a reply out.
import { AT_ONCE, type CodeExports, GuestCode, Installed } from './code.ts';
import { V64Error, type V64Code } from './error.ts';
import { bytesOfRect, type Change, type V64Rect } from './painter.ts';
import type { HostInput, WantedFile } from './protocol.ts';

/** What `v64_run` and others answer. */
export const Status = { done: 0, idle: 1, ended: 2, failed: 3 } as const;

/** What a command line asks for. */
export type Plan =
  | { kind: 'text'; stdout: string; stderr: string; exitCode: number }
  | {
      kind: 'run';
      files: readonly WantedFile[];
      saveState: string | null;
      serial: string;
      /** Paths of files for what other lines send */
      lines: readonly string[];
      stats: boolean;
      stateHash: boolean;
      maxInstructions: number | null;
      clock: 'real' | 'icount';
      monitors: readonly MonitorPlan[];
    }
  | { kind: 'microtest'; file: string };

/** A place where commands come from. */
export interface MonitorPlan {
  /** QMP (0), QMP with answers over several lines (1), the human monitor (2) */
  readonly kind: number;
  /** The terminal, which COM1 has too where it is `shared` */
  readonly stdio: boolean;
  readonly shared: boolean;
  /** Sockets */
  readonly unix: string | null;
  readonly tcp: readonly [host: string, port: number] | null;
  /** Connections are waited for, rather than made */
  readonly server: boolean;
}

/** What came of a call to the monitor. */
export interface MonitorNews {
  /** What connections are sent, by their numbers */
  readonly sends: readonly (readonly [id: number, text: string])[];
  readonly events: readonly unknown[];
  /** The file that a command wants first: it is given, and the call made again */
  readonly wants: WantedFile | null;
  /** What a single command gave */
  readonly answer: { readonly return?: unknown; readonly error?: { readonly desc: string } } | null;
  /** The exit code, once the machine is to end */
  readonly exit: number | null;
}

/** What a module asks of its host in the middle of a call. What answers with a number answers as `disks.ts` says. */
export interface Services {
  diskRead(number: number, offset: number, into: Uint8Array): number;
  diskWrite(number: number, offset: number, bytes: Uint8Array): number;
  diskFlush(number: number): number;
  /** Writes a file: empties it (0), adds to it (1), replaces it (2). Returns 0 when that is done */
  file(op: number, path: string, bytes: Uint8Array): number;
  /** The message for what failed last */
  failure(): string;
}

/** The services of a host that has none. */
const NONE: Services = { diskRead: () => 2, diskWrite: () => 2, diskFlush: () => 2, file: () => 2, failure: () => 'there are no files here' };

/** How a machine ended. */
export interface End {
  exitCode: number;
  /** What the command would say on standard error */
  message: string;
  report: string;
}

interface Exports extends CodeExports {
  __wasm_call_ctors?(): void;
  v64_buffer(len: bigint): bigint;
  v64_command(): number;
  v64_file(nameLen: bigint): void;
  v64_probe(size: bigint, nameLen: bigint): number;
  v64_disk(number: number, bytes: bigint, readOnly: number, snapshot: number): void;
  v64_disk_failed(nameLen: bigint): void;
  v64_disk_requests(): number;
  v64_disk_answer(number: number, id: bigint, code: number): void;
  v64_qmp(): number;
  v64_monitor_open(kind: number): number;
  v64_monitor_input(id: number): number;
  v64_monitor_close(id: number): void;
  v64_monitor_poll(): number;
  v64_start(): number;
  v64_run(ms: number): number;
  v64_idle_ns(): bigint;
  v64_output_ptr(): bigint;
  v64_output_len(): bigint;
  v64_output_clear(): void;
  v64_input(): void;
  v64_render(): number;
  v64_damage_all(): void;
  v64_pixels_ptr(): bigint;
  v64_pixels_len(): bigint;
  v64_screenshot(): number;
  v64_screen_text(): number;
  v64_host_input(): number;
  v64_type_keys(): number;
  v64_is_typing(): number;
  v64_sound_open(rate: number): void;
  v64_sound_take(): number;
  v64_memory_write(at: bigint): number;
  v64_reset(): number;
  v64_save_state(): number;
  v64_restore_state(): number;
  v64_stats(): number;
  v64_report(seconds: number): number;
  v64_registers(): number;
  v64_state_hash(): bigint;
  v64_microtest(): number;
  v64_microtest_end(): number;
  v64_devices(): void;
  v64_reply_ptr(): bigint;
  v64_reply_len(): bigint;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One module instance: one machine. */
export class Instance {
  readonly #x: Exports;

  private constructor(x: Exports) {
    this.#x = x;
  }

  /** `atOnce` is how many bytes of compiled guest code are compiled in the middle of a slice. */
  static async create(module: WebAssembly.Module, log: (line: string) => void, atOnce = AT_ONCE, services = NONE): Promise<Instance> {
    const late: { x?: Exports; code?: GuestCode } = {};
    const view = (x: Exports, at: bigint, len: bigint) => new Uint8Array(x.memory.buffer, Number(at), Number(len));
    const read = (x: Exports, at: bigint, len: bigint) => view(x, at, len).slice();
    const host = {
      now_ms: () => performance.now(),
      epoch_seconds: () => BigInt(Math.floor(Date.now() / 1000)),
      random: () => crypto.getRandomValues(new BigUint64Array(1))[0]!,
      log: (at: bigint, len: bigint) => {
        if (late.x) log(decoder.decode(read(late.x, at, len)));
      },
      install: (at: bigint, len: bigint, first: number, count: number, mayWait: number) => {
        if (!late.x) return Installed.refused;
        late.code ??= new GuestCode(late.x, atOnce);
        return late.code.install(read(late.x, at, len), first, count, mayWait !== 0);
      },
      retire: (first: number, count: number) => late.code?.retire(first, count),
      epoch_ms: () => Date.now(),
      disk_read: (number: number, offset: bigint, to: bigint, len: bigint) =>
        late.x ? services.diskRead(number, Number(offset), view(late.x, to, len)) : NONE.diskRead(number, 0, new Uint8Array()),
      disk_write: (number: number, offset: bigint, from: bigint, len: bigint) =>
        late.x ? services.diskWrite(number, Number(offset), view(late.x, from, len)) : NONE.diskWrite(number, 0, new Uint8Array()),
      disk_flush: (number: number) => services.diskFlush(number),
      file: (op: number, path: bigint, pathLen: bigint, data: bigint, len: bigint) =>
        late.x ? services.file(op, decoder.decode(read(late.x, path, pathLen)), read(late.x, data, len)) : NONE.file(op, '', new Uint8Array()),
      failure: (to: bigint, len: bigint) =>
        late.x ? BigInt(encoder.encodeInto(services.failure(), view(late.x, to, len)).written) : 0n,
    };
    const instance = await WebAssembly.instantiate(module, { host });
    const x = instance.exports as unknown as Exports;
    late.x = x;
    // The devices register themselves before anything else.
    x.__wasm_call_ctors?.();
    return new Instance(x);
  }

  #view(at: bigint, len: bigint): Uint8Array {
    return new Uint8Array(this.#x.memory.buffer, Number(at), Number(len));
  }

  /** Fills the exchange buffer. */
  #give(...parts: readonly Uint8Array[]): void {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const at = this.#x.v64_buffer(BigInt(length));
    if (at === 0n) throw new V64Error('NO_MEMORY', `there is no memory for ${length} bytes; give smaller files`);
    const buffer = this.#view(at, BigInt(length));
    let done = 0;
    for (const part of parts) {
      buffer.set(part, done);
      done += part.length;
    }
  }

  #replyBytes(): Uint8Array<ArrayBuffer> {
    return this.#view(this.#x.v64_reply_ptr(), this.#x.v64_reply_len()).slice() as Uint8Array<ArrayBuffer>;
  }

  #reply(): string {
    return decoder.decode(this.#replyBytes());
  }

  /** Throws what the reply says. */
  #check(status: number): number {
    if (status !== Status.failed) return status;
    const { code, message } = JSON.parse(this.#reply()) as { code: V64Code; message: string };
    throw new V64Error(code, message);
  }

  command(words: readonly string[]): Plan {
    this.#give(encoder.encode(words.map((word) => `${word}\0`).join('')));
    this.#check(this.#x.v64_command());
    return JSON.parse(this.#reply()) as Plan;
  }

  /** Hands over a file, by its name in the plan. */
  file(name: string, bytes: Uint8Array): void {
    const encoded = encoder.encode(name);
    this.#give(bytes, encoded);
    this.#x.v64_file(BigInt(encoded.length));
  }

  /** Returns the format of an image that begins with these bytes. */
  probe(label: string, first: Uint8Array, size: number): string {
    const name = encoder.encode(label);
    this.#give(first, name);
    this.#check(this.#x.v64_probe(BigInt(size), BigInt(name.length)));
    return (JSON.parse(this.#reply()) as { format: string }).format;
  }

  /** Tells of an image that was opened. */
  disk(name: string, number: number, bytes: number, readOnly: boolean, snapshot: boolean): void {
    this.#give(encoder.encode(name));
    this.#x.v64_disk(number, BigInt(bytes), Number(readOnly), Number(snapshot));
  }

  /** Tells why an image cannot be opened that a command wants. */
  diskFailed(name: string, why: string): void {
    const encoded = encoder.encode(name);
    this.#give(encoder.encode(why), encoded);
    this.#x.v64_disk_failed(BigInt(encoded.length));
  }

  /** The requests of drives since the last call; `undefined` for none. */
  diskRequests(): Uint8Array | undefined {
    if (this.#x.v64_disk_requests() === Status.idle) return undefined;
    return this.#view(this.#x.v64_reply_ptr(), this.#x.v64_reply_len()).slice();
  }

  diskAnswer(number: number, id: bigint, code: number, bytes: Uint8Array): void {
    this.#give(bytes);
    this.#x.v64_disk_answer(number, id, code);
  }

  #news(status: number): MonitorNews {
    this.#check(status);
    return JSON.parse(this.#reply()) as MonitorNews;
  }

  /** Carries a command of QMP out. */
  qmp(execute: string, args: object): MonitorNews {
    this.#give(encoder.encode(JSON.stringify({ execute, arguments: args })));
    return this.#news(this.#x.v64_qmp());
  }

  /** Begins a connection to the monitor. Returns its number, and what is sent first. */
  monitorOpen(kind: number): { id: number; text: string } {
    const id = this.#x.v64_monitor_open(kind);
    return { id, text: this.#reply() };
  }

  monitorInput(id: number, bytes: Uint8Array): MonitorNews {
    this.#give(bytes);
    return this.#news(this.#x.v64_monitor_input(id));
  }

  monitorClose(id: number): void {
    this.#x.v64_monitor_close(id);
  }

  /** What the machine has to say to connections; `undefined` for nothing. */
  monitorPoll(): MonitorNews | undefined {
    const status = this.#x.v64_monitor_poll();
    return status === Status.idle ? undefined : this.#news(status);
  }

  start(): void {
    this.#check(this.#x.v64_start());
  }

  /** Runs for so many milliseconds, unless something ends it before. */
  run(ms: number): number {
    return this.#check(this.#x.v64_run(ms));
  }

  end(): End {
    return JSON.parse(this.#reply()) as End;
  }

  idleMs(): number {
    return Number(this.#x.v64_idle_ns()) / 1e6;
  }

  /** What COM1 sent since the last call; `undefined` for nothing. */
  output(): Uint8Array<ArrayBuffer> | undefined {
    const len = this.#x.v64_output_len();
    if (len === 0n) return undefined;
    const bytes = this.#view(this.#x.v64_output_ptr(), len).slice() as Uint8Array<ArrayBuffer>;
    this.#x.v64_output_clear();
    return bytes;
  }

  input(bytes: Uint8Array): void {
    this.#give(bytes);
    this.#x.v64_input();
  }

  /** Draws the screen. Returns what changed since the last time; `undefined` where there is no display adapter. */
  render(): Change | undefined {
    this.#check(this.#x.v64_render());
    const words = new Uint32Array(this.#replyBytes().buffer);
    const [width, height, aspect, ...edges] = words;
    if (width === undefined || height === undefined || aspect === undefined) return undefined;
    const rects: V64Rect[] = [];
    for (let at = 0; at + 3 < edges.length; at += 4) {
      const [x = 0, y = 0, width = 0, height = 0] = edges.slice(at, at + 4);
      rects.push({ x, y, width, height });
    }
    return { width, height, pixelAspect: aspect / 1024, rects, pixels: this.#pixels(width, rects) };
  }

  /** Copies rectangles out of the picture, one behind the other. */
  #pixels(width: number, rects: readonly V64Rect[]): Uint8ClampedArray<ArrayBuffer> {
    const picture = this.#view(this.#x.v64_pixels_ptr(), this.#x.v64_pixels_len());
    const pixels = new Uint8ClampedArray(rects.reduce((sum, rect) => sum + bytesOfRect(rect), 0));
    let to = 0;
    for (const rect of rects) {
      // Rectangles of whole rows, as most are, lie in one piece.
      const pieces = rect.width === width ? 1 : rect.height;
      const length = bytesOfRect(rect) / Math.max(pieces, 1);
      for (let n = 0; n < pieces; n++, to += length) {
        const from = ((rect.y + n) * width + rect.x) * 4;
        pixels.set(picture.subarray(from, from + length), to);
      }
    }
    return pixels;
  }

  /** The whole picture; `undefined` where there is no display adapter. */
  picture(): Change | undefined {
    this.#x.v64_damage_all();
    const picture = this.render();
    // Nobody who waits for changes has seen these.
    this.#x.v64_damage_all();
    return picture;
  }

  /** The picture as a PNG file. */
  screenshot(): Uint8Array<ArrayBuffer> {
    this.#check(this.#x.v64_screenshot());
    return this.#replyBytes();
  }

  /** What a text mode shows; `null` in other modes. */
  screenText(): unknown {
    this.#check(this.#x.v64_screen_text());
    return JSON.parse(this.#reply());
  }

  hostInput(events: readonly HostInput[]): void {
    this.#give(encoder.encode(JSON.stringify(events)));
    this.#check(this.#x.v64_host_input());
  }

  /** Has keys pressed and released, as `crates/web/src/input.rs` reads them. */
  typeKeys(json: string): void {
    this.#give(encoder.encode(json));
    this.#check(this.#x.v64_type_keys());
  }

  isTyping(): boolean {
    return this.#x.v64_is_typing() !== 0;
  }

  /** Before {@link start}: has what the machine plays be heard, at a rate in hertz. */
  soundOpen(rate: number): void {
    this.#x.v64_sound_open(rate);
  }

  /** What is heard since the last call; `undefined` for nothing. */
  soundTake(): { start: number; samples: Int16Array<ArrayBuffer> } | undefined {
    if (this.#x.v64_sound_take() === Status.idle) return undefined;
    const { buffer } = this.#replyBytes();
    return { start: Number(new DataView(buffer).getBigUint64(0, true)), samples: new Int16Array(buffer.slice(8)) };
  }

  /** Writes to guest-physical memory. */
  memoryWrite(address: number, bytes: Uint8Array): void {
    this.#give(bytes);
    this.#check(this.#x.v64_memory_write(BigInt(address)));
  }

  reset(): void {
    this.#check(this.#x.v64_reset());
  }

  saveState(note: Uint8Array): Uint8Array<ArrayBuffer> {
    this.#give(note);
    this.#check(this.#x.v64_save_state());
    return this.#replyBytes();
  }

  restoreState(bytes: Uint8Array): void {
    this.#give(bytes);
    this.#check(this.#x.v64_restore_state());
  }

  stats(): unknown {
    this.#check(this.#x.v64_stats());
    return JSON.parse(this.#reply());
  }

  report(seconds: number): string {
    this.#check(this.#x.v64_report(seconds));
    return this.#reply();
  }

  registers(): string {
    this.#check(this.#x.v64_registers());
    return this.#reply();
  }

  stateHash(): string {
    return BigInt.asUintN(64, this.#x.v64_state_hash()).toString(16).padStart(16, '0');
  }

  microtest(lines: string): string {
    this.#give(encoder.encode(lines));
    this.#check(this.#x.v64_microtest());
    return this.#reply();
  }

  microtestEnd(): { text: string; exitCode: number } {
    this.#check(this.#x.v64_microtest_end());
    return JSON.parse(this.#reply()) as { text: string; exitCode: number };
  }

  devices(): string {
    this.#x.v64_devices();
    return this.#reply();
  }
}
