// What the page says of errors, and what it offers: in the page's words, not in those of a command line.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tell, type Tried } from '../../page/fault.ts';
import { bzImage } from '../guests.ts';

const GIB = 2 ** 30;
const kernel = new Blob([bzImage()]);

function tried(id: 'debian' | 'own' | 'demo', memory: number): Tried {
  const parts = { kernel };
  return { guest: { id, name: id === 'own' ? 'vmlinuz' : 'Debian', memory, prepare: async () => parts }, parts };
}

test('every error has a title, a sentence and no option of the command', async () => {
  const codes = ['NO_MEMORY64', 'NO_MEMORY', 'TOO_LITTLE_MEMORY', 'BAD_KERNEL', 'BAD_OPTION', 'SOURCE', 'STATE', 'TRAP', 'NEW', ''];
  const titles = new Set<string>();
  for (const code of codes) {
    for (const id of ['debian', 'own', 'demo'] as const) {
      const message = code.endsWith('MEMORY') ? 'there is too little; give another -m' : 'the reason';
      const told = await tell({ code, message }, tried(id, GIB));
      assert.match(told.text, /^[A-Zv].*[.]$/, code);
      assert.doesNotMatch(told.title + told.text, / -m\b|--\w/, code);
      titles.add(told.title);
    }
  }
  // BAD_KERNEL names the file; the last two are one.
  assert.equal(titles.size, codes.length);
  const odd = await tell(undefined, { guest: undefined, parts: undefined });
  assert.match(odd.text, /\w/);
});

test('what cannot work is not offered again', async () => {
  const own = await tell({ code: 'NO_MEMORY', message: '' }, tried('own', 60 * GIB));
  assert.match(own.text, /60 GiB.*less than 16 GiB/);
  assert.deepEqual(own.remedy, { kind: 'settings', label: 'Choose less memory…', field: 'size-field', memory: 8 * GIB });

  const ours = await tell({ code: 'NO_MEMORY', message: '' }, tried('debian', GIB / 2));
  assert.doesNotMatch(ours.text, /16 GiB/);
  assert.deepEqual(ours.remedy, { kind: 'memory', label: 'Start with 256 MiB', memory: GIB / 4 });
  const least = await tell({ code: 'NO_MEMORY', message: '' }, tried('debian', GIB / 8));
  assert.equal(least.remedy, undefined);
  assert.match(least.text, /Close other tabs/);

  const small = await tell({ code: 'TOO_LITTLE_MEMORY', message: '' }, tried('own', 4 << 20));
  assert.match(small.text, /^vmlinuz needs at least 78 MiB to start, and the machine has 4 MiB\./);
  assert.ok(small.remedy?.kind === 'settings' && small.remedy.memory === GIB / 4);
  const unknown = { ...tried('own', 4 << 20), parts: { kernel: new Blob(['\x7fELF']) } };
  assert.match((await tell({ code: 'TOO_LITTLE_MEMORY' }, unknown)).text, /^vmlinuz needs more, and the machine has 4 MiB\./);

  assert.equal((await tell({ code: 'BAD_KERNEL' }, tried('own', GIB))).remedy?.kind, 'settings');
  assert.equal((await tell({ code: 'NO_MEMORY64' }, tried('own', GIB))).remedy, undefined);
  assert.equal((await tell({ code: 'SOURCE' }, tried('debian', GIB))).remedy?.kind, 'again');
});
