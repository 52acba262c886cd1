/**
 * Builds the npm package and packs it: `pack.ts [--to folder] [--json]`, by default into `dist/`, under the name
 * in our package.json. The source
 * stays unbuilt for us, but neither runtime takes TypeScript from `node_modules`, so what is published is JavaScript with
 * declarations, in a folder of its own whose package.json is made from ours. Ends in the path of the file, or with
 * `--json` in what `npm pack --json` says.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import manifest from '../package.json' with { type: 'json' };

const root = fileURLToPath(new URL('..', import.meta.url));
const { values: options } = parseArgs({
  options: { to: { type: 'string' }, json: { type: 'boolean' } },
});
const to = resolve(options.to ?? join(root, 'dist'));
const folder = join(to, 'package');

/** Type stripping, which our own scripts need, came later than what the built code needs. */
const oldestNode = '22.18';

/** `./composition/compose.ts` as the built package has it. */
const built = (path: string): string => path.replace(/\.ts$/, '.js');

const exported = (path: string): string | { readonly types: string; readonly default: string } =>
  path.endsWith('.ts') ? { types: path.replace(/\.ts$/, '.d.ts'), default: built(path) } : path;

/** What `testing/suites` registers its suites with; who does not import it does not need them. */
const forTesting = ['fast-check', 'vitest'] as const;

const published = {
  name: manifest.name,
  version: manifest.version,
  description: manifest.description,
  keywords: manifest.keywords,
  ...('repository' in manifest && { repository: manifest.repository }),
  license: manifest.license,
  type: manifest.type,
  engines: { node: `>=${oldestNode}` },
  exports: Object.fromEntries(Object.entries(manifest.exports).map(([name, path]) => [name, exported(path)])),
  bin: Object.fromEntries(Object.entries(manifest.bin).map(([name, path]) => [name, built(path)])),
  // Our declarations, and those of the Redis client, name types of Node: `tsc` and `deno test` look for them.
  dependencies: { ...manifest.dependencies, '@types/node': manifest.devDependencies['@types/node'] },
  peerDependencies: Object.fromEntries(
    forTesting.map((name) => [name, `^${manifest.devDependencies[name]}`]),
  ),
  peerDependenciesMeta: Object.fromEntries(forTesting.map((name) => [name, { optional: true }])),
};

rmSync(folder, { recursive: true, force: true });
mkdirSync(to, { recursive: true });
execFileSync(
  process.execPath,
  [
    join(root, 'node_modules/typescript/bin/tsc'),
    '-p',
    join(root, 'tsconfig.build.json'),
    '--outDir',
    folder,
  ],
  { stdio: ['ignore', 2, 2] },
);

/** tsc rewrites the relative imports of JavaScript and leaves those of declarations as they were. */
for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
  if (!path.endsWith('.d.ts')) continue;
  const file = join(folder, path);
  const text = readFileSync(file, 'utf8').replace(
    /(from |import\()'(\.[^']+)\.ts'/g,
    (_, before, specifier) => {
      if (!existsSync(join(dirname(file), `${specifier}.d.ts`)))
        throw new Error(`${path} imports ${specifier}`);
      return `${before}'${specifier}.js'`;
    },
  );
  writeFileSync(file, text);
}

// What the code reads at run time: the scripts and styles of pages.
for (const shipped of ['adapters', 'application', 'cli', 'composition', 'domain']) {
  for (const path of readdirSync(join(root, shipped), { recursive: true, encoding: 'utf8' })) {
    const file = join(root, shipped, path);
    if (/\.ts$|tsconfig\.json$/.test(path) || !statSync(file).isFile()) continue;
    mkdirSync(dirname(join(folder, shipped, path)), { recursive: true });
    copyFileSync(file, join(folder, shipped, path));
  }
}

/** The command, as the built package has it. */
const replaceOnce = (text: string, before: string, after: string): string => {
  if (text.split(before).length !== 2) throw new Error(`cli/kith.js has no one ${before}`);
  return text.replace(before, after);
};
writeFileSync(
  join(folder, 'cli/kith.js'),
  replaceOnce(
    replaceOnce(readFileSync(join(root, 'cli/kith.js'), 'utf8'), "'./main.ts'", "'./main.js'"),
    "oldest = '24.0'",
    `oldest = '${oldestNode}'`,
  ),
);

writeFileSync(join(folder, 'package.json'), `${JSON.stringify(published, null, 2)}\n`);
for (const name of ['README.md', 'CHANGELOG.md', 'LICENSE'])
  copyFileSync(join(root, name), join(folder, name));
mkdirSync(join(folder, 'docs'), { recursive: true });
for (const name of readdirSync(join(root, 'docs')))
  copyFileSync(join(root, 'docs', name), join(folder, 'docs', name));
for (const path of Object.values(published.bin)) chmodSync(join(folder, path), 0o755);

const args = ['pack', folder, '--json', '--pack-destination', to, '--loglevel', 'error'];
const said = execFileSync('npm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 2] });
const [{ filename }] = JSON.parse(said);
process.stdout.write(options.json ? said : `${join(relative(process.cwd(), to), filename)}\n`);
