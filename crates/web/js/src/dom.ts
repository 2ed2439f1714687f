// Interfaces of the DOM in public declarations. Programs for Node are compiled without its types: there these are `never`.

export type DomElement = typeof globalThis extends { HTMLElement: { prototype: infer T } } ? T : never;
export type DomKeyboardEvent = typeof globalThis extends { KeyboardEvent: { prototype: infer T } } ? T : never;
export type DomImage = typeof globalThis extends { HTMLImageElement: { prototype: infer T } } ? T : never;
export type DomAudioContext = typeof globalThis extends { BaseAudioContext: { prototype: infer T } } ? T : never;
export type DomAudioNode = typeof globalThis extends { AudioNode: { prototype: infer T } } ? T : never;
type PageCanvas = typeof globalThis extends { HTMLCanvasElement: { prototype: infer T } } ? T : never;
type WorkerCanvas = typeof globalThis extends { OffscreenCanvas: { prototype: infer T } } ? T : never;
export type DomCanvas = PageCanvas | WorkerCanvas;
