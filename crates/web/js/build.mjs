// Builds the package: library, worker, command, declarations; and the page. V64_PKG names the folder, `pkg/` at the top
// otherwise.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import esbuild from 'esbuild';
import { pack } from './page/pack.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const top = join(here, '../../..');
const pkg = process.env.V64_PKG ?? join(top, 'pkg');
mkdirSync(pkg, { recursive: true });

/** One file from one entry. */
const code = (entry, file, more) => ({
  entryPoints: [join(here, entry)], outfile: join(pkg, file), bundle: true, format: 'esm', target: 'es2022', ...more,
});

// The worker stands alone. The browser's library holds a copy, for where the file cannot be loaded.
const worker = code('src/worker.ts', 'worker.mjs', { platform: 'neutral' });
await esbuild.build(worker);
const [copy] = (await esbuild.build({ ...worker, write: false, minify: true })).outputFiles;
// What plays sound runs in a thread of the browser's, which loads it from the library's copy.
const [sound] = (await esbuild.build(code('src/sound-worklet.ts', 'sound.mjs', { platform: 'neutral', write: false, minify: true }))).outputFiles;
const inBrowser = { WORKER_SOURCE: JSON.stringify(copy.text), SOUND_SOURCE: JSON.stringify(sound.text) };
const inNode = { SOUND_SOURCE: '""' };
await esbuild.build(code('src/index.ts', 'v64.mjs', { platform: 'browser', define: inBrowser }));
await esbuild.build(code('src/index.ts', 'node.mjs', { platform: 'node', define: inNode }));
await esbuild.build(code('src/bin.ts', 'cli.mjs', { platform: 'node', define: inNode, banner: { js: '#!/usr/bin/env node' } }));
chmodSync(join(pkg, 'cli.mjs'), 0o755);

/** The library is a file beside others: none swallows it. */
const beside = (file) => ({
  name: 'v64',
  setup: (build) => build.onResolve({ filter: /^v64$/ }, () => ({ path: `./${file}`, external: true })),
});
const apart = beside('v64.mjs');
await esbuild.build(code('src/v86/index.ts', 'v86.mjs', { platform: 'browser', plugins: [apart] }));
await esbuild.build(code('src/v86/index.ts', 'v86.node.mjs', { platform: 'node', plugins: [beside('node.mjs')] }));
await esbuild.build(code('page/main.ts', 'page.mjs', { platform: 'browser', target: 'es2024', plugins: [apart], minify: true }));
await esbuild.build({ entryPoints: { page: join(here, 'page/page.css') }, outdir: pkg, bundle: true, minify: true, loader: { '.woff2': 'file' }, assetNames: 'fonts/[name]' });
await pack(pkg);
copyFileSync(join(here, 'README.md'), join(pkg, 'README.md'));

// Declarations of what index.ts exports, and of nothing else.
const generator = join(here, 'node_modules/dts-bundle-generator/dist/bin/dts-bundle-generator.js');
const declared = ['--project', 'tsconfig.types.json', '--no-banner', '--export-referenced-types', 'false', '--silent'];
const declare = (file, entry, ...more) =>
  execFileSync(process.execPath, [generator, ...declared, ...more, '-o', join(pkg, file), entry], { cwd: here, stdio: 'inherit' });
declare('v64.d.ts', 'src/index.ts');
declare('v86.d.ts', 'src/v86/index.ts');
// `Symbol.asyncDispose` is not in older libraries of TypeScript; where it is, the two declarations are one.
const disposable = 'declare global {\n\tinterface SymbolConstructor {\n\t\treadonly asyncDispose: unique symbol;\n\t}\n}\n';
for (const file of ['v64.d.ts', 'v86.d.ts']) {
  const path = join(pkg, file);
  writeFileSync(path, `${disposable}${readFileSync(path, 'utf8')}`);
}

const { name, version, description, keywords, license, type, engines } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
const manifest = {
  name, version, description, keywords, license, type, engines,
  bin: { v64: 'cli.mjs' },
  types: './v64.d.ts',
  exports: {
    '.': { types: './v64.d.ts', browser: './v64.mjs', node: './node.mjs', default: './v64.mjs' },
    './v86': { types: './v86.d.ts', browser: './v86.mjs', node: './v86.node.mjs', default: './v86.mjs' },
    './worker.mjs': './worker.mjs',
    './v64.wasm': './v64.wasm',
    './firmware/*': './firmware/*',
    './package.json': './package.json',
  },
  sideEffects: false,
  // The page is no part of the library.
  files: [
    'v64.mjs', 'node.mjs', 'v86.mjs', 'v86.node.mjs', 'worker.mjs', 'cli.mjs', 'v64.wasm', 'firmware', 'v64.d.ts', 'v86.d.ts', 'LICENSE-APACHE', 'LICENSE-MIT',
  ],
};
writeFileSync(join(pkg, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
