import { need, say } from './dom.ts';
import type { Guest, Parts } from './guests.ts';
import { leastMemory } from './sniff.ts';
import { bytes, typed } from './size.ts';

/** What helps against an error: the same again, the same with other memory, or other files and settings. */
export type Remedy =
  | { kind: 'again'; label: string }
  | { kind: 'memory'; label: string; memory: number }
  | { kind: 'settings'; label: string; field?: 'kernel' | 'size-field' | 'append'; memory?: number };

/** An error in the page's words. */
export interface Told {
  code: string;
  title: string;
  text: string;
  detail?: string;
  remedy?: Remedy;
}

/** What was being booted. */
export interface Tried {
  guest: Guest | undefined;
  parts: Parts | undefined;
}

const BROWSERS =
  'v64 is a 64-bit program. Chrome and Edge have what it needs since version 133, Firefox since 134, Node.js since 24. ' +
  'Safari has it in development. Please update this browser, or open the page in one of these.';

/** What browsers give a WebAssembly memory at most: the JavaScript API of WebAssembly allows no more. */
const MOST_IN_A_TAB = 16 * 2 ** 30;
/** Below this, less memory is no help for the page's own guests. */
const LEAST_USEFUL = 128 * 2 ** 20;

const START_AGAIN: Remedy = { kind: 'again', label: 'Start again' };

function field(error: object, name: string): string | undefined {
  const value = (error as Record<string, unknown>)[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A message with an end. */
export function ended(text: string): string {
  const plain = text.trim();
  return /[.!?]$/.test(plain) ? plain : `${plain}.`;
}

/** A message as a sentence: with a capital and an end. */
export function sentence(text: string): string {
  const whole = ended(text);
  return whole.charAt(0).toUpperCase() + whole.slice(1);
}

function noMemory({ guest }: Tried): Omit<Told, 'code'> {
  const title = 'The browser does not give this much memory';
  const asked = guest?.memory;
  if (asked === undefined) return { title, text: 'The saved machine has more. Close other tabs, then start it again.' };
  const limit = asked >= MOST_IN_A_TAB ? ` Browsers give a tab less than ${bytes(MOST_IN_A_TAB)}.` : '';
  const text = `The machine was to have ${bytes(asked)}.${limit} Choose less memory, or close other tabs.`;
  if (guest?.id === 'own') {
    const memory = Math.min(asked / 2, MOST_IN_A_TAB / 2);
    return { title, text, remedy: { kind: 'settings', label: 'Choose less memory…', field: 'size-field', memory } };
  }
  const memory = asked / 2;
  if (memory < LEAST_USEFUL) return { title, text: `Not even ${bytes(asked)} are there for the machine. Close other tabs, then start it again.` };
  return { title, text, remedy: { kind: 'memory', label: `Start with ${bytes(memory)}`, memory } };
}

async function tooLittle({ guest, parts }: Tried): Promise<Omit<Told, 'code'>> {
  const has = guest?.memory ?? 0;
  const least = parts?.kernel && (await leastMemory(parts.kernel, parts.initrd).catch(() => undefined));
  const name = guest?.name ?? 'The guest';
  const needs = least && least > has ? `needs at least ${bytes(Math.ceil(least / 2 ** 20) * 2 ** 20)} to start` : 'needs more';
  // Twice what it needs to start, so that something is left to work with.
  const memory = Math.max(LEAST_USEFUL, 2 ** Math.ceil(Math.log2(2 * (least ?? 2 * has))));
  return {
    title: 'Too little memory for this guest',
    text: `${name}${parts?.initrd ? ' with its initrd' : ''} ${needs}, and the machine has ${bytes(has)}. Choose more memory, ${typed(memory)} for example.`,
    remedy: { kind: 'settings', label: 'Choose more memory…', field: 'size-field', memory },
  };
}

/** What an error says, in the page's words, and what helps. */
export async function tell(error: unknown, tried: Tried): Promise<Told> {
  const at: object = typeof error === 'object' && error !== null ? error : new Error(String(error));
  const code = field(at, 'code') ?? '';
  const text = sentence(field(at, 'message') ?? 'No reason is known; loading the page again may help');
  const own = tried.guest?.id === 'own';
  switch (code) {
    case 'NO_MEMORY64':
      return { code, title: 'This browser has no 64-bit WebAssembly memory', text: BROWSERS };
    case 'NO_MEMORY':
      return { code, ...noMemory(tried) };
    case 'TOO_LITTLE_MEMORY':
      return { code, ...(await tooLittle(tried)) };
    case 'BAD_KERNEL': {
      const name = own ? `${tried.guest?.name} is` : 'This is';
      const remedy: Remedy = own ? { kind: 'settings', label: 'Choose another kernel…', field: 'kernel' } : START_AGAIN;
      // The module knows the file by this name.
      return { code, title: `${name} no kernel that the machine can boot`, text: sentence(text.replace(/^Kernel: /, '')), remedy };
    }
    case 'BAD_STATE':
      return { code, title: 'This saved state cannot be used', text };
    case 'BAD_OPTION':
      return { code, title: 'A setting does not work', text, remedy: { kind: 'settings', label: 'Change the settings…', field: 'append' } };
    case 'SOURCE':
      return { code, title: 'A file is not available', text, remedy: { kind: 'again', label: 'Try again' } };
    case 'STATE':
      return { code, title: 'Not possible now', text, remedy: START_AGAIN };
    case 'TRAP': {
      const detail = field(at, 'details');
      return { code, title: 'The machine stopped by a fault of its own', text, remedy: START_AGAIN, ...(detail ? { detail } : {}) };
    }
    default:
      return { code, title: 'Something went wrong', text, remedy: START_AGAIN };
  }
}

/** Shows an error below the terminal, whose last lines stay to be read. */
export function showFault(told: Told): void {
  say(need('fault-code'), told.code);
  say(need('fault-title'), told.title);
  say(need('fault-text'), told.text);
  say(need('fault-detail'), told.detail ?? '');
  need('fault-detail').hidden = told.detail === undefined;
  say(need('fault-remedy-label'), told.remedy?.label ?? '');
  need('fault-remedy').hidden = told.remedy === undefined;
  need('fault').hidden = false;
}

export function hideFault(): void {
  need('fault').hidden = true;
}
