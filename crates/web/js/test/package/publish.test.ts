// What `npm publish` would send.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { npm, PKG } from './tools.ts';

const manifest = JSON.parse(readFileSync(join(PKG, 'package.json'), 'utf8')) as Record<string, unknown>;

test('the tarball holds the library, its command, the licences and nothing else', () => {
  const [packed] = JSON.parse(npm(PKG, 'pack', '--dry-run', '--json')) as [{ files: { path: string; mode: number }[] }];
  const paths = packed.files.map(({ path }) => path);
  const code = ['cli.mjs', 'node.mjs', 'v64.d.ts', 'v64.mjs', 'v64.wasm', 'v86.d.ts', 'v86.mjs', 'v86.node.mjs', 'worker.mjs'];
  const firmware = ['LICENSE-seabios', 'bios-256k.bin', 'vgabios-stdvga.bin'].map((name) => `firmware/${name}`);
  assert.deepEqual(paths.toSorted(), ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'package.json', ...code, ...firmware].toSorted());
  const named = JSON.stringify([manifest['exports'], manifest['bin'], manifest['types']]).match(/[\w.-]+\.(mjs|wasm|d\.ts)/g);
  for (const name of named ?? []) assert.ok(paths.includes(name.replace(/^\.\//, '')), name);
});

test('npm publish has nothing to correct or to warn of', () => {
  const { status, stderr } = spawnSync('npm', ['publish', '--dry-run'], { cwd: PKG, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  // Who publishes in earnest is logged in.
  const warnings = stderr.split('\n').filter((line) => /^npm (warn|error)/i.test(line) && !line.includes('logged in'));
  assert.deepEqual(warnings, []);
  for (const field of ['name', 'version', 'description', 'keywords', 'license', 'engines']) assert.ok(manifest[field], field);
});

test('only the command begins with a line for the shell, and what browsers load imports nothing', () => {
  for (const name of ['v64.mjs', 'worker.mjs', 'node.mjs', 'cli.mjs']) {
    const code = readFileSync(join(PKG, name), 'utf8');
    assert.equal(code.startsWith('#!'), name === 'cli.mjs', name);
    if (name !== 'v64.mjs' && name !== 'worker.mjs') continue;
    assert.doesNotMatch(code, /^\s*import\s|\bimport\(|\brequire\(/m, name);
    // Node's own modules are asked for where there is Node, by a call that bundlers do not follow.
    assert.doesNotMatch(code.replaceAll(/getBuiltinModule\S*\(\s*"node:\w+"\s*\)/g, ''), /['"]node:/, name);
  }
});
