import { hasMemory64, noteOf } from 'v64';
import type { Bench, State } from './bench.ts';
import { need, say } from './dom.ts';
import { ended, sentence } from './fault.ts';
import type { Guest, Parts } from './guests.ts';
import { know, madeOf, noteFor, parseMade, partsOf, Unwilling } from './made.ts';
import { Missing } from './missing.ts';
import type { Screen } from './screen.ts';
import { bytes } from './size.ts';
import { identify, isState } from './sniff.ts';
import { keep, kept, type Kept } from './store.ts';

const NOTHING = 'Nothing is saved in this browser.';

function key(id: string): HTMLButtonElement {
  return need<HTMLButtonElement>(id);
}

function described({ name, memory, at, state }: Kept): string {
  const when = new Date(at);
  const today = when.toDateString() === new Date().toDateString();
  const time = when.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  const day = today ? '' : `${when.toLocaleDateString()}, `;
  return `${name} with ${bytes(memory)}, ${day}${time} (${bytes(state.size)})`;
}

function hasName(error: unknown, name: string): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === name;
}

/** Bytes of files of the user's that are kept with a state, so that he is not asked for them. */
const MOST_FILES = 64 * 2 ** 20;

/** An error whose message begins with a file's name. */
class FileError extends Error {}

/** The keys that save the machine and restore it: in this browser, and as a file. */
export class States {
  readonly #bench: Bench;
  readonly #screen: Screen;
  readonly #begin: (guest: Guest) => void;
  readonly #missing = new Missing();
  /** What a key does until it has done it */
  #busy = false;
  #kept: Kept | undefined;
  #state: State = 'off';

  /** @param begin readies the page for a guest that takes the place of another */
  constructor(bench: Bench, screen: Screen, begin: (guest: Guest) => void) {
    this.#bench = bench;
    this.#screen = screen;
    this.#begin = begin;
    key('save').addEventListener('click', () => void this.#do('Saving …', () => this.#save()));
    key('download').addEventListener('click', () => void this.#do('Saving …', () => this.#download()));
    key('restore').addEventListener('click', () => void this.#do('Restoring …', () => this.#restore()));
    const input = need<HTMLInputElement>('state-file');
    key('open-state').addEventListener('click', () => input.click());
    input.addEventListener('change', () => {
      const file = input.files?.[0];
      input.value = '';
      if (file) this.open(file);
    });
    void kept().then((found) => {
      this.#kept ??= found;
      this.#note();
      this.show(this.#state);
    });
  }

  /** Enables the keys that do something in a state of the bench. */
  show(state: State): void {
    this.#state = state;
    const live = state === 'running' || state === 'paused';
    key('save').disabled = key('download').disabled = this.#busy || !live;
    const able = hasMemory64() && !this.#busy;
    key('restore').disabled = !able || !this.#kept;
    key('open-state').disabled = !able;
  }

  /** Goes on from a file. */
  open(file: File): void {
    void this.#do('Restoring …', () => this.#open(file));
  }

  #note(text = this.#kept ? described(this.#kept) : NOTHING): void {
    say(need('saved-note'), text);
  }

  #fail(text: string): void {
    say(need('saved-error'), text);
    need('saved-error').hidden = text === '';
  }

  async #do(doing: string, what: () => Promise<string | undefined>): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    this.#fail('');
    this.#note(doing);
    this.show(this.#state);
    let note: string | undefined;
    try {
      note = await what();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (!(error instanceof Unwilling)) this.#fail(error instanceof FileError ? ended(message) : sentence(message));
    }
    this.#busy = false;
    this.#note(note);
    this.show(this.#state);
  }

  /** The machine's state and what belongs to it; nothing where the machine ends meanwhile. */
  async #take(): Promise<Kept | undefined> {
    const { vm, guest, parts, changes } = this.#bench;
    if (!vm || !guest) return undefined;
    const drives = await vm.drives();
    const { made, files } = madeOf(guest.name, parts ?? {}, vm.audio !== undefined, drives, changes);
    const [state, { ramBytes }] = await Promise.all([vm.saveState({ note: noteFor(made) }), vm.stats()]);
    const blob = new Blob([state as Uint8Array<ArrayBuffer>]);
    const size = [...files.values()].reduce((sum, file) => sum + file.size, 0);
    const small = size > 0 && size <= MOST_FILES ? { files } : {};
    return { name: guest.name, memory: ramBytes, at: Date.now(), state: blob, screen: this.#screen.tail(), ...small };
  }

  async #save(): Promise<undefined> {
    const taken = await this.#take();
    if (!taken) return;
    try {
      await keep(taken);
    } catch (error) {
      const room = hasName(error, 'QuotaExceededError');
      const why = room ? `has no room for ${bytes(taken.state.size)}` : 'keeps nothing for this page';
      throw new Error(`this browser ${why}; download the state`);
    }
    this.#kept = taken;
  }

  async #download(): Promise<string | undefined> {
    const taken = await this.#take();
    if (!taken) return undefined;
    const link = document.createElement('a');
    link.href = URL.createObjectURL(taken.state);
    link.download = `${taken.name.replace(/[^\w.-]+/g, '-').toLowerCase()}.v64state`;
    link.click();
    // The download has begun when the click is over, but Safari reads the address later.
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    return `Downloaded ${link.download} (${bytes(taken.state.size)})`;
  }

  /** What goes on from a state: the machine is built as its note says. */
  async #guest(state: Blob, name: string): Promise<Guest> {
    const made = parseMade(await noteOf(state));
    // A state of another program's says nothing of drives and screen.
    if (!made) return { id: 'state', name, prepare: async () => ({ state, audio: false }) };
    let parts: Parts | undefined;
    return {
      id: 'state',
      name: made.name,
      prepare: async (progress, signal) => {
        parts ??= await partsOf(made, (wanted) => this.#missing.ask(made.name, wanted), (at) => {
          this.#note(`Downloading the ${at.name} …`);
          progress(at);
        }, signal);
        return { ...parts, state };
      },
    };
  }

  async #restore(): Promise<undefined> {
    const from = this.#kept;
    if (!from) return;
    know(from.files);
    const guest = await this.#guest(from.state, from.name);
    await this.#bench.restore(guest, () => {
      this.#begin(guest);
      this.#screen.replay(from.screen);
    });
  }

  async #open(file: File): Promise<undefined> {
    if (!(await isState(file))) {
      const { what } = await identify(file, file.name).catch(() => ({ what: undefined }));
      throw new FileError(`${file.name} is ${what ? `${what}, and ` : ''}no saved state of v64`);
    }
    const guest = await this.#guest(file, file.name);
    try {
      await this.#bench.restore(guest, () => {
        this.#begin(guest);
        this.#screen.replay(new TextEncoder().encode(`\x1b[2m${file.name}: the machine goes on.\x1b[0m\r\n`));
      });
    } catch (error) {
      if (error instanceof Unwilling) throw error;
      throw new FileError(`${file.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
