// Bundlers take the package as it is, and what they make runs in Chromium.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { launch, open } from '../browser/harness.ts';
import { serve, type Site } from './site.ts';
import { command, install, Project, run, tool } from './tools.ts';

/** A page's program, with what it says about itself left in `done`. */
const MAIN = `
import { V64 } from 'v64';
async function main() {
  const options = globalThis.options ?? {};
  const vm = await V64.create({ memory: 32 << 20, clock: 'icount', ...options });
  const ended = vm.run();
  await vm.waitFor('checks passed');
  await vm.powerOff();
  const { exitCode } = await ended;
  vm.destroy();
  return { exitCode };
}
main().catch(({ name, code, message }) => ({ name, code, message })).then((done) => (globalThis.done = done));
`;
interface Done {
  exitCode?: number;
  code?: string;
  message?: string;
}

let project: Project;
let chromium: Browser;
before(async () => {
  install();
  project = new Project();
  project.write('main.js', MAIN);
  chromium = await launch();
});
after(async () => {
  await chromium?.close();
  project?.remove();
});

/** What a page's program says, and what its console complained about. */
async function visit(url: string): Promise<{ done: Done; complaints: string[] }> {
  const { page, complaints, close } = await open(chromium, url);
  try {
    const handle = await page.waitForFunction(() => (globalThis as { done?: unknown }).done, undefined, { timeout: 120_000 });
    return { done: (await handle.jsonValue()) as Done, complaints };
  } finally {
    await close();
  }
}

const html = (script: string): string => `<!doctype html><title>v64</title><script>${script}</script>`;
const SCRIPT = '<script type="module" src="main.js"></script>';

/** Builds with Vite into `dist`. */
function vite(version: string, dist: string, ...args: string[]): string {
  project.write('index.html', `<!doctype html><title>v64</title>${SCRIPT}`);
  run(project.folder, version, 'vite', 'build', '--logLevel', 'warn', '--outDir', dist, ...args);
  return join(project.folder, dist);
}

interface Stats {
  toString(options: object): string;
  hasErrors(): boolean;
  hasWarnings(): boolean;
}
type Webpack = (options: object, done: (error: Error | null, stats: Stats) => void) => void;

/** Builds with webpack. What it warns about is an error here; the size of the module is none. */
async function webpack(dist: string): Promise<string> {
  const build = createRequire(import.meta.url)(tool('webpack')) as Webpack;
  const path = join(project.folder, dist);
  const options = { mode: 'production', context: project.folder, entry: './main.js', output: { path, filename: 'main.js' }, performance: false };
  const stats = await new Promise<Stats>((resolve, reject) => build(options, (error, stats) => (error ? reject(error) : resolve(stats))));
  assert.ok(!stats.hasErrors() && !stats.hasWarnings(), stats.toString({ all: false, errors: true, warnings: true }));
  project.write(`${dist}/index.html`, `${html('')}<script src="main.js"></script>`);
  return path;
}

/** Builds with esbuild. It knows nothing of workers and addresses: what the library wants is put beside its output. */
function esbuild(dist: string, format: string): string {
  const path = join(project.folder, dist);
  run(project.folder, 'esbuild', 'esbuild', 'main.js', '--bundle', `--format=${format}`, '--minify', `--outdir=${path}`, '--log-level=warning');
  copyFileSync(join(project.v64, 'v64.wasm'), join(path, 'v64.wasm'));
  if (format === 'esm') copyFileSync(join(project.v64, 'worker.mjs'), join(path, 'worker.mjs'));
  const script = format === 'esm' ? SCRIPT : '<script src="main.js"></script>';
  project.write(`${dist}/index.html`, `${html('')}${script}`);
  return path;
}

const BUILDS: Readonly<Record<string, () => string | Promise<string>>> = {
  'vite 6': () => vite('vite-6', 'dist-vite-6'),
  'vite 8': () => vite('vite-8', 'dist-vite-8'),
  'webpack 5': () => webpack('dist-webpack'),
  esbuild: () => esbuild('dist-esbuild', 'esm'),
};

for (const [name, build] of Object.entries(BUILDS)) {
  test(`${name} bundles a page that runs`, async (t) => {
    const folder = await build();
    const site = await serve(folder);
    t.after(() => site.close());
    const { done, complaints } = await visit(site.url);
    assert.deepEqual(done, { exitCode: 0 });
    assert.deepEqual(complaints, []);
    t.diagnostic(site.asked.map(([path]) => path).join(' '));
    // The worker is a file: pages whose Content-Security-Policy forbids Blobs run as well. The module is there once.
    const scripts = site.asked.filter(([path]) => /\.m?js$/.test(path));
    assert.ok(scripts.length >= 2, scripts.join());
    const all = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    assert.equal(all.filter((path) => path.endsWith('.wasm')).length, 1, all.join());
  });
}

