import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parseAst } from 'vitest/node';

/** The folders of the use cases. */
const folders = ['users', 'contacts', 'operations'];

/** The files in them that are no use case but a part of several, or what one speaks of. */
const parts = [
  'users/account-creation.ts',
  'users/deactivation.ts',
  'users/first-admin.ts',
  'users/password-check.ts',
  'users/password-guess.ts',
  'users/session.ts',
  'users/user-change.ts',
  'contacts/contact-change.ts',
  'operations/invalidation.ts',
  'operations/live-state.ts',
];

const root = fileURLToPath(new URL('../../application/', import.meta.url));

type Tree = {
  /** `users/log-in.ts` and its source. */
  readonly files: ReadonlyMap<string, string>;
  /** The source of application.ts. */
  readonly application: string;
};

const readTree = (): Tree => ({
  files: new Map(
    folders.flatMap((folder) =>
      readdirSync(join(root, folder)).map((name) => [
        `${folder}/${name}`,
        readFileSync(join(root, folder, name), 'utf8'),
      ]),
    ),
  ),
  application: readFileSync(join(root, 'application.ts'), 'utf8'),
});

type Node = { readonly [field: string]: unknown };
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null;
const child = (node: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((value, name) => (isNode(value) ? value[name] : undefined), node);
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const statements = (source: string): readonly unknown[] =>
  list(child(parseAst(source, { lang: 'ts' }), 'body')).map(
    (statement) => child(statement, 'declaration') ?? statement,
  );

/** The names of the members of `interface Application`. */
const useCasesIn = (source: string): readonly string[] => {
  const found = statements(source).find((statement) => child(statement, 'id', 'name') === 'Application');
  return list(child(found, 'body', 'body')).map((member) => String(child(member, 'key', 'name')));
};

/** Whether a source has a constant of this name. */
const defines = (source: string, name: string): boolean =>
  statements(source)
    .flatMap((statement) => list(child(statement, 'declarations')))
    .some((declaration) => child(declaration, 'id', 'name') === name);

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** What is not as a reader expects it: one file a use case, and everything else known as a part. */
const breachesOf = ({ files, application }: Tree): readonly string[] => {
  const useCases = useCasesIn(application);
  const breaches: string[] = [];
  for (const name of useCases) {
    const paths = [...files.keys()].filter((path) => basename(path) === `${kebab(name)}.ts`);
    const [path] = paths;
    if (path === undefined || paths.length > 1) breaches.push(`${name} has ${paths.length} files`);
    else if (!defines(files.get(path) ?? '', name)) breaches.push(`${path} does not define ${name}`);
  }
  const entries = new Set(useCases.map((name) => `${kebab(name)}.ts`));
  for (const path of files.keys()) {
    if (parts.includes(path) === entries.has(basename(path))) {
      breaches.push(
        `${path} is ${parts.includes(path) ? 'a use case and a part' : 'neither use case nor part'}`,
      );
    }
  }
  for (const part of parts) if (!files.has(part)) breaches.push(`${part} is gone`);
  return breaches;
};

it('Each use case has one file of its name, and every other file is known as a part', () => {
  const tree = readTree();
  expect(useCasesIn(tree.application)).toEqual(expect.arrayContaining(['logIn', 'checkReadiness']));
  expect(breachesOf(tree)).toEqual([]);
});

it('A use case without a file, or in a file of another name, is seen', () => {
  const { files, application } = readTree();
  const grown = application.replace(
    'export interface Application {',
    'export interface Application { readonly mergeUsers: MergeUsers;',
  );
  expect(breachesOf({ files, application: grown })).toEqual(['mergeUsers has 0 files']);
  const other = new Map([
    ...files,
    ['users/merge-users.ts', 'export const merge = () => undefined;'] as const,
  ]);
  expect(breachesOf({ files: other, application: grown })).toEqual([
    'users/merge-users.ts does not define mergeUsers',
  ]);
});

it('A file that is neither a use case of the application nor a part is seen', () => {
  const { files, application } = readTree();
  const planted = new Map([...files, ['users/merge-users.ts', 'export const mergeUsers = 1;'] as const]);
  expect(breachesOf({ files: planted, application })).toEqual([
    'users/merge-users.ts is neither use case nor part',
  ]);
  const shrunk = application.replace(/readonly logIn: LogIn;/, '');
  expect(breachesOf({ files, application: shrunk })).toEqual([
    'users/log-in.ts is neither use case nor part',
  ]);
});
