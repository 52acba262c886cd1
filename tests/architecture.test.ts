import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAst } from 'vitest/node';

/** What the files of a folder may import: other folders, and packages. What is not listed is a breach. */
type Rule = { readonly folders: readonly string[]; readonly packages: readonly string[] };

const inward = ['domain', 'application'];
/** What every adapter may import: the core, and the machine as the other adapters see it. */
const ofAdapters = [...inward, 'adapters/system'];

const rules: Readonly<Record<string, Rule>> = {
  domain: { folders: ['domain'], packages: [] },
  application: { folders: ['domain', 'application'], packages: [] },
  'adapters/password-strength': {
    folders: ofAdapters,
    packages: [
      '@zxcvbn-ts/core',
      '@zxcvbn-ts/language-common',
      '@zxcvbn-ts/language-en',
      '@zxcvbn-ts/language-es-es',
    ],
  },
  'adapters/http': {
    folders: ofAdapters,
    packages: [
      'h3',
      'srvx',
      'zod',
      'node:buffer',
      'node:crypto',
      'node:fs/promises',
      'node:module',
      'node:url',
      'node:http',
      'node:stream',
      'node:net',
    ],
  },
  'adapters/jose': { folders: ofAdapters, packages: ['jose', 'lru-cache', 'node:crypto'] },
  'adapters/memory': { folders: ofAdapters, packages: [] },
  'adapters/mikro-orm': {
    folders: ofAdapters,
    packages: [
      ...['@mikro-orm/', '@electric-sql/', 'kysely'],
      ...['node:crypto', 'node:fs', 'node:path', 'node:process', 'node:timers'],
    ],
  },
  'adapters/oslo': { folders: ofAdapters, packages: ['oslo', 'node:os'] },
  'adapters/rate-limit': { folders: ofAdapters, packages: ['rate-limiter-flexible', 'node:crypto'] },
  'adapters/redis': {
    folders: ofAdapters,
    packages: ['redis', 'cockatiel', 'node:crypto', 'node:fs', 'node:timers'],
  },
  'adapters/system': {
    folders: inward,
    packages: ['uuid', 'lru-cache', 'node:buffer', 'node:crypto', 'node:timers'],
  },
  'adapters/telemetry': { folders: ofAdapters, packages: ['prom-client', '@opentelemetry/api'] },
  'adapters/throttle': { folders: ofAdapters, packages: ['node:crypto'] },
  'adapters/tiered': { folders: ofAdapters, packages: [] },
  cli: {
    folders: ['domain', 'adapters', 'composition', 'cli'],
    packages: ['node:fs', 'node:net', 'node:process', 'node:util'],
  },
  composition: {
    folders: ['domain', 'application', 'adapters', 'composition'],
    packages: [
      ...['inversify', 'zod'],
      ...[
        'node:buffer',
        'node:crypto',
        'node:fs/promises',
        'node:module',
        'node:url',
        'node:http',
        'node:net',
        'node:path',
        'node:process',
      ],
    ],
  },
  // It is about the design: whatever it took from the product it would repeat, mistakes included.
  model: { folders: [], packages: ['node:process'] },
};

/** The one file that reads package.json, for the version. */
const versionReader = 'adapters/http/version.ts';
/** The two programs, which read the environment. */
const environmentReaders = ['composition/main.ts', 'cli/main.ts'];
/** Folders whose code is not shipped. */
const unruled = ['tests', 'scripts', 'bench', 'dist', 'examples', 'node_modules', 'vitest.config.ts'];
/** Time and chance are ports: the core may not have them from the machine. */
const ambient = ['process', 'Deno', 'console', 'fetch', 'crypto', 'performance', 'setTimeout', 'setInterval'];

type Node = { readonly type: string; readonly [field: string]: unknown };
const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';

/** Every node of a tree with the one above it. */
function* nodesOf(node: Node, parent?: Node): Generator<readonly [node: Node, parent: Node | undefined]> {
  yield [node, parent];
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value])
      if (isNode(child)) yield* nodesOf(child, node);
  }
}

const literal = (node: unknown): string | undefined =>
  isNode(node) && node.type === 'Literal' && typeof node['value'] === 'string' ? node['value'] : undefined;
const nameOf = (node: unknown): unknown =>
  isNode(node) && node.type === 'Identifier' ? node['name'] : literal(node);

const importing = ['ImportDeclaration', 'ExportNamedDeclaration', 'ExportAllDeclaration', 'ImportExpression'];

