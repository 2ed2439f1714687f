import { host } from '#host';
import { messageOf, V64Error } from './error.ts';
import type { DiskPlace } from './protocol.ts';

/**
 * Where a file may come from: its bytes, a `Blob` or `File`, a `Response`, or its address. A string is a URL in a browser,
 * and a path or a URL in Node. `{ url }` and `{ buffer }` are the forms that v86 takes.
 */
export type V64Source =
  | string
  | URL
  | ArrayBuffer
  | ArrayBufferView
  | Blob
  | Response
  | { readonly url: string | URL }
  | { readonly buffer: ArrayBuffer | ArrayBufferView | Blob };

const tag = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

/** Returns the bytes of a buffer or a view of one, `undefined` for anything else. Buffers of other realms count. */
export function bytesOf(value: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  const isBuffer = tag(value) === 'ArrayBuffer' || tag(value) === 'SharedArrayBuffer';
  return isBuffer ? new Uint8Array(value as ArrayBuffer) : undefined;
}

function has<K extends string>(value: unknown, ...names: K[]): value is Record<K, unknown> {
  return typeof value === 'object' && value !== null && names.every((name) => name in value);
}

/** Returns what a value is, for a message. */
export function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return `'${value}'`;
  return typeof value === 'object' ? `of type ${tag(value)}` : `a ${typeof value}`;
}

/** A source, sorted by what has to be done to read it. */
type Sorted = { bytes: Uint8Array } | { blob: Blob } | { response: Response } | { path: string | URL } | { url: string | URL };

/** Sorts an address. In Node a string without a scheme is a path; a single letter is a drive of Windows. */
function address(source: string | URL, what: string): Sorted {
  const scheme = /^([a-z][a-z0-9+.-]+:)/i.exec(String(source))?.[1]?.toLowerCase();
  if (scheme === undefined) return host.readFile && typeof source === 'string' ? { path: source } : { url: source };
  if (!host.schemes.includes(scheme)) {
    throw new V64Error('SOURCE', `cannot read the ${what} from ${scheme} addresses; give ${host.strings}, or its bytes`);
  }
  return scheme === 'file:' ? { path: new URL(source) } : { url: source };
}

function sort(source: unknown, what: string): Sorted {
  const bytes = bytesOf(source);
  if (bytes) return { bytes };
  if (typeof source === 'string' && source !== '') return address(source, what);
  if (tag(source) === 'URL') return address(source as URL, what);
  if (has(source, 'arrayBuffer', 'ok', 'headers')) return { response: source as unknown as Response };
  if (has(source, 'arrayBuffer', 'size')) return { blob: source as unknown as Blob };
  if (has(source, 'buffer')) return sort(source.buffer, what);
  if (has(source, 'url') && (typeof source.url === 'string' || tag(source.url) === 'URL')) return sort(source.url, what);
  const possible = `${host.strings}; an ArrayBuffer, a Uint8Array, a Blob or File, a Response, { url } or { buffer }`;
  const leave = source === null ? ', or leave it out' : '';
  throw new V64Error('BAD_OPTION', `${what} is ${describe(source)}; give ${possible}${leave}`);
}

/** Throws where a source is none, without reading it. */
export function checkSource(source: unknown, what: string): void {
  sort(source, what);
}

/** How a source is read. */
export interface ReadOptions {
  /** Hears how much of a download there is; `total` is 0 where the server does not tell */
  readonly progress?: (loaded: number, total: number) => void;
  /** Ends a download */
  readonly signal?: AbortSignal | undefined;
}

/** Reads an answer's body, and reports how far it is. */
async function body(response: Response, promised: number, progress: NonNullable<ReadOptions['progress']>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let loaded = 0;
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
    parts.push(part.value);
    loaded += part.value.length;
    progress(loaded, Number.isNaN(promised) ? 0 : promised);
  }
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}

async function fetched(response: Response, name: string, { progress }: ReadOptions): Promise<Uint8Array> {
  if (!response.ok) throw new V64Error('SOURCE', `${name} could not be read: the server says ${response.status}`);
  const plain = !response.headers.get('content-encoding');
  const promised = plain ? Number(response.headers.get('content-length') ?? NaN) : NaN;
  const bytes = progress ? await body(response, promised, progress) : new Uint8Array(await response.arrayBuffer());
  if (promised > bytes.length) {
    throw new V64Error('SOURCE', `${name} broke off after ${bytes.length} of ${promised} bytes; try again`);
  }
  return bytes;
}

/**
 * Returns where an image is, for a worker, and what messages call it. What cannot be read in parts is read whole.
 *
 * # Errors
 * As {@link read}.
 */
export async function placeOf(source: V64Source, what: string, isWhole: boolean, options: ReadOptions): Promise<{ place: DiskPlace; label: string }> {
  const sorted = sort(source, what);
  if ('bytes' in sorted) return { place: { kind: 'bytes', bytes: sorted.bytes }, label: what };
  if ('blob' in sorted) {
    const { blob } = sorted;
    return { place: { kind: 'blob', blob }, label: blob instanceof File ? blob.name : what };
  }
  if ('path' in sorted) {
    const path = host.pathOf?.(sorted.path) ?? String(sorted.path);
    return { place: { kind: 'path', path }, label: path };
  }
  if ('url' in sorted && !isWhole) {
    const url = new URL(sorted.url, host.base?.()).href;
    if (/^https?:/.test(url)) return { place: { kind: 'url', url }, label: url };
  }
  const label = 'url' in sorted && !String(sorted.url).startsWith('data:') ? String(sorted.url) : what;
  return { place: { kind: 'bytes', bytes: await read(source, what, options) }, label };
}

/**
 * Reads a source whole.
 *
 * # Errors
 * `BAD_OPTION` where it is no source, `SOURCE` where it cannot be read.
 */
export async function read(source: V64Source, what: string, options: ReadOptions = {}): Promise<Uint8Array> {
  const sorted = sort(source, what);
  const named = 'url' in sorted ? ` ${String(sorted.url)}` : 'path' in sorted ? ` ${String(sorted.path)}` : '';
  try {
    if ('bytes' in sorted) return sorted.bytes;
    if ('blob' in sorted) return new Uint8Array(await sorted.blob.arrayBuffer());
    if ('response' in sorted) return await fetched(sorted.response, `the ${what}`, options);
    if ('url' in sorted) return await fetched(await fetch(sorted.url, { signal: options.signal ?? null }), `the ${what}${named}`, options);
    if (!host.readFile) throw new Error('there is no file system');
    return await host.readFile(sorted.path);
  } catch (error) {
    if (error instanceof V64Error) throw error;
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
    throw new V64Error('SOURCE', `cannot read the ${what}${named}: ${messageOf(error)}${cause}`);
  }
}
