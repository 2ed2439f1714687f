// `v64` in Node: the flags of the native command, parsed by the same parser inside the module.
import { open, readFile, rename, rm } from 'node:fs/promises';
import zlib from 'node:zlib';
import { messageOf, V64Error } from './error.ts';
import { Instance, type Plan } from './instance.ts';
import { wasmModule } from './module.ts';
import { fromPaths } from './supply.ts';
import { Sockets } from './sockets.ts';
import { Terminal, type TerminalMonitor } from './terminal.ts';
import { V64 } from './v64.ts';

/** Lines handed over at a time */
const BATCH = 200;

/** Runs a command line. Gives the exit code. */
export async function main(words: string[]): Promise<number> {
  try {
    const module = await wasmModule();
    const instance = await Instance.create(module, (line) => process.stderr.write(`${line}\n`));
    const plan = instance.command(words);
    switch (plan.kind) {
      case 'text':
        process.stdout.write(plan.stdout);
        process.stderr.write(plan.stderr);
        return plan.exitCode;
      case 'microtest':
        return await microtest(instance, plan.file);
      case 'run':
        return await run(words, plan);
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`v64: ${message}\n`);
    if (error instanceof V64Error && error.details) process.stderr.write(`${error.details}\n`);
    return 2;
  }
}

/** Where Ctrl-A S saves without `--save-state` */
const DEFAULT_STATE = 'v64.state';

/** Runs what loads a state. Errors name its file. */
async function loading<T>(path: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (error instanceof V64Error && error.code !== 'BAD_STATE') throw error;
    throw new Error(`cannot load the state ${path}: ${messageOf(error)}`);
  }
}

/** Writes the state to a file and returns its size. An earlier file stays until the new one is complete. */
async function saveState(vm: V64, path: string): Promise<number> {
  const part = `${path}.${process.pid}.part`;
  try {
    const bytes = await vm.saveState();
    const file = await open(part, 'w');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
    return bytes.length;
  } catch (error) {
    await rm(part, { force: true });
    throw new Error(`cannot save the state to ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Ctrl-A S: the machine goes on, whatever comes of it. */
async function saveNow(vm: V64, path: string): Promise<void> {
  const said = await saveState(vm, path).then(
    (size) => `saved the state to ${path} (${size >> 10} KiB)`,
    (error: Error) => error.message,
  );
  process.stderr.write(`\r\nv64: ${said}\r\n`);
}

async function microtest(instance: Instance, file: string): Promise<number> {
  const packed = await readFile(file === '-' ? '/dev/stdin' : file);
  const isZstd = packed.length > 4 && packed.readUInt32LE(0) === 0xfd2fb528;
  const lines = (isZstd ? zlib.zstdDecompressSync(packed) : packed).toString('utf8').split('\n');
  for (let at = 0; at < lines.length; at += BATCH) {
    process.stdout.write(instance.microtest(lines.slice(at, at + BATCH).join('\n')));
  }
  const { text, exitCode } = instance.microtestEnd();
  process.stdout.write(text);
  return exitCode;
}

async function run(words: string[], plan: Extract<Plan, { kind: 'run' }>): Promise<number> {
  const terminal = new Terminal(plan.serial);
  try {
    // The flags again, as they are.
    const loadState = plan.files.find((file) => file.role === 'state')?.path ?? null;
    const launch = (state?: Uint8Array): Promise<V64> => {
      const options = {
        onSerial: (bytes: Uint8Array) => terminal.write(bytes),
        onLog: (line: string) => void process.stderr.write(`${line}\n`),
      };
      return V64.launch(words.length === 0 ? ['run'] : words, options, fromPaths(state), true);
    };
    const launched = loadState === null ? launch() : loading(loadState, async () => launch(await readFile(loadState)));
    const sockets = new Sockets(launched);
    try {
      // Clients need not wait until files are read.
      await Promise.all([launched, ...plan.monitors.filter(({ stdio }) => !stdio).map((place) => sockets.open(place))]);
      const vm = await launched;
      vm.on('diskError', ({ message }) => void process.stderr.write(`v64: ${message}\n`));
      return await end(vm, plan, terminal);
    } finally {
      sockets.close();
      // A worker that is left would keep the process alive.
      await launched.then((vm) => vm.destroy(), () => {});
    }
  } finally {
    terminal.restore();
  }
}

/** Runs a machine to its end. Gives the exit code. */
async function end(vm: V64, plan: Extract<Plan, { kind: 'run' }>, terminal: Terminal): Promise<number> {
  let monitor: TerminalMonitor | undefined;
  for (const place of plan.monitors) {
    if (!place.stdio) continue;
    // What a monitor says that was not opened yet is shown once it is.
    let opened = !place.shared;
    const { send } = await vm.connect(place.kind, (text) => opened && terminal.print(text));
    const { shared } = place;
    monitor = { shared, send: (bytes) => ((opened = true), send(bytes)) };
  }
  terminal.read(
    (bytes) => vm.serial.write(bytes),
    () => void vm.powerOff(),
    () => void saveNow(vm, plan.saveState ?? DEFAULT_STATE),
    monitor,
  );
  const { exitCode, reason, report } = await vm.run();
  terminal.restore();
  if (terminal.failure !== undefined) throw new Error(terminal.failure);
  process.stderr.write(reason === 'powered off' ? '' : reason);
  if (plan.stats) process.stderr.write(await vm.report());
  process.stderr.write(report);
  if (plan.saveState !== null) await saveState(vm, plan.saveState);
  return exitCode;
}
