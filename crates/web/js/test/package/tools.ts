// What a user's project holds: the package as its tarball has it, bundlers and compilers as npm has them.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top of the work tree. */
const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../../../..');
export const PKG = process.env['V64_PKG'] ?? join(ROOT, 'pkg');
const TOOLS = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'v64/bundlers');

/** By the name that each is installed under. The newest version of each is named here, so that a test stays what it is. */
const PACKAGES: Readonly<Record<string, string>> = {
  '@types/node': '24',
  esbuild: '0.28',
  'typescript-5.0': 'npm:typescript@5.0',
  'typescript-5': 'npm:typescript@5',
  'typescript-7': 'npm:typescript@7',
  'vite-6': 'npm:vite@6',
  'vite-8': 'npm:vite@8',
  webpack: '5',
};

/** Runs npm; its output is part of the error where it fails. */
export function npm(cwd: string, ...args: string[]): string {
  return execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Installs the tools into the cache, unless these are there. */
export function install(): void {
  const wanted = JSON.stringify({ private: true, dependencies: PACKAGES }, null, 2);
  const done = join(TOOLS, 'installed.json');
  if (existsSync(done) && readFileSync(done, 'utf8') === wanted) return;
  rmSync(TOOLS, { recursive: true, force: true });
  mkdirSync(TOOLS, { recursive: true });
  writeFileSync(join(TOOLS, 'package.json'), wanted);
  const args = ['install', '--no-fund', '--no-audit', '--ignore-scripts', '--no-package-lock'];
  try {
    npm(TOOLS, ...args);
  } catch {
    // A registry may have a bad moment.
    npm(TOOLS, ...args);
  }
  writeFileSync(done, wanted);
}

export function tool(name: string): string {
  return join(TOOLS, 'node_modules', name);
}

/** The path of a tool's command. */
export function command(name: string, bin: string): string {
  const { bin: bins } = JSON.parse(readFileSync(join(tool(name), 'package.json'), 'utf8')) as { bin: Record<string, string> };
  const path = bins[bin];
  if (path === undefined) throw new Error(`${name} has no command ${bin}`);
  return join(tool(name), path);
}

/** Runs a tool's command with this Node. Throws what it printed where it fails. */
export function run(cwd: string, name: string, bin: string, ...args: string[]): void {
  try {
    execFileSync(process.execPath, [command(name, bin), ...args], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${name} ${args.join(' ')}:\n${stdout}${stderr}`);
  }
}

/** A folder in which `import 'v64'` finds the tarball's content. */
export class Project {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'v64-project-')));
  readonly v64 = join(this.folder, 'node_modules/v64');

  constructor() {
    mkdirSync(this.v64, { recursive: true });
    const [packed] = JSON.parse(npm(PKG, 'pack', '--json', '--pack-destination', this.folder)) as [{ filename: string }];
    execFileSync('tar', ['-xzf', join(this.folder, packed.filename), '-C', this.v64, '--strip-components=1']);
    this.write('package.json', JSON.stringify({ private: true, type: 'module', dependencies: { v64: '*' } }));
  }

  write(name: string, text: string): string {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  /** Lets the project have one of the tools as a dependency. */
  link(name: string): void {
    const path = join(this.folder, 'node_modules', name);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(tool(name), path);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
