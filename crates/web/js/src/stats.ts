/** What a machine did, summed over its processors, and where it is. */
export interface V64Stats {
  instructions: number;
  /** Mode and privilege level of the first processor that is not halted */
  mode: string;
  cpl: number;
  /** Whether all processors are */
  halted: boolean;
  processors: number;
  resets: number;
  blocksRun: number;
  decoded: number;
  invalidated: number;
  walks: number;
  portIo: number;
  mmio: number;
  interrupts: number;
  halts: number;
  exceptions: number[];
  ramBytes: number;
  /** Calls from the module to JavaScript */
  hostCalls: number;
}