/** Everything that is wrong with one file, as sentences. */
const breachesOf = (path: string, source: string): string[] => {
  const breaches: string[] = [];
  const folder = path.startsWith('adapters/')
    ? path.split('/').slice(0, 2).join('/')
    : (path.split('/')[0] ?? '');
  const rule = Object.hasOwn(rules, folder) ? rules[folder] : undefined;
  if (rule === undefined) return [`${path} is in no folder that has a rule`];
  for (const [node, parent] of nodesOf(Object(parseAst(source, { lang: 'ts' })))) {
    if ((importing.includes(node.type) || node.type === 'TSImportType') && node['source'] !== null) {
      const specifier = literal(node['source']);
      if (specifier === undefined) breaches.push(`${path} imports what cannot be told`);
      else if (!isAllowed(path, folder, rule, specifier)) breaches.push(`${path} imports ${specifier}`);
    }
    if (node.type === 'CallExpression' && nameOf(node['callee']) === 'require')
      breaches.push(`${path} requires`);
    if (!environmentReaders.includes(path) && readsEnvironment(node))
      breaches.push(`${path} reads the environment`);
    if (inward.includes(folder) && isAmbient(node, parent)) breaches.push(`${path} asks the machine`);
  }
  return breaches;
};

const isAllowed = (path: string, folder: string, { folders, packages }: Rule, specifier: string): boolean => {
  if (!specifier.startsWith('.')) {
    return packages.some(
      (name) => specifier === name || specifier.startsWith(name.endsWith('/') ? name : `${name}/`),
    );
  }
  const target = posix.join(posix.dirname(path), specifier);
  if (target === 'package.json') return path === versionReader;
  return target.endsWith('.ts') && [folder, ...folders].some((allowed) => target.startsWith(`${allowed}/`));
};

/** `x.env`, `x['env']` or `{ env } = x`, whatever x is: an alias of `process` reads as well. */
const readsEnvironment = (node: Node): boolean =>
  (node.type === 'MemberExpression' && nameOf(node['property']) === 'env') ||
  (node.type === 'ImportSpecifier' && nameOf(node['imported']) === 'env') ||
  (node.type === 'ObjectPattern' &&
    Array.isArray(node['properties']) &&
    node['properties'].some((property) => isNode(property) && nameOf(property['key']) === 'env'));

const isAmbient = (node: Node, parent: Node | undefined): boolean => {
  if (node.type === 'NewExpression' && nameOf(node['callee']) === 'Date') {
    return Array.isArray(node['arguments']) && node['arguments'].length === 0;
  }
  if (node.type === 'MemberExpression') {
    const access = `${String(nameOf(node['object']))}.${String(nameOf(node['property']))}`;
    return access === 'Date.now' || access === 'Math.random' || access.startsWith('globalThis.');
  }
  if (node.type !== 'Identifier' || !ambient.includes(String(node['name']))) return false;
  const isName = parent?.['property'] === node || parent?.['key'] === node;
  return !isName || parent?.['computed'] === true || parent?.['shorthand'] === true;
};

/** The files that one imports, types too. */
const importsOf = (path: string, source: string): readonly string[] =>
  [...nodesOf(Object(parseAst(source, { lang: 'ts' })))]
    .filter(([node]) => importing.includes(node.type))
    .map(([node]) => literal(node['source']) ?? '')
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => posix.join(posix.dirname(path), specifier));

/** Files that import each other in a loop: none of them can be understood before the others. */
const circlesIn = (imports: ReadonlyMap<string, readonly string[]>): readonly string[] => {
  const circles: string[] = [];
  const seen = new Set<string>();
  const follow = (path: string, way: readonly string[]): void => {
    const start = way.indexOf(path);
    if (start >= 0) circles.push([...way.slice(start), path].join(' imports '));
    if (seen.has(path)) return;
    seen.add(path);
    for (const target of imports.get(path) ?? []) follow(target, [...way, path]);
  };
  for (const path of imports.keys()) follow(path, []);
  return circles;
};

/** The breaches of a whole tree, with those that are about folders. */
const inspect = (root: string): string[] => {
  const breaches: string[] = [];
  const imports = new Map<string, readonly string[]>();
  for (const folder of Object.keys(rules)) {
    if (!existsSync(join(root, folder)) || filesIn(root, folder).length === 0)
      breaches.push(`${folder} is empty`);
  }
  const top = readdirSync(root).filter((name) => !unruled.includes(name) && !name.startsWith('.'));
  for (const path of top.flatMap((name) => filesIn(root, name))) {
    const source = readFileSync(join(root, path), 'utf8');
    breaches.push(...breachesOf(path, source));
    imports.set(path, importsOf(path, source));
    if (path.split('/').length > 4) breaches.push(`${path} lies deeper than three folders`);
  }
  return [...breaches, ...circlesIn(imports)];
};

