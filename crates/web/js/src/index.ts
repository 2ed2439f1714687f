// The package's interface, the same in a browser and in Node.
export type { V64AttachOptions } from './attach.ts';
export type { V64DriveInfo } from './drive-info.ts';
export type { V64Drive, V64Image, V64Medium, V64MediumOptions } from './drives.ts';
export { V64Error, type V64Code } from './error.ts';
export type { V64End, V64Events, V64QmpEvent } from './events.ts';
export { hasMemory64 } from './features.ts';
export type { V64Keyboard, V64SendOptions, V64TypeOptions } from './keyboard.ts';
export type { V64Layout } from './layouts.ts';
export type { V64Button, V64Mouse } from './mouse.ts';
export type { V64Options, V64Progress } from './options.ts';
export type { V64Mode, V64Rect } from './painter.ts';
export type { V64Frame, V64Picture, V64Screen, V64ScreenTarget } from './screen.ts';
export type { V64Serial } from './serial.ts';
export type { V64Source } from './source.ts';
export type { V64Stats } from './stats.ts';
export { V64 } from './v64.ts';
export type { V64Terminal } from './terminal-binding.ts';
export type { V64WaitOptions } from './wait.ts';
