import type { V64, V64DriveInfo } from 'v64';
import type { Bench } from './bench.ts';
import { need, say } from './dom.ts';
import { sentence } from './fault.ts';
import { nameIn } from './made.ts';

/** Milliseconds between two looks at the drives: guests eject, and lock, by themselves. */
const LOOK = 1000;

/** What a drive is called, by QEMU's name for it. */
function named(id: string): string {
  const floppy = /^floppy(\d)$/.exec(id)?.[1];
  if (floppy !== undefined) return floppy === '0' ? 'Floppy A' : 'Floppy B';
  return /-cd\d$/.test(id) ? 'CD' : id;
}

/** Returns what a medium is called: the last part of an address, a file's own name. */
function title(name: string): string {
  return decodeURIComponent(name.split('/').at(-1) || name);
}

/** A drive whose medium can be changed, as the panel shows it. */
class Row {
  readonly box = document.createElement('div');
  readonly #medium = document.createElement('span');
  readonly #insert = document.createElement('button');
  readonly #eject = document.createElement('button');
  readonly #file = document.createElement('input');
  readonly #id: string;

  constructor(id: string, change: (id: string, file: File | undefined) => void) {
    this.#id = id;
    this.box.className = 'drive';
    this.box.dataset['drive'] = id;
    const name = document.createElement('span');
    name.className = 'drive-name';
    name.textContent = named(id);
    this.#medium.className = 'drive-medium';
    const key = (button: HTMLButtonElement, text: string, spoken: string): void => {
      button.type = 'button';
      button.className = 'key';
      button.setAttribute('aria-label', spoken);
      const label = document.createElement('b');
      label.textContent = text;
      button.append(label);
    };
    key(this.#insert, 'Insert\u200a…', `Insert a medium into ${named(id)}`);
    key(this.#eject, 'Eject', `Eject ${named(id)}`);
    this.#file.type = 'file';
    this.#file.hidden = true;
    this.#file.tabIndex = -1;
    this.#file.setAttribute('aria-label', `A medium for ${named(id)}`);
    this.#insert.addEventListener('click', () => this.#file.click());
    this.#eject.addEventListener('click', () => change(this.#id, undefined));
    this.#file.addEventListener('change', () => {
      const file = this.#file.files?.[0];
      this.#file.value = '';
      if (file) change(this.#id, file);
    });
    this.box.append(name, this.#medium, this.#insert, this.#eject, this.#file);
  }

  show({ medium, locked, open }: V64DriveInfo, isBusy: boolean): void {
    const text = medium ? title(medium.name) : open ? 'open' : 'empty';
    say(this.#medium, locked && medium ? `${text} (locked)` : text);
    this.#medium.title = text;
    this.#insert.disabled = isBusy;
    this.#eject.disabled = isBusy || !medium;
  }
}

/** The group of the panel that changes CDs and floppies while the machine runs. */
export class Media {
  readonly #bench: Bench;
  #vm: V64 | undefined;
  readonly #rows = new Map<string, Row>();
  #busy = false;
  /** The drive that was locked when it was to change */
  #refused: string | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  /** A machine runs, or none where there is no `vm`. */
  connect(vm: V64 | undefined): void {
    if (vm === this.#vm) return;
    this.#vm = vm;
    clearInterval(this.#timer);
    this.#rows.clear();
    need('drives').replaceChildren();
    need('media').hidden = true;
    this.#fail('');
    if (!vm) return;
    void this.#look(vm);
    this.#timer = setInterval(() => void this.#look(vm), LOOK);
  }

  async #look(vm: V64): Promise<void> {
    if (document.hidden) return;
    const drives = await vm.drives().catch(() => []);
    if (vm !== this.#vm) return;
    const removable = drives.filter((drive) => drive.removable).sort((a, b) => named(a.id).localeCompare(named(b.id)));
    need('media').hidden = removable.length === 0;
    for (const drive of removable) {
      let row = this.#rows.get(drive.id);
      if (!row) {
        row = new Row(drive.id, (id, file) => void this.#change(id, file));
        this.#rows.set(drive.id, row);
        need('drives').append(row.box);
      }
      row.show(this.#titled(drive), this.#busy);
    }
  }

  /** A medium that was there from the beginning has the name of its option: the user knows its file. */
  #titled(drive: V64DriveInfo): V64DriveInfo {
    const name = this.#bench.changes.has(drive.id) ? undefined : nameIn(drive.id, this.#bench.parts);
    return drive.medium && name !== undefined ? { ...drive, medium: { ...drive.medium, name } } : drive;
  }

  #refuse(id: string, message: string): void {
    if (!/\block/.test(message)) return this.#fail(sentence(message));
    this.#refused = id;
    this.#fail('The guest has locked this drive. Eject it in the guest, or press once more to force it.');
  }

  #fail(text: string): void {
    say(need('media-error'), text);
    need('media-error').hidden = text === '';
  }

  /** Takes the medium out, and puts a file in where there is one. A drive that the guest has locked is opened the second time. */
  async #change(id: string, file: File | undefined): Promise<void> {
    const vm = this.#vm;
    if (!vm || this.#busy) return;
    this.#busy = true;
    this.#fail('');
    const force = this.#refused === id;
    this.#refused = undefined;
    try {
      if (file) await vm.insert(id, file, { force });
      else await vm.eject(id, { force });
      if (vm === this.#vm) this.#bench.changes.set(id, file);
    } catch (error) {
      if (vm === this.#vm) this.#refuse(id, error instanceof Error ? error.message : String(error));
    }
    this.#busy = false;
    await this.#look(vm);
  }
}
