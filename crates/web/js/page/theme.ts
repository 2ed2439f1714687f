import { need, remember, remembered, say } from './dom.ts';

const CHOICES = ['auto', 'light', 'dark'] as const;
const NAMES = { auto: 'Auto', light: 'Light', dark: 'Dark' };
const SPOKEN = { auto: 'as the system has them', light: 'light', dark: 'dark' };

/** The key for light, dark, or what the system says. */
export function theme(): void {
  const system = matchMedia('(prefers-color-scheme: dark)');
  let choice = CHOICES.find((name) => name === remembered('theme')) ?? 'auto';
  const show = () => {
    const dark = choice === 'dark' || (choice === 'auto' && system.matches);
    document.documentElement.dataset['theme'] = dark ? 'dark' : 'light';
    say(need('theme-name'), NAMES[choice]);
    need('theme').setAttribute('aria-label', `Colours: ${SPOKEN[choice]}`);
  };
  need('theme').addEventListener('click', () => {
    choice = CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length] ?? 'auto';
    remember('theme', choice);
    show();
  });
  system.addEventListener('change', show);
  show();
}
