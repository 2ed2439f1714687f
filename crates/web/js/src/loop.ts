// The worker's side: a machine run in slices, with messages heard in between.
import { Desk, WrittenFiles } from './desk.ts';
import { Disks } from './disk/disks.ts';
import { Display } from './display.ts';
import { V64Error } from './error.ts';
import { Instance, Status } from './instance.ts';
import type { FromWorker, Question, ToWorker } from './protocol.ts';

/** How long a slice takes, in milliseconds: input waits no longer than this. */
const SLICE_MS = 8;
/** The same while drives wait for an answer, which should reach the guest soon. */
const SHORT_SLICE_MS = 2;
/** Milliseconds between two looks at what the machine plays */
const SOUND_MS = 15;
/** Of the serial output, what a crash report repeats */
const TAIL = 2000;

/** Lets messages in. */
const breathe: () => Promise<void> = typeof setImmediate === 'function' ? immediately : channel();

function immediately(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A message to oneself comes behind those that wait. One channel for good: browsers keep each that is not closed. */
function channel(): () => Promise<void> {
  const { port1, port2 } = new MessageChannel();
  let heard: (() => void) | undefined;
  port1.onmessage = () => heard?.();
  return () =>
    new Promise((resolve) => {
      heard = resolve;
      port2.postMessage(0);
    });
}

/** Runs one machine as messages ask. */
export class Loop {
  readonly #post: (message: FromWorker, transfer?: Transferable[]) => void;
  /** A machine that waits for its files */
  #prepared: Instance | undefined;
  #instance: Instance | undefined;
  readonly #disks: Disks;
  #desk: Desk | undefined;
  #display: Display | undefined;
  /** Questions that are answered when all keys have been typed */
  #typing: number[] = [];
  /** What the machine plays is heard, and when it was last looked for */
  #hears = false;
  #heard = 0;
  #wanted = false;
  #running = false;
  #over = false;
  #powerOff = false;
  #ran = 0;
  #wake: (() => void) | undefined;
  #tail = '';
  #panic: string | undefined;

  constructor(post: (message: FromWorker, transfer?: Transferable[]) => void) {
    this.#post = post;
    this.#disks = new Disks({
      progress: (name, loaded, total) => post({ type: 'progress', name, loaded, total }),
      failed: (name, message) => post({ type: 'diskError', name, message }),
    });
  }

  /** Hears one message. */
  async hear(message: ToWorker): Promise<void> {
    try {
      await this.#hear(message);
    } catch (error) {
      this.#fail(error, message.type === 'ask' ? message.id : undefined);
    }
  }

  async #hear(message: ToWorker): Promise<void> {
    switch (message.type) {
      case 'create': {
        const log = (line: string): void => {
          if (line.startsWith('panicked')) this.#panic = line;
          this.#post({ type: 'log', line });
        };
        const { writes, base } = message;
        const disks = this.#disks;
        const written = new WrittenFiles(writes, (why) => disks.fail(why));
        const services = { ...disks.services(), file: written.file };
        const instance = await Instance.create(message.module, log, undefined, services);
        const plan = instance.command(message.args);
        if (plan.kind !== 'run') {
          const text = plan.kind === 'text' ? plan.stderr || plan.stdout : 'only `run` makes a machine';
          throw new V64Error('BAD_OPTION', sentence(text));
        }
        if (plan.serial.startsWith('file:') && !writes) {
          throw new V64Error('BAD_OPTION', '--serial file: is for the command: what COM1 sends comes to `onSerial`');
        }
        if (plan.lines.length > 0 && !writes) {
          throw new V64Error('BAD_OPTION', `files for lines are for the command: leave ${plan.lines[0]} out`);
        }
        if (plan.saveState !== null && !writes) {
          throw new V64Error('BAD_OPTION', '--save-state is for the command: call `saveState()` when the state is wanted');
        }
        if (plan.monitors.some(({ shared }) => !shared) && !writes) {
          throw new V64Error('BAD_OPTION', '-qmp, -monitor and -mon are for the command: call `qmp()` and `monitor()`');
        }
        // A saved state brings its clock along.
        disks.repeatable = plan.clock === 'icount' || plan.files.some(({ role }) => role === 'state');
        this.#desk = new Desk(instance, disks, written, base, this.#post, (code) => {
          if (!this.#running && !this.#over) this.#end(code, '', '');
        });
        this.#prepared = instance;
        this.#post({ type: 'wants', files: plan.files });
        break;
      }
      case 'start': {
        const instance = this.#prepared;
        if (!instance) throw new V64Error('STATE', 'there is no machine');
        for (const [name, bytes] of Object.entries(message.files)) instance.file(name, bytes);
        for (const disk of message.disks) await this.#disks.open(disk, instance);
        if (message.sound !== undefined) instance.soundOpen(message.sound);
        instance.start();
        this.#hears = message.sound !== undefined;
        this.#instance = instance;
        if (message.screen) this.#display = new Display(instance, message.screen, this.#post);
        this.#post({ type: 'ready' });
        break;
      }
      case 'run':
        this.#wanted = true;
        this.#wake?.();
        if (!this.#running) await this.#run();
        break;
      case 'input':
        this.#instance?.input(message.bytes);
        this.#wake?.();
        break;
      case 'monitor':
        if (message.bytes) await this.#desk?.input(message.id, message.bytes);
        else this.#instance?.monitorClose(message.id);
        this.#wake?.();
        break;
      case 'host':
        if (this.#over) break;
        this.#instance?.hostInput(message.events);
        this.#wake?.();
        break;
      case 'drawn':
        this.#display?.drawn();
        break;
      case 'ask': {
        if (message.question.what === 'type') {
          this.#type(message.id, message.question.keys);
          break;
        }
        const value = await this.#answer(message.question);
        this.#post({ type: 'answer', id: message.id, value }, value instanceof Uint8Array ? [value.buffer] : []);
        break;
      }
    }
  }

  /** Types keys; the answer comes when the last is released. */
  #type(id: number, json: string): void {
    if (!this.#instance || this.#over) throw new V64Error('STATE', 'the machine has ended; create another');
    this.#instance.typeKeys(json);
    this.#typing.push(id);
    this.#wake?.();
  }

  #answerTyping(): void {
    for (const id of this.#typing) this.#post({ type: 'answer', id, value: undefined });
    this.#typing = [];
  }

  #answer(question: Exclude<Question, { what: 'type' }>): unknown {
    const [instance, desk] = [this.#instance, this.#desk];
    if (!instance || !desk) throw new V64Error('STATE', 'there is no machine');
    switch (question.what) {
      case 'stats':
        return instance.stats();
      case 'stateHash':
        return instance.stateHash();
      case 'report':
        return instance.report(this.#ran / 1000);
      case 'registers':
        return instance.registers();
      case 'pause':
        this.#wanted = false;
        return undefined;
      case 'reset':
        instance.reset();
        this.#wake?.();
        return undefined;
      case 'screenshot':
        return instance.screenshot();
      case 'picture': {
        const picture = instance.picture();
        if (picture) return picture;
        throw new V64Error('STATE', 'the machine has no display adapter');
      }
      case 'screenText':
        return instance.screenText();
      case 'writeMemory':
        return instance.memoryWrite(question.address, question.bytes);
      case 'saveState':
        return instance.saveState(new TextEncoder().encode(question.note));
      case 'restoreState':
        if (this.#over) throw new V64Error('STATE', 'the machine has ended; create another');
        instance.restoreState(question.bytes);
        this.#wake?.();
        return undefined;
      case 'powerOff':
        this.#powerOff = true;
        this.#wake?.();
        if (!this.#running) this.#end(0, 'powered off', '');
        return undefined;
      case 'qmp':
        return desk.qmp(question.execute, question.arguments).finally(() => this.#wake?.());
      case 'insert':
        return desk.insert(question.drive, question.force, question.disk).finally(() => this.#wake?.());
      case 'monitor':
        return instance.monitorOpen(question.kind);
    }
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      while (this.#wanted && !this.#over) {
        if (this.#powerOff) return this.#end(0, 'powered off', '');
        await this.#step();
      }
    } finally {
      this.#running = false;
    }
  }

  /** A slice, what it printed, and a breath. */
  async #step(): Promise<void> {
    const instance = this.#instance;
    if (!instance) throw new V64Error('STATE', 'there is no machine');
    const before = performance.now();
    const status = instance.run(this.#disks.isWaiting ? SHORT_SLICE_MS : SLICE_MS);
    this.#ran += performance.now() - before;
    // Each call has a reply of its own.
    const end = status === Status.ended ? instance.end() : undefined;
    this.#flush(instance);
    if (this.#typing.length > 0 && !instance.isTyping()) this.#answerTyping();
    this.#disks.serve(instance, () => this.#wake?.());
    this.#desk?.poll();
    this.#display?.overdue();
    if (this.#hears) this.#passSound(instance);
    if (end) return this.#end(end.exitCode, end.message, end.report);
    if (status === Status.idle) return this.#sleep(instance.idleMs());
    await breathe();
  }

  /** Passes on what the machine has played, a few times in what is played ahead. */
  #passSound(instance: Instance): void {
    const now = performance.now();
    if (now - this.#heard < SOUND_MS) return;
    this.#heard = now;
    const sound = instance.soundTake();
    if (sound) this.#post({ type: 'sound', ...sound }, [sound.samples.buffer]);
  }

  #flush(instance: Instance): void {
    const bytes = instance.output();
    if (!bytes) return;
    this.#tail = (this.#tail + new TextDecoder('latin1').decode(bytes)).slice(-TAIL);
    this.#post({ type: 'output', bytes }, [bytes.buffer]);
  }

  /** Nothing to do, unless a message comes. */
  async #sleep(ms: number): Promise<void> {
    if (ms < 1) return breathe();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(ms, 1000));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }

  #end(exitCode: number, message: string, report: string): void {
    this.#over = true;
    this.#display?.stop();
    this.#answerTyping();
    this.#post({ type: 'ended', exitCode, reason: message, report });
  }

  #fail(error: unknown, id?: number): void {
    if (error instanceof V64Error) {
      this.#post({ type: 'error', code: error.code, message: error.message, ...(id === undefined ? {} : { id }) });
      return;
    }
    this.#over = true;
    this.#display?.drop();
    let registers = '';
    try {
      if (this.#instance) this.#flush(this.#instance);
      registers = this.#instance?.registers() ?? '';
    } catch {
      // What failed may be beyond asking.
    }
    const message = `the machine failed: ${this.#panic ?? (error instanceof Error ? error.message : String(error))}`;
    this.#post({ type: 'error', code: 'TRAP', message, details: `${registers}\n\nCOM1 said last:\n${this.#tail}`.trim() });
  }
}

/** The first line of a parser's complaint. */
function sentence(text: string): string {
  return (text.split('\n')[0] ?? text).replace(/^(?:error|v64): /, '');
}
