// Links that name a machine: which options they have, and what is said of those that name none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Link, parseLink } from '../../page/links.ts';

const BASE = 'https://pc.example.org/page/';
const parse = (query: string) => parseLink(new URLSearchParams(query), BASE);

function link(query: string): Link {
  const found = parse(query);
  assert.ok(found && 'drives' in found, `${query}: ${JSON.stringify(found)}`);
  return found;
}

function error(query: string): string {
  const found = parse(query);
  assert.ok(found && 'error' in found, query);
  return found.error;
}

/** The addresses of a link, by their options. */
function places({ files, drives }: Link): Record<string, string> {
  return Object.fromEntries([...files, ...drives].map(({ place, url }) => [place, url.href]));
}

test('a drive boots by firmware, from the drive that is named', () => {
  const cd = link('cdrom=https://example.org/a/debian%2012.iso');
  assert.deepEqual(places(cd), { cdrom: 'https://example.org/a/debian%2012.iso' });
  assert.deepEqual([cd.name, cd.boot, cd.vga, cd.memory, cd.append], ['debian 12.iso', 'd', 'std', 2 ** 30, undefined]);
  assert.equal(link('hda=disk.img').boot, 'c');
  assert.equal(link('fda=disk.img').boot, 'a');
  // As QEMU has them, whatever order the link has.
  assert.equal(link('hda=disk.img&cdrom=x.iso').boot, 'd');
  assert.equal(link('hda=disk.img&cdrom=x.iso&boot=menu%3Don').boot, 'menu=on');
  assert.deepEqual(places(link('hda=a.img&hdb=b.img&fdb=c.img')), {
    hda: `${BASE}a.img`, hdb: `${BASE}b.img`, fdb: `${BASE}c.img`,
  });
});

test('a kernel has an initrd, a command line and drives', () => {
  const found = link('kernel=/vmlinuz&initrd=initrd.gz&append=console%3DttyS0+root%3D%2Fdev%2Fsda&hda=disk.qcow2&m=512M&vga=none');
  assert.deepEqual(places(found), { kernel: 'https://pc.example.org/vmlinuz', initrd: `${BASE}initrd.gz`, hda: `${BASE}disk.qcow2` });
  assert.deepEqual(
    [found.name, found.append, found.memory, found.vga, found.boot],
    ['vmlinuz', 'console=ttyS0 root=/dev/sda', 512 * 2 ** 20, 'none', undefined],
  );
  assert.equal(link('bios=OVMF.fd').name, 'OVMF.fd');
});

test('a link without a file names no machine', () => {
  for (const query of ['', 'guest=debian', 'm=1G', 'cdrom=', 'boot=d']) assert.equal(parse(query), undefined, query);
});

test('what cannot be is said in one sentence', () => {
  assert.match(error('initrd=x'), /an initrd, and no kernel/);
  assert.match(error('append=quiet&hda=x'), /a command line, and no kernel/);
  assert.match(error('kernel=x&m=much'), /m is much. Memory is a number/);
  assert.match(error('kernel=x&m=900G'), /Memory is between/);
  assert.match(error('kernel=x&vga=cirrus'), /vga is std or none, and not cirrus/);
  for (const bad of ['https://', 'javascript:alert(1)', 'file:///etc/passwd', 'data:,x']) {
    assert.match(error(`cdrom=${encodeURIComponent(bad)}`), /cdrom is no address of a file/, bad);
  }
  // An escape that is none is no harm to the name.
  assert.equal(link('cdrom=https://example.org/100%25%2525.iso').name, '100%%25.iso');
});
