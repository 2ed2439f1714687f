import { debian, type Guest } from './guests.ts';
import { need, say } from './dom.ts';
import { bytes, parseSize, typed } from './size.ts';
import { identify, isState, type Use } from './sniff.ts';

/** What a file is chosen for: firmware looks like nothing else, so it has to be put into its place. */
type Slot = Use | 'bios';

const USES: readonly Slot[] = ['kernel', 'initrd', 'cdrom', 'hda', 'fda', 'bios'];
/** Images, in the order in which firmware tries them, with the letters that `-boot` has for them */
const IMAGES = { cdrom: 'd', fda: 'a', hda: 'c' } as const;
const NAMES: Readonly<Record<keyof typeof IMAGES, string>> = { cdrom: 'CD', fda: 'floppy', hda: 'hard disk' };
/** Files that are dropped at once */
const MOST = 4;
const TOO_MANY = 'A guest is a kernel with its initrd, or a CD, a hard disk and a floppy: drop four files at most.';

/** Returns the order in which firmware tries drives: as the user wants it, of those that have a medium. */
function bootOrder(wanted: string, letters: readonly string[]): { boot?: string } {
  if (wanted === 'menu') return { boot: `${letters.length > 0 ? `order=${letters.join('')},` : ''}menu=on` };
  const order = wanted === 'auto' ? letters : [...wanted].filter((letter) => letters.includes(letter));
  return order.length > 0 ? { boot: order.join('') } : {};
}

/** The panel that asks for a kernel, an initrd, firmware, a command line and the machine, and the drop of files anywhere on the page. */
export class Files {
  readonly #dialog = need<HTMLDialogElement>('files');
  readonly #chosen: Partial<Record<Slot, File>> = {};
  /** Debian's kernel and initrd, from the server, are chosen */
  #debian = false;
  readonly #boot: (guest: Guest) => void;
  readonly #restore: (state: File) => void;
  /** Files that are still being looked at */
  #looking: Promise<void> = Promise.resolve();

