import type { V64Stats } from 'v64';
import type { Bench } from './bench.js';
import { need, say } from './dom.js';

/** Time between two readings, in milliseconds */
const EVERY = 250;
/** Readings that the trace is made of: a minute */
const KEPT = 240;
const [WIDTH, HEIGHT] = [240, 64];

const COUNTERS: readonly [keyof V64Stats, string][] = [
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

/** Bytes in the powers of two that memory comes in. */
export function bytes(n: number): string {
  const units: [number, string][] = [[2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [2 ** 10, 'KiB']];
  const [size, unit] = units.find(([size]) => n >= size) ?? [1, 'B'];
  return `${Number((n / size).toFixed(1))} ${unit}`;
}

/** `m:ss.t` */
export function clock(ms: number): string {
  const tenths = Math.floor(ms / 100);
  const minutes = Math.floor(tenths / 600);
  return `${minutes}:${String(Math.floor(tenths / 10) % 60).padStart(2, '0')}.${tenths % 10}`;
}

/** The mode's place on the scale: `protected, 32-bit` stands at `protected`. */
function place(mode: string): string {
  return mode.split(',', 1)[0] ?? '';
}

function figure(mips: number): string {
  return mips < 1000 ? mips.toFixed(1) : mips.toFixed(0);
}

/** The panel's readings, four times a second. */
export class Readings {
  readonly #bench: Bench;
  readonly #speeds: number[] = [];
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
      this.#counters.set(name, value);
    }
    setInterval(() => void this.#tick(), EVERY);
  }

  /** Another machine: everything from nought. */
  fresh(): void {
    this.#last = undefined;
    this.#speeds.length = 0;
    this.#speed(0);
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
    if (state !== 'running') say(need('mips'), figure(0));
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
    if (this.#bench.state === 'running' && before) {
      // A reset begins the count anew; that is no negative speed.
      const done = Math.max(0, stats.instructions - before.instructions);
      this.#speed(done / ((now - before.at) * 1000));
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

  #speed(mips: number): void {
    this.#speeds.push(mips);
    if (this.#speeds.length > KEPT) this.#speeds.shift();
    // The mean of the last second: steady enough to be read.
    const recent = this.#speeds.slice(-4);
    say(need('mips'), figure(recent.reduce((sum, one) => sum + one, 0) / recent.length));
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
    say(need('scope-peak'), `peak ${figure(peak)}`);
  }

  #mode(mode: string, cpl: number | undefined, halted = false): void {
    const at = place(mode);
    for (const item of need('modes').children) {
      item.classList.toggle('on', (item as HTMLElement).dataset['mode'] === at);
    }
    say(need('mode'), mode ? `${mode}${halted ? ', halted' : ''}` : '–');
    say(need('ring'), cpl === undefined ? '' : `ring ${cpl}`);
  }
}
