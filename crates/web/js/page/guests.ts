import type { V64Options } from 'v64';

/** How far a download is. `total` is absent where the server does not say. */
export interface Progress {
  name: string;
  loaded: number;
  total?: number;
}

/** Something to boot. */
export interface Guest {
  id: string;
  name: string;
  /** Gets what the machine needs; may take a download. */
  prepare(progress: (at: Progress) => void, signal: AbortSignal): Promise<V64Options>;
}

/** A guest that could not be had. */
export class GuestError extends Error {
  readonly code = 'SOURCE';
}

/** The guest that comes with the machine. */
export const demo: Guest = {
  id: 'demo',
  name: 'Demo guest',
  prepare: async () => ({}),
};

const KERNEL = new URL('guests/debian/vmlinuz', document.baseURI);
const INITRD = new URL('guests/debian/initramfs.cpio', document.baseURI);

/** Downloads that are done: a second boot needs none. */
const kept = new Map<string, Blob>();

async function answer(url: URL, signal: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { signal });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new GuestError('The server does not answer. Is `cargo xtask serve` still running?');
  }
  if (response.ok) return response;
  const why = (await response.text().catch(() => '')).slice(0, 300);
  throw new GuestError(`${url.pathname} cannot be had (HTTP ${response.status}). ${why}`);
}

/** Fetches a file, telling how far it is. */
async function download(url: URL, name: string, progress: (at: Progress) => void, signal: AbortSignal): Promise<Blob> {
  const old = kept.get(url.href);
  if (old) return old;
  progress({ name, loaded: 0 });
  const response = await answer(url, signal);
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
  kept.set(url.href, file);
  return file;
}

/** Debian's kernel and busybox, which the server offers. */
export const debian: Guest = {
  id: 'debian',
  name: 'Debian',
  prepare: async (progress, signal) => {
    const kernel = await download(KERNEL, 'kernel', progress, signal);
    const initrd = await download(INITRD, 'initramfs', progress, signal);
    return { kernel, initrd, append: 'console=ttyS0', memory: '512M' };
  },
};