  constructor(boot: (guest: Guest) => void, restore: (state: File) => void) {
    this.#boot = boot;
    this.#restore = restore;
    need('own').addEventListener('click', () => this.open());
    need('files-cancel').addEventListener('click', () => this.#dialog.close());
    need('files-form').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#looking.then(() => this.#submit());
    });
    this.#dialog.addEventListener('click', (event) => {
      if (event.target === this.#dialog) this.#dialog.close();
    });
    for (const use of USES) this.#slot(use);
    need('take-debian').addEventListener('click', () => this.#takeDebian());
    this.#drops();
  }

  /** Opens the panel; an error tells what was wrong with the last try. */
  open(error = ''): void {
    say(need('files-error'), error);
    need<HTMLInputElement>('size-field').setAttribute('aria-invalid', 'false');
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  /** Opens the panel at a field, with another size of memory in it where one is given. */
  change(field: 'kernel' | 'size-field' | 'append', memory?: number): void {
    if (memory !== undefined) need<HTMLInputElement>('size-field').value = typed(memory);
    this.open();
    const input = need<HTMLInputElement>(field);
    input.focus();
    if (field !== 'kernel') input.select();
  }

  #slot(use: Slot): void {
    const input = need<HTMLInputElement>(use);
    input.addEventListener('change', () => {
      const file = input.files?.[0];
      if (file) this.#looking = this.#offer(file, use).then((error) => this.open(error));
    });
    this.#clear(use)?.addEventListener('click', () => {
      input.value = '';
      this.#take(use, undefined);
      input.focus();
    });
  }

  #clear(use: Slot): HTMLElement | null {
    return document.querySelector<HTMLElement>(`[data-clear="${use}"]`);
  }

  /** Debian's files in place of those of one's own. */
  #takeDebian(): void {
    for (const use of ['kernel', 'initrd'] as const) {
      need<HTMLInputElement>(use).value = '';
      this.#take(use, undefined);
    }
    this.#debian = true;
    say(need('kernel-name'), 'Debian’s, from this server');
    say(need('initrd-name'), 'Debian’s, from this server');
    need('files-boot').focus();
  }

  #take(use: Slot, file: File | undefined): void {
    if (this.#debian && (use === 'kernel' || use === 'initrd')) {
      this.#debian = false;
      for (const other of ['kernel', 'initrd'] as const) this.#take(other, undefined);
    }
    if (file) this.#chosen[use] = file;
    else delete this.#chosen[use];
    say(need(`${use}-name`), file ? `${file.name}, ${bytes(file.size)}` : 'choose or drop a file');
    document.querySelector(`[data-slot="${use}"]`)?.classList.toggle('full', file !== undefined);
    const clear = this.#clear(use);
    if (clear) clear.hidden = file === undefined;
    say(need('files-error'), '');
  }

  /**
   * Takes a file where it is one that the machine can use; `slot` is where it was put, if anywhere. Returns what is wrong
   * with it.
   */
  async #offer(file: File, slot?: Slot): Promise<string> {
    // What is on an image, or whether it is firmware, only its place tells.
    if (slot && slot !== 'kernel' && slot !== 'initrd' && file.size > 0) {
      this.#take(slot, file);
      return '';
    }
    let found;
    try {
      found = await identify(file, file.name);
    } catch {
      return `${file.name} cannot be read. Is it a folder?`;
    }
    // What an initrd is, the guest decides: anything can be a module of a multiboot kernel.
    if (slot === 'initrd' && file.size > 0) {
      this.#take('initrd', file);
      return '';
    }
    const { use, what, instead } = found;
    if (instead) {
      need<HTMLInputElement>(slot ?? 'kernel').value = '';
      return `${file.name} is ${what}. ${instead}`;
    }
    if (slot === 'kernel' && use === 'initrd') {
      need<HTMLInputElement>('kernel').value = '';
      this.#take('initrd', file);
      return `${file.name} is ${what}: it was taken as the initrd.`;
    }
    this.#take(use ?? 'kernel', file);
    if (slot === undefined || slot === use || use === undefined || !(use in IMAGES)) return '';
    need<HTMLInputElement>(slot).value = '';
    return `${file.name} is ${what}: it was taken as the ${NAMES[use as keyof typeof IMAGES]}.`;
  }

  #drops(): void {
    const slotAt = (event: DragEvent) =>
      event.target instanceof Element ? event.target.closest<HTMLElement>('[data-slot]') : null;
    const carries = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const mark = (event?: DragEvent) => {
      const over = event && slotAt(event);
      for (const slot of document.querySelectorAll('[data-slot]')) slot.classList.toggle('over', slot === over);
      need('drop').hidden = event === undefined || this.#dialog.open;
    };
    addEventListener('dragover', (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      mark(event);
    });
    addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) mark();
    });
    addEventListener('drop', (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      mark();
      const slot = USES.find((use) => use === slotAt(event)?.dataset['slot']);
      this.#looking = this.#dropped([...(event.dataTransfer?.files ?? [])], slot);
    });
  }

  async #dropped(files: File[], slot: Slot | undefined): Promise<void> {
    const [first] = files;
    if (first && files.length === 1 && (await isState(first))) {
      this.#dialog.close();
      return this.#restore(first);
    }
    if (files.length > MOST) return this.open(TOO_MANY);
    const errors: string[] = [];
    for (const file of files) errors.push(await this.#offer(file, files.length === 1 ? slot : undefined));
    this.open(errors.filter((error) => error !== '').join(' '));
  }

  #submit(): void {
    const { kernel, initrd, bios, cdrom, fda, hda } = this.#chosen;
    const first = cdrom ?? fda ?? hda;
    const size = need<HTMLInputElement>('size-field');
    const memory = parseSize(size.value);
    if (!kernel && !this.#debian && (initrd || !(bios ?? first))) {
      this.open(initrd ? 'An initrd needs a kernel.' : 'Choose a kernel first, or a CD, a disk, a floppy or firmware.');
      return need('kernel').focus();
    }
    if (typeof memory === 'string') {
      this.open(memory);
      size.setAttribute('aria-invalid', 'true');
      return size.focus();
    }
    // A command line is for a kernel.
    const append = kernel || this.#debian ? { append: need<HTMLInputElement>('append').value } : {};
    const adapter = need<HTMLSelectElement>('adapter').value;
    const vga = adapter === 'std' || adapter === 'none' ? { vga: adapter } as const : {};
    const clock = need<HTMLSelectElement>('clock').value === 'icount' ? 'icount' : 'real';
    const engine = need<HTMLSelectElement>('engine').value === 'interp' ? 'interp' : 'jit';
    const smp = Number(need<HTMLSelectElement>('processors').value);
    const images = { ...(cdrom ? { cdrom } : {}), ...(fda ? { fda } : {}), ...(hda ? { hda } : {}) };
    const letters = (Object.keys(IMAGES) as (keyof typeof IMAGES)[]).filter((place) => place in images).map((place) => IMAGES[place]);
    const isKernel = kernel !== undefined || this.#debian;
    const order = isKernel ? {} : bootOrder(need<HTMLSelectElement>('boot-order').value, letters);
    const machine = { ...(bios ? { bios } : {}), ...images, ...order, ...vga, ...append, smp, clock, engine } as const;
    const own = { ...(kernel ? { kernel } : {}), ...(initrd ? { initrd } : {}), ...machine };
    this.#dialog.close();
    this.#boot({
      id: 'own',
      name: kernel?.name ?? (this.#debian ? debian.name : (first ?? bios)?.name) ?? debian.name,
      memory,
      prepare: !this.#debian ? async () => own : async (...how) => ({ ...(await debian.prepare(...how)), ...machine }),
    });
  }
}
