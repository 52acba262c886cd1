import { randomBytes } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { migratePostgres } from '../../../adapters/mikro-orm/migrate.ts';
import { migrations, tablesOf } from '../../../adapters/mikro-orm/migrations.ts';
import { openPostgres } from '../../../adapters/mikro-orm/postgres.ts';
import { placeOf } from '../../../adapters/mikro-orm/postgres-address.ts';
import { DatabaseUnavailable } from '../../../domain/faults.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { clientsOf } from './change-log-support.ts';
import { recordingLog, silentLog, untilReady } from './support.ts';

const tablesIn = async ({ query }: TestDatabase): Promise<readonly string[]> =>
  (
    await query(`select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relname in ('users', 'kith_migrations') and c.relkind = 'r' order by 1`)
  ).map(({ name }) => String(name));

/** A role that is nobody, and its schema if it has one of its own; gone when disposed. */
const openRole = async (database: TestDatabase, withSchema: boolean) => {
  const role = `kith_own_${randomBytes(6).toString('hex')}`;
  await database.query(`create role ${role} login`);
  await database.query(`grant create on database ${database.address.database} to ${role}`);
  const makeSchema = () => database.query(`create schema authorization ${role}`);
  if (withSchema) await makeSchema();
  return {
    role,
    address: { ...database.address, user: role, password: null },
    makeSchema,
    async [Symbol.asyncDispose]() {
      await database.query(`drop owned by ${role} cascade`);
      await database.query(`drop role ${role}`);
    },
  };
};

/** Starts, serves and ends. */
const startOnce = async (address: TestDatabase['address']): Promise<void> => {
  await using database = await openPostgres({ address }, silentLog);
  await untilReady(database);
  await database.log.begin({ boundMs: 2_000, retentionMs: 1_000 });
  expect(await database.log.missingTriggers()).toEqual([]);
  expect(await database.users.countAdmins()).toBe(0);
};

/** What a start says that does not become one. */
const refusalOf = async (address: TestDatabase['address'], within = 10_000): Promise<string> => {
  const log = recordingLog();
  await using database = await openPostgres({ address }, log);
  await expect(database.health.ping()).rejects.toBeInstanceOf(DatabaseUnavailable);
  return vi.waitFor(
    () => {
      const [line] = log.lines;
      if (line === undefined) throw new Error('it said nothing');
      return line;
    },
    { timeout: within },
  );
};

describe('where the tables are', () => {
  it('is the schema of a role that has one of its own, at the first start and at the second', async () => {
    await using database = await createTestDatabase();
    await using own = await openRole(database, true);
    for (let start = 0; start < 2; start++) await startOnce(own.address);
    expect(await tablesIn(database)).toEqual([`${own.role}.kith_migrations`, `${own.role}.users`]);
  });

  it('stays where they are when a schema comes that is first in the search path', async () => {
    await using database = await createTestDatabase();
    await using own = await openRole(database, false);
    await database.query(`grant create on schema public to ${own.role}`);
    await startOnce(own.address);
    await own.makeSchema();
    await startOnce(own.address);
    expect(await tablesIn(database)).toEqual(['public.kith_migrations', 'public.users']);
  });

  it('is the schema that is asked for, for kith migrate, too', async () => {
    await using database = await createTestDatabase();
    const address = { ...database.address, schema: 'mine' };
    await migratePostgres(address);
    await startOnce(address);
    expect(await tablesIn(database)).toEqual(['mine.kith_migrations', 'mine.users']);
  });

  it("is no schema with somebody else's users: that is said, and nothing is written", async () => {
    await using database = await createTestDatabase();
    await database.query('create table users (id serial primary key, login text)');
    const reason = `the schema public has tables that are not Kith's (users): set DATABASE_SCHEMA to another`;
    const at = placeOf(database.address);
    const fields = { code: 'database-unsuitable', at, reason };
    expect(await refusalOf(database.address)).toBe(`database-not-ready ${JSON.stringify(fields)}`);
    await expect(migratePostgres(database.address)).rejects.toThrow(reason);
    expect(await tablesIn(database)).toEqual(['public.users']);
    await startOnce({ ...database.address, schema: 'mine' });
  });

  it('is known for every table that a migration makes, so that none of them is made beside a stranger', async () => {
    await using database = await createTestDatabase();
    await migratePostgres(database.address);
    const made = await database.query(
      `select relname::text as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace`,
    );
    const known = migrations.flatMap(({ name }) => tablesOf(name));
    // A later one drops the journal.
    const expected = ['kith_migrations', ...known.filter((name) => name !== 'cache_journal')];
    expect(made.map(({ name }) => name).sort()).toEqual(expected.sort());
  });

  it.each(['LATIN1', 'SQL_ASCII'])('is no database in %s', async (encoding) => {
    await using server = await createTestDatabase();
    const name = `${server.address.database}_narrow`;
    await server.query(`create database ${name} encoding '${encoding}' locale 'C' template template0`);
    try {
      const line = await refusalOf({ ...server.address, database: name });
      expect(line).toContain(`the database has the encoding ${encoding}`);
    } finally {
      await server.query(`drop database ${name} with (force)`);
    }
  });
});

describe('the lock of the migrations', () => {
  const lock = `select pg_advisory_lock(${0x6b697468}), pg_backend_pid() as pid`;

  it('keeps nobody from starting where nothing is missing', async () => {
    await using database = await createTestDatabase();
    await using clients = await clientsOf(database.address);
    await (await clients.connect()).run(lock);
    const startMs = performance.now();
    await startOnce(database.address);
    expect(performance.now() - startMs).toBeLessThan(3000);
  });

  it('is waited for where something is, and its holder is named within seconds', async () => {
    await using database = await createTestDatabase();
    await using clients = await clientsOf(database.address, false);
    const holder = await clients.connect();
    const [{ pid } = {}] = await holder.run(lock);
    const log = recordingLog();
    await using starting = await openPostgres({ address: database.address }, log);
    const reason = `the process ${pid} of PostgreSQL holds the lock of the migrations`;
    const fields = { code: 'database-silent', at: placeOf(database.address), reason };
    await vi.waitFor(() => expect(log.lines).toEqual([`database-not-ready ${JSON.stringify(fields)}`]), {
      timeout: 8_000,
    });
    await holder.run('select pg_advisory_unlock_all()');
    await untilReady(starting);
  }, 30_000);
});
