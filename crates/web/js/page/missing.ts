import { need, say } from './dom.ts';
import type { MadeFile, Place } from './made.ts';
import { bytes } from './size.ts';

const NAMES: Readonly<Record<Place, string>> = {
  bios: 'Firmware', hda: 'Hard disk', hdb: 'Second hard disk', hdc: 'Third hard disk', hdd: 'Fourth hard disk',
  cdrom: 'CD or DVD', fda: 'Floppy', fdb: 'Second floppy',
};

/** The panel that asks for the files of a saved machine that are not known any more, by their names. */
export class Missing {
  readonly #dialog = need<HTMLDialogElement>('missing');
  readonly #given = new Map<MadeFile, File>();
  #wanted: readonly MadeFile[] = [];
  #done: ((isGiven: boolean) => void) | undefined;

  constructor() {
    need('missing-cancel').addEventListener('click', () => this.#dialog.close());
    need('missing-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const done = this.#done;
      this.#done = undefined;
      this.#dialog.close();
      done?.(true);
    });
    // Also by Escape.
    this.#dialog.addEventListener('close', () => {
      this.#done?.(false);
      this.#done = undefined;
    });
    this.#dialog.addEventListener('dragover', (event) => event.preventDefault());
    this.#dialog.addEventListener('drop', (event) => {
      event.preventDefault();
      event.stopPropagation();
      for (const file of event.dataTransfer?.files ?? []) this.#drop(file);
    });
  }

  /** Asks for files. Resolves with `undefined` where the user cancels. */
  ask(guest: string, wanted: readonly MadeFile[]): Promise<ReadonlyMap<MadeFile, File> | undefined> {
    this.#done?.(false);
    this.#given.clear();
    this.#wanted = wanted;
    say(need('missing-guest'), guest);
    need('missing-files').replaceChildren(...wanted.map((file, n) => this.#row(file, n)));
    this.#fail('');
    this.#ready();
    this.#dialog.showModal();
    return new Promise((resolve) => {
      this.#done = (isGiven) => resolve(isGiven ? new Map(this.#given) : undefined);
    });
  }

  #row(wanted: MadeFile, n: number): HTMLElement {
    const row = document.createElement('div');
    row.className = 'field';
    const label = document.createElement('label');
    label.htmlFor = `missing-${n}`;
    label.textContent = NAMES[wanted.place];
    const slot = document.createElement('div');
    slot.className = 'slot';
    const input = document.createElement('input');
    input.type = 'file';
    input.id = label.htmlFor;
    const name = document.createElement('span');
    name.className = 'slot-name';
    name.setAttribute('aria-live', 'polite');
    name.textContent = `choose ${wanted.name}, ${bytes(wanted.size ?? 0)}`;
    input.addEventListener('change', () => {
      const file = input.files?.[0];
      if (file) this.#take(wanted, file);
    });
    slot.append(input, name);
    row.append(label, slot);
    return row;
  }

  #drop(file: File): void {
    const fits = this.#wanted.filter(({ size }) => size === file.size);
    const wanted = fits.find(({ name }) => name === file.name) ?? fits[0];
    if (wanted) this.#take(wanted, file);
    else this.#fail(`${file.name} is none of these files: it has ${bytes(file.size)}.`);
  }

  #take(wanted: MadeFile, file: File): void {
    const input = need<HTMLInputElement>(`missing-${this.#wanted.indexOf(wanted)}`);
    if (file.size !== wanted.size) {
      input.value = '';
      return this.#fail(`${file.name} has ${file.size} bytes, and ${wanted.name} had ${wanted.size}. Choose the file that the machine had.`);
    }
    this.#given.set(wanted, file);
    const slot = input.parentElement;
    slot?.classList.add('full');
    const name = slot?.querySelector('.slot-name');
    if (name) say(name, `${file.name}, ${bytes(file.size)}`);
    this.#fail('');
    this.#ready();
  }

  #fail(text: string): void {
    say(need('missing-error'), text);
  }

  #ready(): void {
    need<HTMLButtonElement>('missing-restore').disabled = this.#wanted.some((file) => !this.#given.has(file));
  }
}
