import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { denoPermissions, postgresGrants, redisAcl } from './least-privilege.ts';

const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');

/** The block of code under a heading of docs/security.md. */
const blockOf = (heading: string): string => {
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  const [, block] = /```\w*\n([^`]*)```/.exec(section) ?? [];
  if (block === undefined) throw new Error(`docs/security.md shows nothing under ${heading}`);
  return block;
};

it('operators are shown the grants of PostgreSQL that the tests run under, and no others', () => {
  const shown = blockOf('PostgreSQL').match(/^grant .*(?=;$)/gm);
  expect(shown).toEqual(postgresGrants('kith_app'));
});

it('operators are shown the rules of Redis that the tests run under', () => {
  const [first] = blockOf('Redis').split('\n');
  expect(first).toBe(`ACL SETUSER kith ${redisAcl('...').join(' ')}`);
});

it('operators are shown the permissions of Deno that the tests run under', () => {
  const net = '127.0.0.1:3000,127.0.0.1:3001,db:5432,cache:6379';
  const command = blockOf('Deno')
    .replaceAll(/\s*\\\n\s*/g, ' ')
    .trim();
  const permissions = denoPermissions({ net, files: '.', data: './data' }).join(' ');
  expect(command).toBe(`deno run ${permissions} composition/main.ts`);
});
