// A static server for what bundlers made, with the headers that a test wants.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
};

export interface Site {
  url: string;
  /** Paths that were asked for, with the status of the answer */
  readonly asked: [string, number][];
  close(): void;
}

/** Serves a folder at a free port. */
export async function serve(folder: string, headers: Record<string, string> = {}): Promise<Site> {
  const asked: [string, number][] = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const path = join(folder, normalize(pathname === '/' ? '/index.html' : pathname));
    const answer = (status: number, body: Uint8Array | string, type = TYPES[extname(path)] ?? 'text/plain'): void => {
      asked.push([pathname, status]);
      response.writeHead(status, { ...headers, 'content-type': type }).end(body);
    };
    try {
      answer(200, readFileSync(path));
    } catch {
      // Browsers ask for an icon by themselves.
      if (pathname === '/favicon.ico') answer(204, '');
      else answer(404, 'no such file', 'text/plain');
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { url, asked, close: () => void server.close().closeAllConnections() };
}
