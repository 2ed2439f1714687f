// Builds the package: module code, declarations, page. V64_PKG names the folder, `pkg/` at the top otherwise.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import esbuild from 'esbuild';
import { pack } from './page/pack.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const top = join(here, '../../..');
const pkg = process.env.V64_PKG ?? join(top, 'pkg');
mkdirSync(pkg, { recursive: true });
// Parts of earlier builds have other names.
for (const name of readdirSync(pkg)) if (/^(chunk|cli)-\w+\.mjs$/.test(name)) rmSync(join(pkg, name));

/** The page and the package are files beside each other: neither swallows the other. */
const apart = {
  name: 'v64',
  setup: (build) => build.onResolve({ filter: /^v64$/ }, () => ({ path: './v64.mjs', external: true })),
};
const code = { bundle: true, format: 'esm', target: 'es2024', outdir: pkg, outExtension: { '.js': '.mjs' }, external: ['node:*'] };

// In parts, so that a browser never meets the imports of the command.
await esbuild.build({ ...code, entryPoints: { v64: join(here, 'src/index.ts'), worker: join(here, 'src/worker.ts') }, banner: { js: '#!/usr/bin/env node' }, platform: 'neutral', splitting: true, chunkNames: '[name]-[hash]' });
await esbuild.build({ ...code, entryPoints: { page: join(here, 'page/main.ts') }, plugins: [apart], minify: true });
await esbuild.build({ entryPoints: { page: join(here, 'page/page.css') }, outdir: pkg, bundle: true, minify: true, loader: { '.woff2': 'file' }, assetNames: 'fonts/[name]' });
await pack(pkg);
copyFileSync(join(here, 'README.md'), join(pkg, 'README.md'));
chmodSync(join(pkg, 'v64.mjs'), 0o755);

execFileSync(process.execPath, [join(here, 'node_modules/typescript/bin/tsc'), '-p', join(here, 'tsconfig.types.json'), '--outDir', join(pkg, 'types')], { stdio: 'inherit' });
writeFileSync(join(pkg, 'v64.d.ts'), "export * from './types/index.d.ts';\n");

const { name, version, description, license, type, engines } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
const manifest = {
  name, version, description, license, type, engines,
  bin: { v64: 'v64.mjs' },
  exports: { '.': { types: './v64.d.ts', default: './v64.mjs' }, './v64.wasm': './v64.wasm', './worker.mjs': './worker.mjs' },
};
writeFileSync(join(pkg, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
