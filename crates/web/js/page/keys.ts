import { need } from './dom.ts';

/** What a phone's keyboard lacks: name, bytes, spoken name. */
const KEYS: readonly [string, string, string][] = [
  ['Esc', '\x1b', 'Escape'],
  ['Tab', '\t', 'Tab'],
  ['Ctrl', '', 'Control, for the next letter'],
  ['/', '/', 'Slash'],
  ['|', '|', 'Pipe'],
  ['←', '\x1b[D', 'Left'],
  ['↓', '\x1b[B', 'Down'],
  ['↑', '\x1b[A', 'Up'],
  ['→', '\x1b[C', 'Right'],
];

/** The row of keys below the screen; gives a filter that what is typed goes through. */
export function touchKeys(type: (text: string) => void, focus: () => void): (text: string) => string {
  let control: HTMLButtonElement | undefined;
  const hold = (on: boolean) => control?.setAttribute('aria-pressed', String(on));
  for (const [name, bytes, spoken] of KEYS) {
    const key = document.createElement('button');
    key.type = 'button';
    key.textContent = name;
    key.setAttribute('aria-label', spoken);
    // The letters' keyboard stays open: the terminal keeps its focus.
    key.addEventListener('pointerdown', (event) => event.preventDefault());
    if (name === 'Ctrl') {
      control = key;
      hold(false);
    }
    key.addEventListener('click', () => {
      if (key === control) hold(key.getAttribute('aria-pressed') !== 'true');
      else type(bytes);
      focus();
    });
    need('touch-keys').append(key);
  }
  return (text) => {
    if (control?.getAttribute('aria-pressed') !== 'true' || text.length !== 1) return text;
    hold(false);
    // As a terminal does: Control clears all but the low five bits.
    return String.fromCharCode(text.toUpperCase().charCodeAt(0) & 0x1f);
  };
}
