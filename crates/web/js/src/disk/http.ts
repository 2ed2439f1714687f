// Images on a server that answers ranges of bytes.
import { CachedMedium } from './cache.ts';
import { DiskError } from './medium.ts';

/** Pauses before what failed is tried again, in milliseconds. */
const PAUSES = [250, 1000, 3000];

/** How much of an image has been fetched. */
export type Progress = (loaded: number, total: number) => void;

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Answers that may be others at the next try. */
const passes = (status: number): boolean => status === 408 || status === 425 || status === 429 || status >= 500;

function reason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return `${error instanceof Error ? error.message : String(error)}${cause}`;
}

/** Fetches a range, with pauses and further tries where the network or the server fails. */
async function range(url: string, from: number, to: number, pauses: readonly number[]): Promise<{ response: Response; bytes: Uint8Array }> {
  let why = '';
  for (const pause of [...pauses, -1]) {
    try {
      const response = await fetch(url, { headers: { range: `bytes=${from}-${to}` } });
      if (response.status === 206) return { response, bytes: new Uint8Array(await response.arrayBuffer()) };
      // The rest of it is not wanted.
      await response.body?.cancel();
      if (!passes(response.status)) return { response, bytes: new Uint8Array() };
      why = `the server says ${response.status}`;
    } catch (error) {
      why = reason(error);
    }
    if (pause >= 0) await wait(pause);
  }
  throw new DiskError('IO', `cannot read ${url}: ${why} (${pauses.length + 1} attempts)`);
}

function refused(url: string, response: Response): DiskError {
  if (response.status === 200) {
    const todo = 'serve the image by a server that has them, or give its bytes as `{ buffer }`';
    return new DiskError('IO', `${url}: the server has no ranges (it sends the whole file); ${todo}`);
  }
  return new DiskError('IO', `cannot read ${url}: the server says ${response.status}`);
}

/** Bytes that are fetched first: they tell size and format. */
const FIRST = 1 << 16;

/**
 * Opens an image on a server.
 *
 * # Errors
 * It is not there, the server has no ranges, or does not tell the size.
 */
export async function openUrl(url: string, progress: Progress, pauses: readonly number[] = PAUSES): Promise<CachedMedium> {
  const { response, bytes } = await range(url, 0, FIRST - 1, pauses);
  // An empty file has no ranges.
  if (response.status === 416) throw new DiskError('IO', `${url}: the file is empty`);
  if (response.status !== 206) throw refused(url, response);
  const size = Number(/\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1] ?? NaN);
  if (!Number.isSafeInteger(size)) {
    const todo = 'have it send Content-Range, and expose that header to other origins';
    throw new DiskError('IO', `${url}: the server does not tell the size of the file; ${todo}`);
  }
  const tag = response.headers.get('etag');
  let loaded = 0;
  let first: Uint8Array | undefined = bytes;
  return new CachedMedium(size, async (offset, length) => {
    if (offset === 0 && first && first.length >= Math.min(length, size)) {
      const start = first.subarray(0, length);
      first = undefined;
      progress((loaded += start.length), size);
      return start;
    }
    const got = await range(url, offset, offset + length - 1, pauses);
    if (got.response.status !== 206) throw refused(url, got.response);
    const other = got.response.headers.get('etag');
    if (tag !== null && other !== null && other !== tag) {
      throw new DiskError('IO', `${url} has changed on the server since it was opened; start again`);
    }
    if (got.bytes.length !== length) {
      throw new DiskError('IO', `${url}: the server sent ${got.bytes.length} of ${length} bytes`);
    }
    progress((loaded += length), size);
    return got.bytes;
  });
}
