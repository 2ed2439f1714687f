import type { V64, V64Layout, V64Mode } from 'v64';
import { need, remember, remembered, say } from './dom.ts';
import { shownSize } from './picture-size.ts';
import { Pad } from './pad.ts';

/** Milliseconds between two readings of the text while it is shown to be selected */
const READ = 500;
/** Milliseconds for which a remark is shown */
const REMARK = 4000;

/** Chords of the menu: what it says, and QEMU's names. */
const CHORDS: readonly [string, string][] = [
  ['Ctrl Alt Del', 'ctrl-alt-delete'],
  ['Ctrl Alt Backspace', 'ctrl-alt-backspace'],
  ['Ctrl C', 'ctrl-c'],
  ['Ctrl Esc', 'ctrl-esc'],
  ['Alt Tab', 'alt-tab'],
  ['Alt F4', 'alt-f4'],
  ['Ctrl Alt F1', 'ctrl-alt-f1'],
  ['Ctrl Alt F2', 'ctrl-alt-f2'],
  ['Ctrl Alt F7', 'ctrl-alt-f7'],
  ['Esc', 'esc'],
  ['Print Screen', 'print'],
  ['Windows', 'meta_l'],
];

/** What the glass shows. */
export type View = 'display' | 'serial';

/** The guest's screen: its picture, what goes to its keyboard and mouse, and the choice between it and COM1. */
export class Display {
  readonly #box = need('display');
  readonly #text = need('display-text');
  readonly #pad: Pad;
  #vm: V64 | undefined;
  #canvas: HTMLCanvasElement | undefined;
  #mode: V64Mode | undefined;
  #detach: (() => void) | undefined;
  #view: View = 'serial';
  #reading: ReturnType<typeof setInterval> | undefined;
  #remark: ReturnType<typeof setTimeout> | undefined;
  readonly #shown: (view: View) => void;

