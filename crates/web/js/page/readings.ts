import type { V64Stats } from 'v64';
import type { Bench } from './bench.ts';
import { need, say } from './dom.ts';
import { bytes } from './size.ts';

/** Time between two readings, in milliseconds */
const EVERY = 250;
/** Readings that the trace is made of: a minute */
const KEPT = 240;
/** Readings of the last second */
const RECENT = 4;
const [WIDTH, HEIGHT] = [240, 64];

const COUNTERS: readonly [keyof V64Stats, string][] = [
  ['processors', 'Processors'],
  ['exceptions', 'Exceptions'],
  ['walks', 'Page walks'],
  ['decoded', 'Blocks decoded'],
  ['blocksRun', 'Blocks run'],
  ['invalidated', 'Blocks dropped'],
  ['portIo', 'Port accesses'],
  ['mmio', 'MMIO accesses'],
  ['halts', 'Halts'],
  ['resets', 'Resets'],
  ['hostCalls', 'Calls to JavaScript'],
];

/** `1.23 M` and the like, so that a number never grows out of its place. */
export function short(n: number): string {
  if (n < 10_000) return String(Math.round(n));
  const units: [number, string][] = [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']];
  const [size, unit] = units.find(([size]) => n >= size) ?? [1, ''];
  const value = n / size;
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)}\u2009${unit}`;
}

/** `m:ss.t` */
export function clock(ms: number): string {
  const tenths = Math.floor(ms / 100);
  const minutes = Math.floor(tenths / 600);
  return `${minutes}:${String(Math.floor(tenths / 10) % 60).padStart(2, '0')}.${tenths % 10}`;
}

/** The module's names of modes: the width of code on the scale, and what people call it. */
const MODES: Record<string, readonly [width: string, name: string]> = {
  real: ['16', 'Real mode'],
  'virtual-8086': ['16', 'Virtual 8086 mode'],
  'protected, 16-bit': ['16', 'Protected mode'],
  'protected, 32-bit': ['32', 'Protected mode'],
  'compatibility, 16-bit': ['16', 'Compatibility mode'],
  'compatibility, 32-bit': ['32', 'Compatibility mode'],
  '64-bit': ['64', '64-bit mode'],
};
/** Modes in which code has a privilege level that means something. */
const UNPRIVILEGED = new Set(['real', 'virtual-8086']);

/** Who runs at a privilege level. */
function privilege(cpl: number): string {
  return cpl === 0 ? 'kernel, ring 0' : cpl === 3 ? 'program, ring 3' : `ring ${cpl}`;
}

/** Below this speed, in MIPS, a processor that was seen halted is idle: its timers still tick. */
const IDLE = 1;

function figure(mips: number): string {
  return mips < 1000 ? mips.toFixed(1) : mips.toFixed(0);
}

/** The panel's readings, four times a second. */
export class Readings {
  readonly #bench: Bench;
  readonly #speeds: number[] = [];
  /** Whether the processor waited, at the readings of the last second */
  #halts: boolean[] = [];
  #last: { at: number; instructions: number } | undefined;
  #asking = false;
  readonly #counters = new Map<keyof V64Stats, Element>();

  constructor(bench: Bench) {
    this.#bench = bench;
    for (const [name, text] of COUNTERS) {
      const row = document.createElement('div');
      const [term, value] = [document.createElement('dt'), document.createElement('dd')];
      term.textContent = text;
      value.textContent = '0';
      row.append(term, value);
      need('counters').append(row);
      value.id = `counter-${name}`;
      this.#counters.set(name, value);
    }
    setInterval(() => void this.#tick(), EVERY);
  }

  /** Another machine: everything from nought. */
  fresh(): void {
    this.#last = undefined;
    this.#speeds.length = 0;
    this.#halts = [];
    this.#draw();
    for (const id of ['instructions', 'interrupts']) say(need(id), '0');
    for (const value of this.#counters.values()) say(value, '0');
    say(need('memory'), '–');
    this.#mode('', undefined);
    say(need('time'), clock(0));
  }

  async #tick(): Promise<void> {
    const { vm, state } = this.#bench;
    say(need('time'), clock(this.#bench.time));
    this.#tell();
    if (!vm || this.#asking) return;
    if (state !== 'running' && state !== 'paused') return;
    this.#asking = true;
    try {
      const stats = await vm.stats();
      if (vm === this.#bench.vm) this.#show(stats);
    } catch {
      // The machine went while it was asked; its run tells why.
    } finally {
      this.#asking = false;
    }
  }

  #show(stats: V64Stats): void {
    const now = performance.now();
    const before = this.#last;
    this.#last = { at: now, instructions: stats.instructions };
    this.#halts = [...this.#halts, stats.halted].slice(-RECENT);
    if (this.#bench.state === 'running' && before) {
      // A reset begins the count anew; that is no negative speed.
      const done = Math.max(0, stats.instructions - before.instructions);
      this.#speeds.push(done / ((now - before.at) * 1000));
      if (this.#speeds.length > KEPT) this.#speeds.shift();
      this.#tell();
      this.#draw();
    }
    this.#mode(stats.mode, stats.cpl, stats.halted);
    say(need('instructions'), short(stats.instructions));
    say(need('interrupts'), short(stats.interrupts));
    say(need('memory'), bytes(stats.ramBytes));
    for (const [name, element] of this.#counters) {
      const value = stats[name];
      const n = Array.isArray(value) ? value.reduce((sum, one) => sum + one, 0) : Number(value ?? 0);
      say(element, short(n));
    }
  }

  /** Shows the speed, or in a word why there is none. */
  #tell(): void {
    // The mean of the last second: steady enough to be read.
    const recent = this.#speeds.slice(-RECENT);
    const mean = recent.length ? recent.reduce((sum, one) => sum + one, 0) / recent.length : 0;
    const { state } = this.#bench;
    const idle = mean < IDLE && this.#halts.includes(true);
    const word = state === 'paused' ? 'Paused' : state !== 'running' || recent.length === 0 ? '–' : idle ? 'Idle' : undefined;
    say(need('mips'), word ?? figure(mean));
    need('mips-unit').hidden = word !== undefined;
  }

  #draw(): void {
    const peak = Math.max(0, ...this.#speeds);
    const step = WIDTH / (KEPT - 1);
    const first = WIDTH - (this.#speeds.length - 1) * step;
    const points = this.#speeds.map((mips, n) => {
      const y = HEIGHT - 1 - (peak > 0 ? mips / peak : 0) * (HEIGHT - 6);
      return `${(first + n * step).toFixed(1)} ${y.toFixed(1)}`;
    });
    const trace = points.length > 1 ? `M${points.join('L')}` : '';
    need('scope-trace').setAttribute('d', trace);
    need('scope-area').setAttribute('d', trace && `${trace}V${HEIGHT}H${first.toFixed(1)}Z`);
    say(need('scope-peak'), peak > 0 ? `peak ${figure(peak)} MIPS` : '');
  }

  #mode(mode: string, cpl: number | undefined, halted = false): void {
    const [width, name] = MODES[mode] ?? ['', mode];
    for (const item of need('modes').children) {
      item.classList.toggle('on', (item as HTMLElement).dataset['width'] === width);
    }
    say(need('mode'), name ? `${name}${halted ? ', waiting' : ''}` : '–');
    say(need('ring'), cpl === undefined || UNPRIVILEGED.has(mode) ? '' : privilege(cpl));
  }
}
