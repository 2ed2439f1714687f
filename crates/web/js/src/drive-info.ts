/** A drive, and what is in it. */
export interface V64DriveInfo {
  /** Its name, as `eject()` and `insert()` take it */
  id: string;
  /** Media can be taken out */
  removable: boolean;
  /** The guest does not let the medium go */
  locked: boolean;
  /** The tray is open */
  open: boolean;
  /** The medium: where it comes from, and its size in bytes */
  medium: { name: string; size: number; readOnly: boolean } | null;
}

/** What `query-block` answers. */
interface QueryBlock {
  device: string;
  removable: boolean;
  locked: boolean;
  tray_open?: boolean;
  inserted?: { file: string; ro: boolean; image: { 'virtual-size': number } };
}

/** Drives by the options that they are. */
const DRIVES: Readonly<Record<string, string>> = { cdrom: 'ide1-cd0', fda: 'floppy0', fdb: 'floppy1' };

/** Returns QEMU's name of a drive, which may be given as the option of its image. */
export const driveId = (name: string): string => DRIVES[name] ?? name;

/** Returns the drives that `query-block` lists. */
export function driveInfo(answer: unknown): V64DriveInfo[] {
  return (answer as QueryBlock[]).map(({ device, removable, locked, tray_open, inserted }) => ({
    id: device,
    removable,
    locked,
    open: tray_open ?? false,
    medium: inserted ? { name: inserted.file, size: inserted.image['virtual-size'], readOnly: inserted.ro } : null,
  }));
}
