// Where COM1 goes, and what keys do: in Node as natively.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BABBLE, ECHO_KEYS, multiboot } from '../guests.ts';
import { inNode, NATIVE, natively, noNative, PKG } from './harness.ts';

let folder = '';
before(() => void (folder = mkdtempSync(join(tmpdir(), 'v64-terminal-'))));
after(() => rmSync(folder, { recursive: true }));

test('--serial file:PATH holds what the native command writes there', { skip: noNative }, async () => {
  const args = ['run', '--clock', 'icount', '--max-instructions', '3000000', '--serial'];
  const [here, there] = [join(folder, 'here'), join(folder, 'there')];
  // What was there before goes.
  writeFileSync(here, 'x'.repeat(1 << 20));
  const [a, b] = await Promise.all([inNode(...args, `file:${here}`), natively(...args, `file:${there}`)]);
  assert.deepEqual(a, b);
  assert.equal(a.code, 3);
  assert.match(readFileSync(here, 'latin1'), /v64 demo guest/);
  assert.equal(readFileSync(here, 'latin1'), readFileSync(there, 'latin1'));

  const nowhere = `file:${join(folder, 'no/such/folder')}`;
  const [c, d] = await Promise.all([inNode(...args, nowhere), natively(...args, nowhere)]);
  assert.deepEqual([c.code, d.code], [2, 2]);
  for (const { stderr } of [c, d]) assert.match(stderr, /^v64: cannot write .*no\/such\/folder/);
});

const NODE = [process.execPath, join(PKG, 'cli.mjs')];
const noScript = existsSync('/usr/bin/script') ? false : 'no terminal to be had: install bsdutils';

for (const [where, command] of [['in Node', NODE], ['natively', [NATIVE]]] as const) {
  const skip = noScript || (where === 'natively' && noNative);

  test(`keys go to the guest raw, and Ctrl-A X leaves: ${where}`, { skip }, async (t) => {
    const kernel = join(folder, `keys-${command.length}`);
    writeFileSync(kernel, multiboot(ECHO_KEYS));
    const line = [...command, 'run', '-m', '16M', '--kernel', kernel].map((word) => `'${word}'`).join(' ');
    const child = spawn('script', ['-qec', `${line}; echo code $?; stty -a`, '/dev/null']);
    let text = '';
    child.stdout.setEncoding('latin1').on('data', (part: string) => (text += part));
    const end = Date.now() + 30_000;
    const until = async (wanted: string): Promise<void> => {
      while (!text.includes(wanted) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
      assert.ok(text.includes(wanted), `no ${wanted} in:\n${text}`);
    };
    t.after(() => child.kill());
    await until('R');
    // Ctrl-C, Ctrl-Z, Ctrl-\, a line end and Ctrl-D are the guest's; of Ctrl-A it gets the second.
    child.stdin.write('\x03\x1a\x1c\r\x04\x01\x01');
    await until('CZ\\MDA');
    child.stdin.write('\x01x');
    await until('code 0');
    // And the terminal is as it was.
    await until('echoctl');
    assert.match(text, /(?<!-)\bisig (?<!-)icanon \w+ echo /);
    child.stdin.end();
  });

  test(`a reader that goes away ends the run: ${where}`, { skip: where === 'natively' && noNative }, async () => {
    const kernel = join(folder, `babble-${command.length}`);
    writeFileSync(kernel, multiboot(BABBLE));
    const [program = '', ...before] = command;
    const child = spawn(program, [...before, 'run', '-m', '16M', '--kernel', kernel]);
    let complaints = '';
    child.stderr.setEncoding('utf8').on('data', (part: string) => (complaints += part));
    child.stdout.once('data', () => child.stdout.destroy());
    const code = await new Promise((resolve) => child.once('exit', resolve));
    assert.equal(code, 0, complaints);
  });
}