const filesIn = (root: string, path: string): string[] => {
  if (/\.[cm]?[jt]sx?$/.test(path)) return [path];
  if (/\.\w+$/.test(path)) return [];
  try {
    return readdirSync(join(root, path)).flatMap((name) => filesIn(root, `${path}/${name}`));
  } catch {
    return [];
  }
};

describe('the architecture', () => {
  it('holds in every file: imports point inward, and only where a rule says so', () => {
    expect(inspect(join(dirname(fileURLToPath(import.meta.url)), '..'))).toEqual([]);
  });
});

describe('the codemap', () => {
  const page = readFileSync(join(dirname(fileURLToPath(import.meta.url)), '../ARCHITECTURE.md'), 'utf8');
  const codeIn = (cell: string): readonly string[] =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code.replace(/\/\*?$/, ''));

  /** What the codemap says of packages and the rules do not, or the other way round, as sentences. */
  const differencesOf = (text: string): readonly string[] => {
    const shown = new Map<string, readonly string[]>();
    for (const [, folders = '', packages = ''] of text.matchAll(/^\| ([^|]*) \| [^|]* \| ([^|]*)\|$/gm)) {
      const known = codeIn(folders).filter((folder) => Object.hasOwn(rules, folder));
      for (const [index, folder] of known.entries())
        shown.set(folder, codeIn(known.length > 1 ? (packages.split(';')[index] ?? '') : packages));
    }
    return Object.entries(rules).flatMap(([folder, { packages }]) => {
      const needed = packages
        .filter((name) => !name.startsWith('node:'))
        .map((name) => name.replace(/\/$/, ''));
      const told = shown.get(folder);
      return told !== undefined && told.toSorted().join() === needed.toSorted().join() ? [] : [folder];
    });
  };

  it('has a row for every folder that has a rule, with its packages', () => {
    expect(differencesOf(page)).toEqual([]);
    expect(differencesOf(page.replace('`redis`, `cockatiel` |', '`redis` |'))).toEqual(['adapters/redis']);
    expect(differencesOf(page.replace(/^\| `cli\/`.*\n/m, ''))).toEqual(['cli']);
  });
});

