import { V64Error } from './error.ts';
import { inNode } from './port.ts';

/** Where a file may come from. A string is a URL in a browser, and a path or a URL in Node. */
export type V64Source = ArrayBuffer | Uint8Array | Blob | Response | URL | string;

async function fetched(response: Response, name: string): Promise<Uint8Array> {
  if (!response.ok) throw new V64Error('SOURCE', `${name} could not be read: the server says ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const promised = Number(response.headers.get('content-length') ?? NaN);
  const plain = !response.headers.get('content-encoding');
  if (plain && promised > bytes.length) {
    throw new V64Error('SOURCE', `${name} broke off after ${bytes.length} of ${promised} bytes; try again`);
  }
  return bytes;
}

/** Reads a source whole. */
export async function read(source: V64Source, what: string): Promise<Uint8Array> {
  try {
    if (source instanceof Uint8Array) return source;
    if (source instanceof ArrayBuffer) return new Uint8Array(source);
    if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
    if (source instanceof Response) return await fetched(source, `the ${what}`);
    const isPath = inNode && (source instanceof URL ? source.protocol === 'file:' : !/^https?:/.test(source));
    if (isPath) {
      const { readFile } = await import('node:fs/promises');
      return new Uint8Array(await readFile(source));
    }
    return await fetched(await fetch(source), `the ${what} ${String(source)}`);
  } catch (error) {
    if (error instanceof V64Error) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new V64Error('SOURCE', `cannot read the ${what}: ${why}`);
  }
}
