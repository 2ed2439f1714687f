import { host } from '#host';
import { V64Error } from './error.ts';

/** `(module (memory i64 1))` */
const MEMORY64 = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 3, 1, 4, 1]);

/** Returns whether this engine has 64-bit memories, without which there is no machine. */
export function hasMemory64(): boolean {
  return typeof WebAssembly === 'object' && WebAssembly.validate(MEMORY64);
}

/** Throws where this engine lacks 64-bit memories, naming those that have them. */
export function requireMemory64(): void {
  if (!hasMemory64()) throw new V64Error('NO_MEMORY64', host.noMemory64);
}
