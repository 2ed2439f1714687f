// The package's interface, the same in a browser and in Node.
export { V64Error, type V64Code } from './error.ts';
export type { V64End, V64Events } from './events.ts';
export { hasMemory64 } from './features.ts';
export type { V64Options } from './options.ts';
export type { V64Serial, V64WaitOptions } from './serial.ts';
export type { V64Source } from './source.ts';
export { V64, type V64Stats } from './v64.ts';
