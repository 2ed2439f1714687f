// The note that a saved state holds: a section of its file before the machine's own.
import { V64Error } from './error.ts';
import { bytesOf, describe } from './source.ts';

const MAGIC = 'v64state';
/** Bytes before the first section: the magic number and the version of the frame */
const HEADER = MAGIC.length + 4;
const NOTE = 'note';
/** Bytes of a section before its content: the tag with its length, the version, the length */
const FRAME = 1 + NOTE.length + 2 + 8;

/**
 * Returns the note that `saveState({ note })` put into a state; `undefined` where there is none, or the bytes are no state.
 *
 * Rejects with `BAD_OPTION` for what is neither bytes nor a Blob.
 */
export async function noteOf(state: Uint8Array | ArrayBuffer | Blob): Promise<string | undefined> {
  const bytes = bytesOf(state);
  const isBlob = state instanceof Blob;
  if (!bytes && !isBlob) throw new V64Error('BAD_OPTION', `a state is no ${describe(state)}; give a Uint8Array or a Blob`);
  const part = async (from: number, to: number): Promise<Uint8Array> =>
    bytes ? bytes.subarray(from, to) : new Uint8Array(await (state as Blob).slice(from, to).arrayBuffer());
  const head = await part(0, HEADER + FRAME);
  const text = (from: number, to: number): string => new TextDecoder('latin1').decode(head.subarray(from, to));
  if (head.length < HEADER + FRAME || text(0, MAGIC.length) !== MAGIC) return undefined;
  if (head[HEADER] !== NOTE.length || text(HEADER + 1, HEADER + 1 + NOTE.length) !== NOTE) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const length = Number(view.getBigUint64(HEADER + FRAME - 8, true));
  return new TextDecoder().decode(await part(HEADER + FRAME, HEADER + FRAME + length));
}
