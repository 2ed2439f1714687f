import { debianFiles, download, type Guest, type Parts, type Progress } from './guests.ts';

/** A file of the server's: where it is among the guests, and what it is called while it is downloaded. */
type Served = readonly [path: string, name: string];

/** A guest of the gallery. */
export interface Shown extends Guest {
  /** What it is, in two or three words */
  what: string;
}

const MIB = 2 ** 20;

function served(
  id: string,
  [name, what]: readonly [string, string],
  memory: number,
  files: Readonly<Partial<Record<'kernel' | 'initrd' | 'bios' | 'cdrom', Served>>>,
  more: Parts = {},
): Shown {
  const prepare = async (progress: (at: Progress) => void, signal: AbortSignal): Promise<Parts> => {
    const parts: Parts = { vga: 'std', ...more };
    for (const [use, [path, called]] of Object.entries(files) as [keyof typeof files, Served][]) {
      parts[use] = await download(new URL(`guests/${path}`, document.baseURI), called, progress, signal, false);
    }
    return parts;
  };
  return { id, name, what, memory: memory * MIB, prepare };
}

const INSTALLER: Served = ['installer/linux', 'installer’s kernel'];

/** Guests that `cargo xtask serve` has from Debian's packages. All of them have a screen. */
export const gallery: readonly Shown[] = [
  {
    id: 'debian-screen',
    name: 'Debian, on the screen',
    what: 'shell on VGA',
    memory: 512 * MIB,
    prepare: async (progress, signal) => ({
      ...(await debianFiles(progress, signal)),
      vga: 'std',
      append: 'console=ttyS0 console=tty0',
    }),
  },
  served('installer', ['Debian installer', 'text'], 1024, { kernel: INSTALLER, initrd: ['installer/initrd.gz', 'Debian installer'] }, { append: 'vga=normal' }),
  served('installer-gtk', ['Debian installer', 'graphical'], 1024, { kernel: INSTALLER, initrd: ['installer/gtk/initrd.gz', 'graphical Debian installer'] }, {
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

/** Drives that a link can name, and what firmware boots from then. */
const DRIVES = { cdrom: 'd', hda: 'c', fda: 'a' } as const;

/** Returns a guest of images that an address names, as `?cdrom=https://...` does; `undefined` where it names none. */
export function linked(parameters: URLSearchParams): Guest | undefined {
  const places = Object.keys(DRIVES) as (keyof typeof DRIVES)[];
  const named = places.flatMap((place) => {
    const address = parameters.get(place);
    return address ? [{ place, address }] : [];
  });
  const [first] = named;
  if (!first) return undefined;
  const images = Object.fromEntries(named.map(({ place, address }) => [place, { url: new URL(address, document.baseURI) }]));
  const name = first.address.split('/').at(-1) || first.address;
  return { id: 'link', name, memory: 1024 * MIB, prepare: async () => ({ vga: 'std', boot: DRIVES[first.place], ...images }) };
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
    name.textContent = guest.name.replace(/^Debian, on the screen$/, 'Debian').replace(/^Debian installer$/, 'Installer');
    what.textContent = guest.what;
    key.append(name, what);
    key.addEventListener('click', () => boot(guest));
    box.append(key);
  }
}
