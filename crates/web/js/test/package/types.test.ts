// The declarations, as compilers of users take them: strict, and looked into themselves.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { install, Project, run } from './tools.ts';

let project: Project;
before(() => {
  install();
  project = new Project();
  project.link('@types/node');
  project.write('main.ts', readFileSync(fileURLToPath(new URL('./consumer.ts.txt', import.meta.url)), 'utf8'));
});
after(() => project?.remove());

const MODULES = {
  NodeNext: { module: 'NodeNext', moduleResolution: 'NodeNext' },
  bundler: { module: 'ESNext', moduleResolution: 'bundler' },
};
// The compiler's own libraries are not looked into: that would take most of the time.
/** Where `Blob`, `URL` and `Response` come from. The types of Node want a compiler that is not too old. */
const WORLDS = {
  'a browser': { lib: ['ES2022', 'DOM'], types: [] },
  Node: { lib: ['ES2022'], types: ['node'] },
};

for (const compiler of ['typescript-5.0', 'typescript-5', 'typescript-7']) {
  for (const [resolution, modules] of Object.entries(MODULES)) {
    for (const [world, libraries] of Object.entries(WORLDS)) {
      if (compiler === 'typescript-5.0' && world === 'Node') continue;
      test(`${compiler} takes the types: ${resolution}, for ${world}`, () => {
        const compilerOptions = { target: 'ES2022', strict: true, noEmit: true, skipLibCheck: false, skipDefaultLibCheck: true, ...modules, ...libraries };
        project.write('tsconfig.json', JSON.stringify({ compilerOptions, include: ['main.ts'] }));
        run(project.folder, compiler, 'tsc', '-p', project.folder);
      });
    }
  }
}

test('only the interface is declared', () => {
  const declarations = readFileSync(join(project.v64, 'v64.d.ts'), 'utf8');
  const names = [...declarations.matchAll(/^export (?:declare )?(?:class|interface|type|function|const) (\w+)/gm)].map(([, name]) => name);
  const wanted = [
    ...['V64', 'V64AttachOptions', 'V64Audio', 'V64AudioTarget', 'V64Button', 'V64Code', 'V64Drive', 'V64DriveInfo'],
    ...['V64End', 'V64Error', 'V64Events', 'V64Frame'],
    ...['V64Image', 'V64Keyboard', 'V64Layout', 'V64Medium', 'V64MediumOptions', 'V64Mode', 'V64Mouse', 'V64Options', 'V64Picture'],
    ...['V64Progress', 'V64QmpEvent', 'V64Rect', 'V64Screen', 'V64ScreenTarget', 'V64SendOptions', 'V64Serial', 'V64Sound', 'V64Source'],
    ...['V64Stats', 'V64Terminal', 'V64TypeOptions', 'V64WaitOptions'],
  ];
  assert.deepEqual(names.toSorted(), [...wanted, 'hasMemory64', 'noteOf']);
  for (const inner of [/^import/m, /Emitter/, /\blaunch\b/]) assert.ok(!inner.test(declarations), String(inner));
});
