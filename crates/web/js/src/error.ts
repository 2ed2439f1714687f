/** What a {@link V64Error} is about. */
export type V64Code =
  | 'NO_MEMORY64' // the engine does not know 64-bit memories
  | 'BAD_OPTION' // an option or argument that does not exist, or that the machine cannot have
  | 'BAD_KERNEL' // a file that is no kernel, or does not fit
  | 'TOO_LITTLE_MEMORY' // the guest needs more memory than the machine has
  | 'BAD_STATE' // a saved state that is damaged, or of another version or machine
  | 'SOURCE' // a file that could not be read: kernel, initrd, an image, the module or the worker
  | 'MONITOR' // a command of qmp() or monitor() failed
  | 'NO_MEMORY' // the engine does not give as much memory as was asked for
  | 'STATE' // not now: a second run(), a call after destroy()
  | 'TIMEOUT' // waitFor() found nothing in time
  | 'TRAP'; // the module itself failed

/** Everything that goes wrong, with a code for programs and a sentence for people. */
export class V64Error extends Error {
  override readonly name = 'V64Error';
  readonly code: V64Code;
  /** After a trap: registers, and what the serial line said last */
  readonly details: string | undefined;

  constructor(code: V64Code, message: string, details?: string) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
