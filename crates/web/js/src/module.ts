// The wasm64 module, compiled once for all machines.
import { messageOf, V64Error } from './error.ts';
import { requireMemory64 } from './features.ts';
import { read } from './source.ts';

const compiled = new Map<string, Promise<WebAssembly.Module>>();

const TODO = 'put v64.wasm there, or give its address as `wasmUrl`';
/** Vite's development server rewrites packages into a folder of its own, and older ones leave the module behind. */
const VITE = "put `optimizeDeps: { exclude: ['v64'] }` into Vite's configuration";

/** Beside this file, where bundlers put it as well. */
function own(): URL {
  try {
    return new URL('./v64.wasm', import.meta.url);
  } catch {
    // A bundle that is no module does not know where it lies.
    throw new V64Error('SOURCE', `the address of this script is unknown: bundle as an ES module, or ${TODO.slice(TODO.indexOf('give'))}`);
  }
}

async function load(url: string | URL): Promise<WebAssembly.Module> {
  const todo = String(url).includes('/.vite/deps') ? VITE : TODO;
  let bytes: Uint8Array;
  try {
    bytes = await read(url, 'module');
  } catch (error) {
    throw new V64Error('SOURCE', `${messageOf(error)}; ${todo}`);
  }
  // Servers of single-page applications answer with a page where there is no file.
  const isWasm = bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d;
  if (!isWasm) throw new V64Error('SOURCE', `${String(url)} is no WebAssembly module; ${todo}`);
  try {
    return await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
  } catch (error) {
    throw new V64Error('SOURCE', `the engine does not compile ${String(url)}: ${messageOf(error)}`);
  }
}

/**
 * Returns the module.
 *
 * # Errors
 * `NO_MEMORY64` where the engine cannot have it, `SOURCE` where it cannot be read.
 */
export async function wasmModule(given?: string | URL): Promise<WebAssembly.Module> {
  requireMemory64();
  const url = given ?? own();
  const key = String(url);
  let module = compiled.get(key);
  if (!module) {
    module = load(url);
    compiled.set(key, module);
    // What could not be read may be there at the next try.
    module.catch(() => compiled.delete(key));
  }
  return module;
}
