import { debianFiles, download, type Guest, type Parts, type Progress, ready } from './guests.ts';
import type { Link } from './links.ts';

/** A file of the server's: where it is among the guests, and what it is called while it is downloaded. */
type Served = readonly [path: string, name: string];

/** A guest of the gallery. */
export interface Shown extends Guest {
  /** What its key says: a name, and what it is, in two or three words */
  short: string;
  what: string;
}

const MIB = 2 ** 20;

function served(
  id: string,
  [name, what, short = name]: readonly [name: string, what: string, short?: string],
  memory: number,
  files: Readonly<Partial<Record<'kernel' | 'initrd' | 'bios' | 'cdrom' | 'hda', Served>>>,
  more: Parts = {},
): Shown {
  const prepare = async (progress: (at: Progress) => void, signal: AbortSignal): Promise<Parts> => {
    const parts: Parts = { vga: 'std', ...more };
    for (const [use, [path, called]] of Object.entries(files) as [keyof typeof files, Served][]) {
      const url = new URL(`guests/${path}`, document.baseURI);
      if (use === 'hda') {
        await ready(url, called, progress, signal);
        parts.hda = { url };
      } else parts[use] = await download(url, called, progress, signal, false);
    }
    return parts;
  };
  return { id, name, short, what, memory: memory * MIB, prepare };
}

const INSTALLER: Served = ['installer/linux', 'installer’s kernel'];

/** Guests that `cargo xtask serve` has, most of them from Debian's packages. All of them have a screen. */
export const gallery: readonly Shown[] = [
  {
    id: 'debian-screen',
    name: 'Debian, on the screen',
    short: 'Debian',
    what: 'shell on VGA',
    memory: 512 * MIB,
    prepare: async (progress, signal) => ({
      ...(await debianFiles(progress, signal)),
      vga: 'std',
      append: 'console=ttyS0 console=tty0',
    }),
  },
  served('debian-disk', ['Debian, on a disk', 'on a disk', 'Debian'], 1024, { hda: ['debian/disk.img', 'Debian disk'] }),
  served(
    'alpine', ['Alpine', 'on a disk'], 512,
    { kernel: ['alpine/linux', 'Alpine kernel'], initrd: ['alpine/initrd', 'Alpine initramfs'], hda: ['alpine/disk.qcow2', 'Alpine disk'] },
    { append: 'console=ttyS0 console=tty0 nomodeset root=/dev/sda modules=ext4,ata_piix,sd_mod rootfstype=ext4' },
  ),
  served('installer', ['Debian installer', 'text', 'Installer'], 1024, { kernel: INSTALLER, initrd: ['installer/initrd.gz', 'Debian installer'] }, { append: 'vga=normal fb=false nomodeset' }),
  served('installer-gtk', ['Debian installer', 'graphical', 'Installer'], 1024, { kernel: INSTALLER, initrd: ['installer/gtk/initrd.gz', 'graphical Debian installer'] }, {
    append: 'vga=788',
  }),
  served('memtest', ['Memtest', 'of memory'], 128, { kernel: ['memtest/memtest.bin', 'Memtest86+'] }),
  served('ipxe', ['iPXE', 'network boot'], 128, { kernel: ['ipxe/ipxe.lkrn', 'iPXE'] }),
  served('invaders', ['Invaders', 'a game'], 64, { kernel: ['invaders/invaders.exec', 'game'] }),
  served('uefi', ['UEFI', 'OVMF’s shell'], 512, { bios: ['uefi/OVMF.fd', 'UEFI firmware (OVMF)'] }),
  served('grub', ['GRUB', 'rescue CD'], 128, { cdrom: ['grub/rescue.iso', 'GRUB rescue CD'] }),
];

/** Firmware alone, which finds nothing to boot: it has no key, but a link. */
export const firmware = served('seabios', ['SeaBIOS', 'no drives'], 64, {});

/** Returns the guest of a link. */
export function linked({ name, memory, files, drives, ...options }: Link): Guest {
  const prepare = async (progress: (at: Progress) => void, signal: AbortSignal): Promise<Parts> => {
    const parts: Parts = { ...options };
    for (const { place, url, name } of files) parts[place] = await download(url, name, progress, signal, place === 'kernel');
    for (const { place, url } of drives) parts[place] = { url };
    return parts;
  };
  return { id: 'link', name, memory, prepare };
}

/** Makes a key for each guest of the gallery. */
export function showGallery(box: HTMLElement, boot: (guest: Guest) => void): void {
  for (const guest of gallery) {
    const key = document.createElement('button');
    key.type = 'button';
    key.className = 'key';
    key.dataset['guest'] = guest.id;
    key.setAttribute('aria-pressed', 'false');
    const [name, what] = [document.createElement('b'), document.createElement('small')];
    name.textContent = guest.short;
    what.textContent = guest.what;
    key.append(name, what);
    key.addEventListener('click', () => boot(guest));
    box.append(key);
  }
}
