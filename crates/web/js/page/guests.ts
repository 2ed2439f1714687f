import type { V64Options } from 'v64';
import { identify } from './sniff.ts';

/** How far a download is. `total` is absent where the server does not say. */
export interface Progress {
  name: string;
  loaded: number;
  total?: number;
  /** What the server does before it has the file */
  doing?: string;
}

/** What a guest is made of, but for its memory. */
export type Parts = Omit<V64Options, 'memory' | 'kernel' | 'initrd' | 'bios' | 'state'> & { kernel?: Blob; initrd?: Blob; bios?: Blob; state?: Blob };

/** Something to boot. */
export interface Guest {
  /** `own`, `state`, or its name in links: `?guest=debian` */
  id: string;
  name: string;
  /** Guest memory in bytes; a saved state knows its own */
  memory?: number;
  /** Gets what the machine needs; may take a download. */
  prepare(progress: (at: Progress) => void, signal: AbortSignal): Promise<Parts>;
}

/** A guest that could not be had. */
export class GuestError extends Error {
  readonly code = 'SOURCE';
}

const MEMORY = 512 * 2 ** 20;

/** The guest that comes with the machine. */
export const demo: Guest = {
  id: 'demo',
  name: 'Self-test',
  memory: MEMORY,
  prepare: async () => ({}),
};

const KERNEL = new URL('guests/debian/vmlinuz', document.baseURI);
const INITRD = new URL('guests/debian/initramfs.cpio', document.baseURI);

/** Downloads that are done: a second boot needs none. */
const kept = new Map<string, Blob>();
const addresses = new WeakMap<Blob, string>();

/** Returns where a file was downloaded from, as an address relative to the page; `undefined` for the user's own. */
export function servedFrom(file: Blob): string | undefined {
  return addresses.get(file);
}

/** A server's own reason, where it gives one in a line: not a page of HTML. */
async function reason(response: Response): Promise<string> {
  if (!response.headers.get('Content-Type')?.startsWith('text/plain')) return '';
  const text = (await response.text().catch(() => '')).trim();
  return text.split('\n', 1)[0]?.slice(0, 300) ?? '';
}

async function refused(response: Response, url: URL, name: string): Promise<GuestError> {
  const { status } = response;
  if (status === 404 || status === 410) {
    if (!isOwn(url)) return new GuestError(`${url.host} does not have the ${name}: there is nothing at ${url.href}.`);
    return new GuestError(
      `This server does not have the ${name} at ${url.pathname}; cargo xtask serve brings it along.`,
    );
  }
  const why = await reason(response);
  return new GuestError(`The server cannot give the ${name}: ${why || `it answers with HTTP status ${status}.`}`);
}

/** Whether an address is of the server that has the page. */
function isOwn(url: URL): boolean {
  return url.origin === new URL(document.baseURI).origin;
}

/** Milliseconds between two looks at a file that the server has to make first. */
const AGAIN = 1000;

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    }, { once: true });
  });
}

/** Asks for a file until the server has it. */
async function answer(
  url: URL,
  name: string,
  progress: (at: Progress) => void,
  signal: AbortSignal,
  headers: Record<string, string> = {},
): Promise<Response> {
  // Only of the page's own server: elsewhere the browser would have to ask first whether it may send this.
  const prefer: Record<string, string> = isOwn(url) ? { Prefer: 'respond-async' } : {};
  for (;;) {
    let response: Response;
    try {
      response = await fetch(url, { signal, headers: { ...headers, ...prefer } });
    } catch (error) {
      if (signal.aborted) throw error;
      const own = 'The server does not answer. Is cargo xtask serve still running?';
      throw new GuestError(isOwn(url) ? own : `${url.host} does not answer, or does not let this page read the ${name}.`);
    }
    if (!response.ok) throw await refused(response, url, name);
    if (response.status !== 202) return response;
    progress({ name, loaded: 0, doing: await reason(response) });
    await pause(AGAIN, signal);
  }
}

/** Waits until the server has a file, which is read in parts later. */
export async function ready(url: URL, name: string, progress: (at: Progress) => void, signal: AbortSignal): Promise<void> {
  progress({ name, loaded: 0 });
  const response = await answer(url, name, progress, signal, { Range: 'bytes=0-0' });
  await response.body?.cancel();
}

/** Downloads a file, and says how far it is. `looks` says whether it has to be a kernel or an initrd by its first bytes. */
export async function download(
  url: URL,
  name: string,
  progress: (at: Progress) => void,
  signal: AbortSignal,
  looks = true,
): Promise<Blob> {
  const old = kept.get(url.href);
  if (old) return old;
  progress({ name, loaded: 0 });
  const response = await answer(url, name, progress, signal);
  const length = Number(response.headers.get('Content-Length') ?? 0);
  const total = length > 0 && !response.headers.has('Content-Encoding') ? { total: length } : {};
  const parts: BlobPart[] = [];
  let loaded = 0;
  try {
    const reader = response.body?.getReader();
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      parts.push(part.value);
      loaded += part.value.length;
      progress({ name, loaded, ...total });
    }
  } catch (error) {
    if (signal.aborted) throw error;
    throw new GuestError(`The download of the ${name} broke off after ${loaded} bytes.`);
  }
  const file = new Blob(parts);
  const { use, what } = await identify(file);
  if (looks && !use) throw new GuestError(`The server sent ${what ?? 'something else'} in place of the ${name}.`);
  kept.set(url.href, file);
  const base = new URL('.', document.baseURI).href;
  addresses.set(file, url.href.startsWith(base) ? url.href.slice(base.length) : url.href);
  return file;
}

/** Debian's kernel and an initramfs with its busybox, from the server. */
export async function debianFiles(progress: (at: Progress) => void, signal: AbortSignal): Promise<{ kernel: Blob; initrd: Blob }> {
  const kernel = await download(KERNEL, 'Debian kernel', progress, signal);
  const initrd = await download(INITRD, 'Debian initramfs', progress, signal);
  return { kernel, initrd };
}

/** Debian's kernel and busybox, which the server offers. */
export const debian: Guest = {
  id: 'debian',
  name: 'Debian',
  memory: MEMORY,
  prepare: async (progress, signal) => ({ ...(await debianFiles(progress, signal)), append: 'console=ttyS0' }),
};
