// The package's interface, the same in a browser and in Node.
export type { V64Drive, V64Image, V64Medium, V64MediumOptions } from './drives.ts';
export { V64Error, type V64Code } from './error.ts';
export type { V64End, V64Events, V64QmpEvent } from './events.ts';
export { hasMemory64 } from './features.ts';
export type { V64Options, V64Progress } from './options.ts';
export type { V64Serial, V64WaitOptions } from './serial.ts';
export type { V64Source } from './source.ts';
export { V64, type V64DriveInfo, type V64Stats } from './v64.ts';