  /** @param shown is called when the glass shows something else */
  constructor(shown: (view: View) => void) {
    this.#shown = shown;
    this.#pad = new Pad(() => this.#vm, () => this.layout);
    for (const view of ['display', 'serial'] as const) {
      need(`view-${view}`).addEventListener('click', () => {
        this.show(view);
        this.focus();
      });
    }
    new ResizeObserver(() => this.#fit()).observe(this.#box);
    matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener('change', () => this.#fit());
    this.#tools();
    document.addEventListener('pointerlockchange', () => {
      if (this.#canvas && document.pointerLockElement === this.#canvas) this.#say('Esc gives the mouse back.');
    });
  }

  /** What the glass shows. */
  get view(): View {
    return this.#view;
  }

  /** The layout that the guest has set, as the user says. */
  get layout(): V64Layout {
    return need<HTMLSelectElement>('layout').value === 'de' ? 'de' : 'us';
  }

  /** Another guest: nothing is known of its screen. */
  fresh(): void {
    this.#detach?.();
    this.#detach = undefined;
    this.#canvas?.remove();
    this.#canvas = this.#vm = this.#mode = undefined;
    this.#select(false);
    need('views').hidden = true;
    need('port').hidden = false;
    this.show('serial');
  }

  /** A machine runs, whose picture is on a canvas. Without a display adapter there is never any. */
  connect(vm: V64, canvas: HTMLCanvasElement): void {
    this.fresh();
    this.#vm = vm;
    this.#canvas = canvas;
    canvas.id = 'picture';
    canvas.setAttribute('aria-label', 'Screen of the guest');
    this.#box.append(canvas);
    vm.screen.on('mode', (mode) => this.#modeChanged(mode));
    if (vm.screen.mode) this.#modeChanged(vm.screen.mode);
  }

  /** The machine runs no more; its last picture stays. */
  disconnect(): void {
    this.#select(false);
    this.#detach?.();
    this.#detach = this.#vm = undefined;
  }

  #modeChanged(mode: V64Mode): void {
    const isFirst = this.#mode === undefined;
    this.#mode = mode;
    this.#fit();
    this.#size();
    if (!isFirst || !this.#canvas) return;
    need('views').hidden = false;
    need('port').hidden = true;
    this.#detach = this.#vm?.attach(this.#canvas, { ignore: (event) => this.#keeps(event) });
    this.show('display');
    const isFine = matchMedia('(pointer: fine)').matches;
    if (!isFine) return;
    this.focus();
    this.#say('Click the picture: it takes the mouse.');
  }

  /** Keys that the page takes for itself, as the terminal does. */
  #keeps(event: KeyboardEvent): boolean {
    if (!event.ctrlKey || event.altKey) return false;
    if (event.key === '.') need('start-stop').focus();
    else if (event.shiftKey && event.code === 'KeyC') void this.#copy();
    else if (event.shiftKey && event.code === 'KeyV') void this.#paste();
    else return false;
    event.preventDefault();
    return true;
  }

  /** Shows the guest's screen or COM1. */
  show(view: View): void {
    this.#view = view;
    need('screen').dataset['view'] = view;
    for (const one of ['display', 'serial'] as const) need(`view-${one}`).setAttribute('aria-selected', String(one === view));
    this.#box.hidden = view !== 'display';
    if (view !== 'display') this.#select(false);
    this.#fit();
    this.#size();
    this.#shown(view);
  }

  /** To what is shown. Of the terminal, the page takes care. */
  focus(): void {
    if (this.#view === 'display') this.#canvas?.focus();
  }

  #size(): void {
    if (this.#view === 'display' && this.#mode) say(need('size'), `${this.#mode.width}×${this.#mode.height}`);
  }

  #fit(): void {
    const [canvas, mode] = [this.#canvas, this.#mode];
    if (!canvas || !mode || this.#box.clientWidth === 0) return;
    const box = { width: this.#box.clientWidth, height: this.#box.clientHeight };
    const { width, height, sharp } = shownSize(mode, box, devicePixelRatio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    canvas.style.imageRendering = sharp ? 'pixelated' : 'auto';
  }

  /** Shows a remark upon the picture for a while. */
  #say(text: string): void {
    const remark = need('remark');
    say(remark, text);
    remark.hidden = false;
    clearTimeout(this.#remark);
    this.#remark = setTimeout(() => (remark.hidden = true), REMARK);
  }

  #tools(): void {
    const on = (id: string, work: () => void): void => need(id).addEventListener('click', work);
    const menu = need<HTMLDetailsElement>('keys-menu');
    for (const [name, chord] of CHORDS) {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = name;
      button.addEventListener('click', () => {
        menu.open = false;
        void this.#vm?.keyboard.send(chord).catch(() => {});
        this.focus();
      });
      need('chords').append(button);
    }
    document.addEventListener('pointerdown', (event) => {
      if (menu.open && !menu.contains(event.target as Node)) menu.open = false;
    });
    menu.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      menu.open = false;
      this.focus();
    });
    const layout = need<HTMLSelectElement>('layout');
    const known = remembered('layout') ?? (navigator.language.toLowerCase().startsWith('de') ? 'de' : 'us');
    layout.value = known === 'de' ? 'de' : 'us';
    layout.addEventListener('change', () => {
      remember('layout', layout.value);
      this.#pad.label();
    });
    this.#pad.label();
    on('pad-toggle', () => this.#pad.toggle());
    on('select-text', () => this.#select(this.#text.hidden));
    on('display-copy', () => void this.#copy());
    on('display-paste', () => void this.#paste());
    on('picture-save', () => void this.#screenshot());
    on('full-screen', () => void this.#fullScreen());
  }

  /** Shows the text of a text mode as text, which can be selected, in place of its picture. */
  #select(on: boolean): void {
    clearInterval(this.#reading);
    this.#reading = undefined;
    this.#text.hidden = true;
    need('select-text').setAttribute('aria-pressed', 'false');
    if (!on || !this.#vm) return;
    void this.#read().then((text) => {
      if (text === undefined) return this.#say('A picture has no text: this guest is in a graphics mode.');
      this.#text.hidden = false;
      need('select-text').setAttribute('aria-pressed', 'true');
      this.#reading = setInterval(() => {
        // What is selected would be lost.
        if (!getSelection()?.toString()) void this.#read();
      }, READ);
    });
  }

  async #read(): Promise<string | undefined> {
    const text = await this.#vm?.screen.text().catch(() => undefined);
    if (text !== undefined) say(this.#text, text);
    return text;
  }

  async #copy(): Promise<void> {
    const text = getSelection()?.toString() || (await this.#vm?.screen.text().catch(() => undefined));
    if (text === undefined) return this.#say('A picture has no text: this guest is in a graphics mode.');
    const done = await navigator.clipboard?.writeText(text).then(() => true, () => false);
    this.#say(done ? 'Copied the text.' : 'The browser does not let the page copy.');
  }

  async #paste(): Promise<void> {
    this.focus();
    const text = await navigator.clipboard?.readText().catch(() => undefined);
    if (text === undefined) return this.#say('The browser does not let the page read what was copied.');
    await this.#vm?.keyboard.type(text, { layout: this.layout }).catch((error: Error) => this.#say(`Not pasted: ${error.message}.`));
  }

  async #screenshot(): Promise<void> {
    const file = await this.#vm?.screenshot().catch(() => undefined);
    if (!file) return;
    const link = document.createElement('a');
    link.href = URL.createObjectURL(file);
    link.download = `v64-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    this.focus();
  }

  async #fullScreen(): Promise<void> {
    if (document.fullscreenElement) return document.exitFullscreen();
    const done = await need('glass').requestFullscreen().then(() => true, () => false);
    if (!done) return this.#say('The browser does not give the page the full screen.');
    // Escape and the system's chords go to the guest, where the browser can do that.
    type Lockable = { keyboard?: { lock?(): Promise<void> } };
    await (navigator as Lockable).keyboard?.lock?.().catch(() => {});
    this.focus();
    this.#say('Hold Esc to leave the full screen.');
  }
}
