/** What the package is called, and that an adapter of somebody else can name every type that its port names. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import denoManifest from '../../deno.json' with { type: 'json' };
import examples from '../../examples/package.json' with { type: 'json' };
import manifest from '../../package.json' with { type: 'json' };

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const filesIn = (folder: string, ending: string): readonly string[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));

describe('the name of the package', () => {
  const shown = [
    'README.md',
    ...filesIn('docs', '.md'),
    ...filesIn('examples', '.md'),
    ...filesIn('examples', '.ts'),
  ];
  /** Every `from` and `import()` of a package whose last part is `kith`. */
  const named = (text: string): readonly string[] =>
    [...text.matchAll(/(?:from |import\()['"]((?:@[\w-]+\/)?kith)(?:\/[\w/]+)?['"]/g)].flatMap(
      ([, name]) => name ?? [],
    );

  it('is scoped, and that of package.json wherever it is imported', () => {
    expect(manifest.name).toMatch(/^@[\w-]+\/kith$/);
    const names = shown.flatMap((path) => named(read(path)));
    expect(names.length).toBeGreaterThan(10);
    expect(new Set(names)).toEqual(new Set([manifest.name]));
    expect(named("import { compose } from 'kith';")).toEqual(['kith']);
  });

  it('is that of JSR, of the examples, and of the file that README installs', () => {
    expect(denoManifest.name).toBe(manifest.name);
    expect(Object.keys(examples.dependencies)).toContain(manifest.name);
    const file = `${manifest.name.slice(1).replace('/', '-')}-${manifest.version}.tgz`;
    for (const page of ['README.md', 'docs/deployment.md']) expect(read(page)).toContain(file);
  });
});

describe('the types of the ports', () => {
  /** What the text of a module names from modules outside of its folder. */
  const outside = (text: string): readonly string[] =>
    [...text.matchAll(/import type \{([^}]*)\} from '\.\.\//g)].flatMap(([, names = '']) =>
      names
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== ''),
    );
  const exported = (text: string): string =>
    [...text.matchAll(/^export (?:type )?\{[^}]*\}|^export type \* from '[^']*'/gm)].join('\n');

  it('are all exported where `compose` is', () => {
    const entry = exported(read('composition/compose.ts'));
    const ports = filesIn('domain/ports', '.ts');
    for (const path of ports) expect(entry).toContain(`export type * from '../${path}'`);
    const names = ports.flatMap((path) => outside(read(path)));
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(entry))).toEqual([]);
  });
});