/** Starts Vite's development server. Resolves with its address. */
function develop(version: string, configuration: object): Promise<Site> {
  project.write('index.html', `${html('')}${SCRIPT}`);
  project.write('vite.config.js', `export default ${JSON.stringify(configuration)}`);
  const child = spawn(process.execPath, [command(version, 'vite'), '--host', '127.0.0.1', '--force'], {
    cwd: project.folder,
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const close = (): void => void child.kill();
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(text)?.[0];
      if (url) resolve({ url, asked: [], close });
    });
    child.once('exit', (code) => reject(new Error(`Vite ended with ${code}: ${text}`)));
  });
}

const EXCLUDE = { optimizeDeps: { exclude: ['v64'] } };
for (const [version, configuration] of [['vite-6', EXCLUDE], ['vite-8', {}]] as const) {
  test(`the development server of ${version} serves a page that runs`, async (t) => {
    const site = await develop(version, configuration);
    t.after(() => site.close());
    assert.deepEqual((await visit(site.url)).done, { exitCode: 0 });
  });
}

test('where the development server of vite 6 leaves the module behind, the error says what to do', async (t) => {
  const site = await develop('vite-6', {});
  t.after(() => site.close());
  const { done } = await visit(site.url);
  assert.equal(done.code, 'SOURCE');
  assert.match(done.message ?? '', /optimizeDeps: \{ exclude: \['v64'\] \}/);
});

test('a bundle without a worker beside it, and without an address of its own, runs by wasmUrl', async (t) => {
  const folder = esbuild('dist-iife', 'iife');
  const site = await serve(folder);
  t.after(() => site.close());
  const without = await visit(site.url);
  assert.equal(without.done.code, 'SOURCE');
  assert.match(without.done.message ?? '', /wasmUrl/);
  project.write('dist-iife/index.html', `${html("globalThis.options = { wasmUrl: 'v64.wasm' }")}<script src="main.js"></script>`);
  assert.deepEqual((await visit(site.url)).done, { exitCode: 0 });
});

/** Any origin may read. */
const SHARED = { 'access-control-allow-origin': '*' };

/** A page that imports the package from another origin, as from a content delivery network. */
async function foreign(t: { after(work: () => void): void }, options: string, policy = ''): Promise<{ page: Site; other: Site }> {
  const other = await serve(project.v64, SHARED);
  const meta = policy && `<meta http-equiv="Content-Security-Policy" content="${policy}">`;
  const map = `<script type="importmap">{ "imports": { "v64": "${other.url}v64.mjs" } }</script>`;
  project.write('cdn/index.html', `<!doctype html>${meta}${map}<script>globalThis.options = ${options}</script><script type="module" src="main.js"></script>`);
  project.write('cdn/main.js', MAIN);
  const page = await serve(join(project.folder, 'cdn'));
  t.after(() => (page.close(), other.close()));
  return { page, other };
}

test('the package from another origin runs its worker from a Blob', async (t) => {
  const { page, other } = await foreign(t, '{}');
  assert.deepEqual((await visit(page.url)).done, { exitCode: 0 });
  const { page: given } = await foreign(t, `{ workerUrl: '${other.url}worker.mjs' }`);
  assert.deepEqual((await visit(given.url)).done, { exitCode: 0 });
});

test("a bundle's worker at another origin runs", async (t) => {
  const assets = await serve(join(project.folder, 'dist-cdn'), SHARED);
  const folder = vite('vite-8', 'dist-cdn', '--base', assets.url);
  const site = await serve(folder);
  t.after(() => (assets.close(), site.close()));
  assert.deepEqual((await visit(site.url)).done, { exitCode: 0 });
});

test('where no worker can be had, the error says what to do', async (t) => {
  const policy = "worker-src 'none'";
  for (const options of ['{}', "{ workerUrl: 'nowhere.mjs' }"]) {
    const { page } = await foreign(t, options, policy);
    const { done } = await visit(page.url);
    assert.equal(done.code, 'SOURCE', JSON.stringify(done));
    assert.match(done.message ?? '', /worker.*workerUrl.*worker-src/s);
  }
  const closed = await serve(project.v64);
  t.after(() => closed.close());
  const { page } = await foreign(t, `{ workerUrl: '${closed.url}worker.mjs' }`);
  const { done } = await visit(page.url);
  assert.equal(done.code, 'SOURCE', JSON.stringify(done));
});
