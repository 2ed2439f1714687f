import type { V64 } from 'v64';
import { need, remember, remembered } from './dom.ts';

/** The key that mutes the machine. */
export class Sound {
  readonly #key = need<HTMLButtonElement>('mute');
  #vm: V64 | undefined;
  #muted = remembered('muted') === 'true';

  constructor() {
    this.#key.addEventListener('click', () => {
      this.#muted = !this.#muted;
      remember('muted', String(this.#muted));
      this.#show();
    });
    this.#show();
  }

  /** A machine runs. */
  connect(vm: V64): void {
    this.#vm = vm;
    this.#show();
  }

  #show(): void {
    if (this.#vm?.audio) this.#vm.audio.muted = this.#muted;
    this.#key.setAttribute('aria-pressed', String(this.#muted));
    this.#key.title = this.#muted ? 'Muted' : 'Mute';
  }
}
