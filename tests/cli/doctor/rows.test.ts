/** `kith doctor --rows`: what is stored and would be refused today, by id and column. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MikroORM } from '@mikro-orm/pglite';
import { expect, it } from 'vitest';
import { migrateEmbedded } from '../../../adapters/mikro-orm/embedded.ts';
import { onKysely } from '../../../adapters/mikro-orm/log-connection.ts';
import { migratePostgres } from '../../../adapters/mikro-orm/migrate.ts';
import { ormOptions } from '../../../adapters/mikro-orm/orm-options.ts';
import { refusedRows } from '../../../adapters/mikro-orm/refused-rows.ts';
import { doctor } from '../../../cli/doctor.ts';
import { createTestDatabase } from '../../support/postgres.ts';
import { storedBefore } from '../../support/rows.ts';
import { kith, runIn, urlOf } from '../support.ts';

const idOf = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

const people = (from: number, to: number): string => `insert into users
  (id, email, username, skills, role, is_active, is_verified, password_hash, created_at, updated_at, version, token_version)
  select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'person' || n || '@example.com', 'person' || n,
    '{}', 'user', true, true, 'x', now(), now(), 1, 1 from generate_series(${from}, ${to}) n`;

const contact = `insert into contacts (id, user_id, first_name, email, phone, created_at, updated_at, version)
  values ('${idOf(7)}', '${idOf(1)}', '  Bob', 'bob@example.com', '0170 1234567', '-infinity', now(), 1)`;

const broken = `update users set username = 'admin', skills = array['sql', null], name = E'a\\u200bcanary'
  where id = '${idOf(2)}'`;

const expected = [
  { table: 'users', id: idOf(2), column: 'username', problem: 'reserved' },
  { table: 'users', id: idOf(2), column: 'name', problem: 'forbidden-character' },
  { table: 'users', id: idOf(2), column: 'skills', problem: 'invalid-type' },
  { table: 'contacts', id: idOf(7), column: 'first_name', problem: 'not-canonical' },
  { table: 'contacts', id: idOf(7), column: 'phone', problem: 'invalid-format' },
  { table: 'contacts', id: idOf(7), column: 'created_at', problem: 'out-of-range' },
];

it('lists each refused value of PostgreSQL by id and column, never the value, and nothing when there is none', async () => {
  await using server = await createTestDatabase();
  const environment = { DATABASE_URL: urlOf(server.address) };
  await migratePostgres(server.address);
  await server.query(people(1, 2));
  expect(await runIn(doctor, ['--rows'], environment)).toEqual({
    code: 0,
    out: 'every stored value is one that the rules of today accept\n',
    err: '',
  });
  expect(await runIn(doctor, ['--rows', '--json'], environment)).toEqual({ code: 0, out: '', err: '' });
  await storedBefore(server, 'users', broken);
  await storedBefore(server, 'contacts', contact);
  const { code, out, err } = await runIn(doctor, ['--rows', '--json'], environment);
  expect({
    code,
    err,
    lines: out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  }).toEqual({
    code: 1,
    err: '',
    lines: expected,
  });
  const text = await kith(['doctor', '--rows'], environment);
  expect(text).toEqual({
    code: 1,
    out: expected.map(({ table, id, column, problem }) => `${table} ${id} ${column} ${problem}\n`).join(''),
    err: '',
  });
  expect(text.out + out).not.toMatch(/canary|0170|Bob/);
  // And the doctor says which rules older values break.
  const { findings } = JSON.parse((await runIn(doctor, ['--json'], environment)).out);
  const of = (check: string) =>
    findings.filter((finding: { readonly check: string }) => finding.check === check);
  expect(of('stored values')).toMatchObject([
    { verdict: 'warning', found: expect.stringContaining('contacts_phone_check') },
  ]);
}, 60_000);

it('says what cannot be read at all', async () => {
  await using server = await createTestDatabase();
  await migratePostgres(server.address);
  await server.query(people(1, 2));
  await server.query('alter table users drop constraint users_role_check');
  await server.query(`update users set role = 'root' where id = '${idOf(1)}'`);
  const { code, out } = await runIn(doctor, ['--rows'], { DATABASE_URL: urlOf(server.address) });
  expect({ code, out }).toEqual({ code: 1, out: `users ${idOf(1)} role unreadable\n` });
}, 60_000);

it('reads page by page, whatever a table has: each row once, and no more than a page at a time', async () => {
  await using server = await createTestDatabase();
  await migratePostgres(server.address);
  await server.query(people(1, 3000));
  await storedBefore(server, 'users', `update users set phone = 'none ' || id where id::text like '%00'`);
  const asked: number[] = [];
  const connection = {
    rows: async (text: string, values: readonly unknown[] = []) => {
      const rows = await server.query(text.replace('$1', `'${String(values[0])}'`));
      asked.push(rows.length);
      return rows;
    },
  };
  const ids: string[] = [];
  for await (const { id, column, problem } of refusedRows(connection)) {
    expect([column, problem]).toEqual(['phone', 'invalid-format']);
    ids.push(id);
  }
  expect(ids).toEqual(Array.from({ length: 30 }, (_, at) => idOf((at + 1) * 100)));
  expect(asked).toEqual([1000, 1000, 1000, 0, 0]);
}, 60_000);

it('does the same for the embedded database, and says why it cannot', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'kith-rows-'));
  try {
    const environment = { DATA_DIR: directory };
    expect((await runIn(doctor, ['--rows'], environment)).code).toBe(0);
    await migrateEmbedded(directory);
    const orm = new MikroORM({ ...ormOptions, dbName: join(directory, 'pglite') });
    const query = async (text: string) =>
      (await onKysely(orm.em.getKysely<unknown>()).rows(text)) as readonly Record<string, unknown>[];
    await query(people(1, 2));
    await storedBefore({ query }, 'users', broken);
    await storedBefore({ query }, 'contacts', contact);
    await orm.close(true);
    const { code, out } = await runIn(doctor, ['--rows', '--json'], environment);
    expect({
      code,
      lines: out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    }).toEqual({
      code: 1,
      lines: expected,
    });
  } finally {
    await rm(directory, { recursive: true });
  }
  const gone = await runIn(doctor, ['--rows'], { DATABASE_URL: 'postgres://kith:hunter2@127.0.0.1:1/kith' });
  expect(gone).toMatchObject({ code: 1, out: '' });
  expect(gone.err).toMatch(/nobody listens .* \[database-connection-refused\]\n$/);
  expect(gone.err).not.toContain('hunter2');
}, 60_000);
