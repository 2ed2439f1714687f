import { need, say } from './dom.js';

interface Told {
  code: string;
  title: string;
  text: string;
  detail?: string | undefined;
}

const TITLES: Record<string, string> = {
  NO_MEMORY64: 'This browser has no 64-bit WebAssembly memory',
  BAD_OPTION: 'An option that the machine does not take',
  BAD_KERNEL: 'This is no kernel that the machine can boot',
  SOURCE: 'A file cannot be had',
  NO_MEMORY: 'The browser does not grant this much memory',
  STATE: 'Not possible now',
  TRAP: 'The machine stopped by a fault of its own',
};

const BROWSERS =
  'v64 is a 64-bit program. Chrome and Edge have what it needs since version 133, Firefox since 134, Node.js since 24. ' +
  'Safari has it in development. Please update this browser, or open the page in one of these.';

function field(error: object, name: string): string | undefined {
  const value = (error as Record<string, unknown>)[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** What an error says, in the page's words where the page knows better. */
export function tell(error: unknown): Told {
  const at: object = typeof error === 'object' && error !== null ? error : new Error(String(error));
  const code = field(at, 'code') ?? '';
  const message = field(at, 'message') ?? 'No reason is known.';
  return {
    code,
    title: TITLES[code] ?? 'Something went wrong',
    text: code === 'NO_MEMORY64' ? BROWSERS : message,
    detail: field(at, 'details'),
  };
}

/** Shows an error below the terminal, whose last lines stay to be read. */
export function showFault(error: unknown): void {
  const told = tell(error);
  say(need('fault-code'), told.code);
  say(need('fault-title'), told.title);
  say(need('fault-text'), told.text);
  say(need('fault-detail'), told.detail ?? '');
  need('fault-detail').hidden = told.detail === undefined;
  need('fault-again').hidden = told.code === 'NO_MEMORY64' || told.code === 'BAD_KERNEL';
  need('fault-files').hidden = told.code === 'NO_MEMORY64' || told.code === 'TRAP';
  need('fault').hidden = false;
}

export function hideFault(): void {
  need('fault').hidden = true;
}
