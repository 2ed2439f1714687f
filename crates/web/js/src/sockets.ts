// Monitors of the command: sockets of Node's, and the terminal.
import { rmSync, statSync } from 'node:fs';
import { createServer, connect as connectTo, type Server, type Socket } from 'node:net';
import { messageOf } from './error.ts';
import type { MonitorPlan } from './instance.ts';
import type { V64 } from './v64.ts';

/** The name of a socket, for messages. */
function nameOf({ unix, tcp }: MonitorPlan): string {
  return unix === null ? `tcp:${tcp?.join(':') ?? ''}` : `unix:${unix}`;
}

function address({ unix, tcp }: MonitorPlan): { path: string } | { host?: string; port: number } {
  if (unix !== null) return { path: unix };
  const [host, port] = tcp ?? ['', 0];
  return host === '' ? { port } : { host, port };
}

/** A socket's file that is left of a program that has ended. */
function removeOld(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isSocket()) rmSync(path);
}

/** The sockets of a machine's monitors. */
export class Sockets {
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #files: string[] = [];
  readonly #vm: Promise<V64>;

  /** Connections are answered once there is a machine. */
  constructor(vm: Promise<V64>) {
    this.#vm = vm;
  }

  /**
   * Opens a monitor's socket.
   *
   * # Errors
   * It cannot be opened: one line that names it.
   */
  async open(plan: MonitorPlan): Promise<void> {
    const cannot = (error: unknown): Error => new Error(`cannot open the monitor's socket ${nameOf(plan)}: ${messageOf(error)}`);
    if (!plan.server) {
      const socket = connectTo(address(plan));
      await new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve);
        socket.once('error', (error) => reject(cannot(error)));
      });
      return this.#accept(plan, socket);
    }
    if (plan.unix !== null) removeOld(plan.unix);
    // One client at a time, as natively.
    const server = createServer((socket) => this.#accept(plan, socket));
    server.maxConnections = 1;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(cannot(error)));
      server.listen(address(plan), resolve);
    });
    if (plan.unix !== null) this.#files.push(plan.unix);
    this.#servers.push(server);
  }

  #accept(plan: MonitorPlan, socket: Socket): void {
    this.#sockets.add(socket);
    // A client that has gone is no error of the machine's.
    socket.on('error', () => {});
    socket.pause();
    // Without a machine the command ends, and says why.
    this.#serve(plan, socket).catch(() => socket.destroy());
  }

  async #serve(plan: MonitorPlan, socket: Socket): Promise<void> {
    const vm = await this.#vm;
    const connection = await vm.connect(plan.kind, (text) => void socket.write(text));
    socket.on('data', (bytes) => connection.send(new Uint8Array(bytes)));
    socket.once('close', () => {
      this.#sockets.delete(socket);
      connection.close();
    });
    socket.resume();
  }

  /** Ends all connections, once they have been sent what there is. */
  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroySoon();
    for (const file of this.#files) rmSync(file, { force: true });
  }
}
