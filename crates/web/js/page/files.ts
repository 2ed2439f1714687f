import type { Guest } from './guests.js';
import { need, say } from './dom.js';
import { bytes } from './readings.js';
import { kindOf, type Kind } from './sniff.js';

const KINDS: readonly Kind[] = ['kernel', 'initrd'];

/** The panel that asks for a kernel, an initrd, a command line, memory, clock and engine, and the drop of files anywhere on
 *  the page. */
export class Files {
  readonly #dialog = need<HTMLDialogElement>('files');
  readonly #chosen: Partial<Record<Kind, File>> = {};
  readonly #boot: (guest: Guest) => void;

  constructor(boot: (guest: Guest) => void) {
    this.#boot = boot;
    need('own').addEventListener('click', () => this.open());
    need('files-cancel').addEventListener('click', () => this.#dialog.close());
    need('files-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#dialog.addEventListener('click', (event) => {
      if (event.target === this.#dialog) this.#dialog.close();
    });
    for (const kind of KINDS) this.#slot(kind);
    this.#drops();
  }

  /** Opens the panel; an error tells what was wrong with the last try. */
  open(error = ''): void {
    say(need('files-error'), error);
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  #slot(kind: Kind): void {
    const input = need<HTMLInputElement>(kind);
    input.addEventListener('change', () => {
      const file = input.files?.[0];
      if (file) this.#take(kind, file);
    });
    this.#clear(kind)?.addEventListener('click', () => {
      input.value = '';
      this.#take(kind, undefined);
      input.focus();
    });
  }

  #clear(kind: Kind): HTMLElement | null {
    return document.querySelector<HTMLElement>(`[data-clear="${kind}"]`);
  }

  #take(kind: Kind, file: File | undefined): void {
    if (file) this.#chosen[kind] = file;
    else delete this.#chosen[kind];
    say(need(`${kind}-name`), file ? `${file.name}, ${bytes(file.size)}` : 'choose or drop a file');
    document.querySelector(`[data-slot="${kind}"]`)?.classList.toggle('full', file !== undefined);
    const clear = this.#clear(kind);
    if (clear) clear.hidden = file === undefined;
    say(need('files-error'), '');
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
      const slot = KINDS.find((kind) => kind === slotAt(event)?.dataset['slot']);
      void this.#dropped([...(event.dataTransfer?.files ?? [])], slot);
    });
  }

  async #dropped(files: File[], slot: Kind | undefined): Promise<void> {
    for (const file of files.slice(0, 2)) {
      try {
        this.#take(files.length === 1 && slot ? slot : await kindOf(file), file);
      } catch {
        return this.open(`${file.name} cannot be read. Is it a folder?`);
      }
    }
    this.open();
  }

  #submit(): void {
    const { kernel, initrd } = this.#chosen;
    const size = need<HTMLInputElement>('size-field');
    const memory = size.value.trim();
    const good = /^\d+[KMG]?$/i.test(memory);
    size.setAttribute('aria-invalid', String(!good));
    if (!kernel) {
      this.open(initrd ? 'An initrd needs a kernel.' : 'Choose a kernel first.');
      return need('kernel').focus();
    }
    if (!good) {
      this.open('Memory is a number with K, M or G behind it: 512M.');
      return size.focus();
    }
    const append = need<HTMLInputElement>('append').value;
    const clock = need<HTMLSelectElement>('clock').value === 'icount' ? 'icount' : 'real';
    const engine = need<HTMLSelectElement>('engine').value === 'interp' ? 'interp' : 'jit';
    this.#dialog.close();
    this.#boot({
      id: 'own',
      name: kernel.name,
      prepare: async () => ({ kernel, ...(initrd ? { initrd } : {}), append, memory, clock, engine }),
    });
  }
}