describe('the check of the architecture', () => {
  it.each([
    ['domain/user.ts', `import { v7 } from 'uuid';`],
    ['domain/user.ts', `import type { Log } from 'pino';`],
    ['domain/user.ts', `import '../application/application.ts';`],
    ['domain/user.ts', `import { ok } from './result.js';`],
    ['domain/user.ts', `import { ok } from './result';`],
    ['domain/user.ts', `import { hash } from 'node:crypto';`],
    ['domain/user.ts', `import { ok } from '../../elsewhere/domain/result.ts';`],
    ['domain/user.ts', `export * from 'zod';`],
    ['domain/user.ts', `export { z } from 'zod';`],
    ['domain/user.ts', `let z: import('zod').ZodType;`],
    ['domain/user.ts', `const zod = await import('zod');`],
    ['domain/user.ts', `const zod = await import(name);`],
    ['domain/user.ts', `const zod = require('zod');`],
    ['domain/user.ts', 'const now = Date.now();'],
    ['domain/user.ts', 'const now = new Date();'],
    ['application/users/register.ts', 'const chance = Math.random();'],
    ['application/users/register.ts', 'await new Promise((resolve) => setTimeout(resolve, 1));'],
    ['application/users/register.ts', 'const id = crypto.randomUUID();'],
    ['application/users/register.ts', 'const { pid } = globalThis.process;'],
    ['application/users/register.ts', `import { h3 } from '../../adapters/http/app.ts';`],
    ['application/users/register.ts', `import { tokens } from '../../composition/container.ts';`],
    ['adapters/redis/redis-cache.ts', `import { MemoryCache } from '../memory/memory-cache.ts';`],
    ['adapters/system/log.ts', `import { MemoryCache } from '../memory/memory-cache.ts';`],
    ['adapters/redis/redis-cache.ts', `import { jwtVerify } from 'jose';`],
    ['adapters/redis/redis-cache.ts', `import { x } from 'redis-other';`],
    ['adapters/redis/redis-cache.ts', `import { Container } from 'inversify';`],
    ['adapters/mikro-orm/users.ts', `import { x } from '@mikro-ormish/core';`],
    ['adapters/http/app.ts', `const url = process.env.REDIS_URL;`],
    ['adapters/http/app.ts', `const url = process['env'].REDIS_URL;`],
    ['adapters/http/app.ts', `const url = Deno.env.get('REDIS_URL');`],
    ['adapters/http/app.ts', `const { env } = process;`],
    ['adapters/http/app.ts', `const { env: mine } = globalThis.process;`],
    ['adapters/http/app.ts', `import { env } from 'srvx';`],
    ['composition/config.ts', `const port = process.env['PORT'];`],
    ['cli/doctor.ts', `const port = process.env['PORT'];`],
    ['cli/doctor.ts', `import { createClient } from 'redis';`],
    ['composition/config.ts', `import { createHttp } from 'h3';`],
    ['composition/config.ts', `import { contract } from '../tests/contracts/cache.ts';`],
    ['model/log/rules.ts', `import { believes } from '../../application/caching/protocol.ts';`],
    ['model/checker.ts', `import { LRUCache } from 'lru-cache';`],
    ['adapters/mongo/mongo-database.ts', ''],
    ['adapters/http/pages/openapi.ts', `import manifest from '../../package.json' with { type: 'json' };`],
    ['helpers/text.ts', ''],
    ['constructor/text.ts', ''],
  ])('sees a planted breach: %s with %s', (path, source) => {
    expect(breachesOf(path, source)).toHaveLength(1);
  });

  it.each([
    ['domain/user.ts', `import type { UserId } from './identifiers.ts'; // import 'zod'`],
    [
      'domain/user.ts',
      `const text = "import 'zod'; process.env.PORT"; const at = new Date(0); const o = { process: 1 };`,
    ],
    ['application/users/register.ts', `import { ok } from '../../domain/result.ts';`],
    ['adapters/mikro-orm/users.ts', `import { sql } from '@mikro-orm/core'; import { x } from './row.ts';`],
    ['adapters/oslo/phc.ts', `import { Argon2id } from 'oslo/password';`],
    ['adapters/http/request/deadline.ts', `import { DeadlineRing } from '../../system/deadline-ring.ts';`],
    [
      'composition/container.ts',
      `import { Container } from 'inversify'; import { x } from '../adapters/redis/keys.ts';`,
    ],
    ['adapters/http/version.ts', `import manifest from '../../package.json' with { type: 'json' };`],
    ['composition/main.ts', 'const port = process.env.PORT;'],
  ])('does not see one where there is none: %s with %s', (path, source) => {
    expect(breachesOf(path, source)).toEqual([]);
  });

  describe('on a tree', () => {
    let root: string;
    beforeAll(() => {
      root = mkdtempSync(join(tmpdir(), 'kith-architecture-'));
      for (const folder of Object.keys(rules)) plant(`${folder}/one.ts`, '');
    });
    afterAll(() => rmSync(root, { recursive: true }));
    const plant = (path: string, source: string): void => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), source);
    };

    it('fails on a circle, also of types', () => {
      plant('domain/a.ts', `import { b } from './b.ts';`);
      plant('domain/b.ts', `import { c } from './c.ts'; import { d } from './d.ts';`);
      plant('domain/c.ts', `import { d } from './d.ts';`);
      expect(inspect(root)).toEqual([]);
      plant('domain/d.ts', `import type { A } from './a.ts';`);
      expect(inspect(root)).toEqual([
        'domain/a.ts imports domain/b.ts imports domain/c.ts imports domain/d.ts imports domain/a.ts',
      ]);
      for (const name of ['a', 'b', 'c', 'd']) rmSync(join(root, `domain/${name}.ts`));
    });

    it('fails on a folder that is empty or gone, and on one that it does not know', () => {
      expect(inspect(root)).toEqual([]);
      plant('application/deep/er/still/one.ts', '');
      plant('adapters/mongo/one.ts', '');
      plant('lib/one.js', '');
      plant('one.mts', '');
      rmSync(join(root, 'adapters/jose/one.ts'));
      rmSync(join(root, 'domain'), { recursive: true });
      expect(inspect(root).map((breach) => breach.split(' ')[0])).toEqual(
        expect.arrayContaining(['domain', 'adapters/jose', 'adapters/mongo/one.ts', 'lib/one.js', 'one.mts']),
      );
      expect(inspect(root)).toHaveLength(6);
    });
  });
});
