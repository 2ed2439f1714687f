// Compiled guest code: modules whose functions go into the table of the machine's own module.

/** What of the machine's module they share and import. */
export interface CodeExports {
  memory: WebAssembly.Memory;
  __indirect_function_table: WebAssembly.Table;
  v64_jit_find: WebAssembly.ImportValue;
  v64_jit_find_to_write: WebAssembly.ImportValue;
  v64_jit_store: WebAssembly.ImportValue;
  v64_jit_step: WebAssembly.ImportValue;
  v64_jit_code_address: WebAssembly.ImportValue;
  v64_jit_jump: WebAssembly.ImportValue;
  v64_jit_flags_result: WebAssembly.ImportValue;
  v64_jit_flags_aux: WebAssembly.ImportValue;
  v64_jit_f80: WebAssembly.ImportValue;
  /** Hears how it went with a module that was to be compiled later, by its first slot. */
  v64_compiled(first: number, good: number): void;
}

/** How an order went, as `crates/web/src/host.rs` reads it. */
export const Installed = { refused: 0, now: 1, later: 2 } as const;

/**
 * Bytes of a module that is compiled in the middle of a slice at most.
 *
 * V8 only checks a module here and compiles each function when it is first called. For that Node took 0.07 ms up to 4 KiB,
 * 0.2 ms at 32 and 0.6 ms at 250: always little of a slice. But V8 shares the work with helper threads and waits for them,
 * and above 32 KiB one in ten waited for 2 to 5 ms beside other work on two cores. What is compiled later takes 0.02 to 0.1 ms
 * of the slice, and is there with the next one: for small ones that is not worth being interpreted so long.
 */
export const AT_ONCE = 32 << 10;

/** A module that is being compiled. */
interface Order {
  first: number;
  count: number;
}

/** Makes compiled guest code callable. */
export class GuestCode {
  readonly #x: CodeExports;
  readonly #imports: WebAssembly.Imports;
  readonly #atOnce: number;
  /** What is being compiled and still wanted */
  readonly #orders = new Set<Order>();

  constructor(x: CodeExports, atOnce: number) {
    this.#x = x;
    this.#atOnce = atOnce;
    this.#imports = {
      v64: {
        memory: x.memory,
        table: x.__indirect_function_table,
        find: x.v64_jit_find,
        find_to_write: x.v64_jit_find_to_write,
        store: x.v64_jit_store,
        step: x.v64_jit_step,
        code_address: x.v64_jit_code_address,
        jump: x.v64_jit_jump,
        flags_result: x.v64_jit_flags_result,
        flags_aux: x.v64_jit_flags_aux,
        f80: x.v64_jit_f80,
      },
    };
  }

  /** Takes a module that fills `count` slots from `first` on. A large one is compiled later where that `mayWait`. */
  install(bytes: Uint8Array<ArrayBuffer>, first: number, count: number, mayWait: boolean): number {
    try {
      this.#reach(BigInt(first + count));
      if (mayWait && bytes.length > this.#atOnce) {
        void this.#later(bytes, { first, count });
        return Installed.later;
      }
      new WebAssembly.Instance(new WebAssembly.Module(bytes), this.#imports);
      return Installed.now;
    } catch {
      return Installed.refused;
    }
  }

  /** Lets the table have so many slots. */
  #reach(slots: bigint): void {
    const table = this.#x.__indirect_function_table;
    const have = BigInt(table.length);
    // 64-bit tables speak BigInt, which the types do not know yet.
    if (have < slots) table.grow(((slots > 2n * have ? slots : 2n * have) - have) as never);
  }

  /** Compiles beside the machine. Comes back between two slices, as every promise does: no guest code runs then. */
  async #later(bytes: Uint8Array<ArrayBuffer>, order: Order): Promise<void> {
    this.#orders.add(order);
    let good = 0;
    try {
      const module = await WebAssembly.compile(bytes);
      // Its slots may have been given away since: an instance would put its functions over those of another.
      if (!this.#orders.has(order)) return;
      new WebAssembly.Instance(module, this.#imports);
      good = 1;
    } catch {
      // As told below, unless nobody wants to know any more.
    }
    if (this.#orders.delete(order)) this.#x.v64_compiled(order.first, good);
  }

  /** Empties slots. What is being compiled for any of them is not wanted any more. */
  retire(first: number, count: number): void {
    const end = first + count;
    for (const order of this.#orders) {
      if (order.first < end && first < order.first + order.count) this.#orders.delete(order);
    }
    for (let slot = first; slot < end; slot++) this.#x.__indirect_function_table.set(BigInt(slot) as never, null);
  }
}
