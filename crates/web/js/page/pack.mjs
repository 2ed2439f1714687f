// Puts what the page links to beside it: the documents as HTML, the licences, the source.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import esbuild from 'esbuild';
import { Marked, Renderer } from 'marked';

const here = dirname(fileURLToPath(import.meta.url));
const js = join(here, '..');
const top = join(js, '../../..');
const FOLDERS = ['.', 'docs', 'docs/reference', 'docs/milestones', 'docs/checklists'];
const PACKAGE = 'crates/web/js/README.md';
/** Recorded vectors are most of the repository, and no code. */
const LEFT_OUT = 'tests/vectors';

/** Paths of the documents, from the repository's top. */
function documents() {
  const found = FOLDERS.flatMap((folder) =>
    readdirSync(join(top, folder)).filter((name) => name.endsWith('.md') && name !== 'SUMMARY.md').map((name) => posix.join(folder, name)));
  return [...found, PACKAGE];
}

/** The page's file of a document, from the folder of all of them. */
function target(path) {
  return path === PACKAGE ? 'package.html' : path.replace(/^docs\//, '').replace(/\.md$/, '.html');
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[char]);
}

/** Letters and digits, as anchors of headings have them. */
function anchor(text) {
  return text.toLowerCase().replace(/<[^>]*>/g, '').replace(/[^\p{L}\p{N}\s-]/gu, '').trim().replace(/\s+/g, '-');
}

/** The page's own icon. */
function icon() {
  return /^<link rel="icon".*$/m.exec(readFileSync(join(here, 'index.html'), 'utf8'))?.[0] ?? '';
}

/** A document's page; `at` is its file, from the folder of all of them. */
function html(at, title, body) {
  const up = posix.relative(posix.dirname(at), '.') || '.';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)} · v64</title>
${icon()}
<link rel="stylesheet" href="${up}/../docs.css">
<script>
  let choice = 'auto';
  try { choice = localStorage.getItem('v64.theme') ?? 'auto'; } catch { /* storage may be shut */ }
  const dark = choice === 'dark' || (choice !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
</script>
</head>
<body>
<nav class="top"><a class="mark" href="${up}/../index.html">v64</a> <a href="${up}/README.html">Readme</a> <a href="${up}/guests.html">Guests</a> <a href="${up}/faq.html">FAQ</a> <a href="${up}/ARCHITECTURE.html">Architecture</a> <a href="${up}/boot.html">A boot</a> <a href="${up}/performance.html">Performance</a> <a href="${up}/roadmap.html">Roadmap</a> <a href="${up}/package.html">JavaScript</a> <a href="${up}/licences.html">Licence</a></nav>
<main>${body}</main>
</body>
</html>
`;
}

/** Renders one document. Links to other documents lead to their pages; to other files of the repository there are none. */
function render(path, all) {
  const at = target(path);
  const renderer = {
    heading({ tokens, depth }) {
      const text = this.parser.parseInline(tokens);
      return `<h${depth} id="${anchor(text)}">${text}</h${depth}>\n`;
    },
    table(token) {
      return `<div class="table">${Renderer.prototype.table.call(this, token)}</div>`;
    },
    link({ href, tokens }) {
      const text = this.parser.parseInline(tokens);
      if (/^(https?:|#)/.test(href)) return `<a href="${escaped(href)}">${text}</a>`;
      const [file, fragment] = href.split('#');
      const to = posix.join(posix.dirname(path), file);
      if (!all.includes(to)) return text;
      const relative = posix.relative(posix.dirname(at), target(to));
      return `<a href="${escaped(relative)}${fragment ? `#${escaped(fragment)}` : ''}">${text}</a>`;
    },
  };
  const source = readFileSync(join(top, path), 'utf8');
  const title = /^# (.*)$/m.exec(source)?.[1] ?? path;
  return html(at, title, new Marked({ renderer }).parse(source));
}

function write(folder, at, text) {
  mkdirSync(dirname(join(folder, at)), { recursive: true });
  writeFileSync(join(folder, at), text);
}

/** v64's licences, and those of what the page contains. */
function licences() {
  const parts = [
    ['v64: Apache License 2.0', join(top, 'LICENSE-APACHE')],
    ['v64: MIT License', join(top, 'LICENSE-MIT')],
    ['xterm.js, the terminal', join(js, 'node_modules/@xterm/xterm/LICENSE')],
    ['Barlow Semi Condensed, the letters', join(js, 'node_modules/@fontsource/barlow-semi-condensed/LICENSE')],
  ].filter(([, path]) => existsSync(path));
  const texts = parts.map(([name, path]) => `<h2>${name}</h2>\n<pre>${escaped(readFileSync(path, 'utf8').trim())}</pre>`);
  const own = '<p>v64 is licensed under the Apache License 2.0 or the MIT License, as you like. The page also contains the works below, under their own.</p>';
  return html('licences.html', 'Licence', `<h1>Licence</h1>\n${own}\n${texts.join('\n')}`);
}

/** The last commit's files as an archive. Returns whether there is one: a copy without its history has none. */
function archive(pkg) {
  const { version } = JSON.parse(readFileSync(join(js, 'package.json'), 'utf8'));
  const to = join(pkg, 'v64-source.tar.gz');
  rmSync(to, { force: true });
  try {
    const args = ['archive', '--format=tar.gz', `--prefix=v64-${version}/`, '-o', to, 'HEAD', '--', '.', `:(exclude)${LEFT_OUT}`];
    execFileSync('git', args, { cwd: top, stdio: ['ignore', 'ignore', 'pipe'] });
  } catch {
    return false;
  }
  return existsSync(to);
}

/** Writes index.html, the documents and the source's archive into `pkg`. */
export async function pack(pkg) {
  const page = readFileSync(join(here, 'index.html'), 'utf8');
  writeFileSync(join(pkg, 'index.html'), archive(pkg) ? page : page.replace(/^.*id="source".*\n/m, ''));
  await esbuild.build({ entryPoints: { docs: join(here, 'docs.css') }, outdir: pkg, bundle: true, minify: true, loader: { '.woff2': 'file' }, assetNames: 'fonts/[name]' });
  const all = documents();
  const folder = join(pkg, 'docs');
  rmSync(folder, { recursive: true, force: true });
  for (const path of all) write(folder, target(path), render(path, all));
  write(folder, 'licences.html', licences());
}
