import { expect, it, vi } from 'vitest';
import { openPostgres } from '../../../adapters/mikro-orm/postgres.ts';
import { counterKey } from '../../../domain/attempts.ts';
import { describePersistence } from '../../contracts/persistence.ts';
import { rush } from '../../contracts/persistence-attempts.ts';
import { createTestDatabase } from '../../support/postgres.ts';
import { silentLog, untilReady } from './support.ts';

describePersistence('PostgreSQL', async () => {
  const server = await createTestDatabase();
  const database = await openPostgres({ address: server.address }, silentLog);
  await untilReady(database);
  return {
    ...database,
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
});

it.each(['nothing', 'something'])('leaves no connection behind where %s was asked of it', async (asked) => {
  await using server = await createTestDatabase();
  const connections = async (): Promise<unknown> => {
    const [row] = await server.query(
      `select count(*)::int as n from pg_stat_activity
       where datname = current_database() and application_name = 'kith'`,
    );
    return row?.['n'];
  };
  {
    await using database = await openPostgres({ address: server.address }, silentLog);
    await untilReady(database);
    if (asked === 'something') await database.users.countAdmins();
    expect(await connections()).toBeGreaterThan(0);
  }
  // Its processes end a little after their sockets.
  await vi.waitFor(async () => expect(await connections()).toBe(0), 5_000);
});

it('counts guesses without a deadlock, of which each would hold up an account for a second', async () => {
  await using server = await createTestDatabase();
  {
    await using database = await openPostgres({ address: server.address }, silentLog);
    await untilReady(database);
    for (let round = 0; round < 20; round++) await rush(database);
  }
  // Its processes have told the statistics by the time that they are gone.
  await vi.waitFor(async () => {
    const [row] = await server.query(
      `select deadlocks::int as n, (select count(*)::int from pg_stat_activity
         where datname = current_database() and application_name = 'kith') as connections
       from pg_stat_database where datname = current_database()`,
    );
    expect(row).toEqual({ n: 0, connections: 0 });
  }, 5_000);
});

it('slows guesses down by the clock of the server, whatever a process believes', async () => {
  await using server = await createTestDatabase();
  await using database = await openPostgres({ address: server.address }, silentLog);
  await untilReady(database);
  vi.useFakeTimers({ toFake: ['Date'] });
  try {
    for (const aheadMs of [3_600_000, -3_600_000, 86_400_000_000]) {
      vi.setSystemTime(performance.timeOrigin + performance.now() + aheadMs);
      const counters = [
        { origin: counterKey(`origin ${aheadMs}`), account: counterKey(`account ${aheadMs}`) },
      ];
      await database.attempts.succeeded(counters);
      await database.attempts.admit(counters);
    }
  } finally {
    vi.useRealTimers();
  }
  const rows = await server.query(
    `select distinct abs(extract(epoch from last_at - now())) < 600 as is_now from login_attempts`,
  );
  expect(rows).toEqual([{ is_now: true }]);
});

it('tells that records were changed by whoever empties their table', async () => {
  await using server = await createTestDatabase();
  await using database = await openPostgres({ address: server.address }, silentLog);
  await untilReady(database);
  await database.log.begin({ boundMs: 2_000, retentionMs: 1_000 });
  const before = await database.reads.proof();
  if (before === undefined) throw new Error('it is a primary');
  await server.query('truncate contacts');
  const isChanged = async (source: string) =>
    (await database.reads.isChanged(before.snapshot, { source, key: 'any' })).value;
  expect([await isChanged('contacts'), await isChanged('users')]).toEqual([true, false]);
});

it('keeps its tables in the schema that it is told, which it makes', async () => {
  await using server = await createTestDatabase();
  const address = { ...server.address, schema: 'kith_own' };
  await using database = await openPostgres({ address }, silentLog);
  await using _again = await openPostgres({ address }, silentLog);
  await untilReady(database);
  expect(await database.users.countAdmins()).toBe(0);
  await database.log.begin({ boundMs: 2_000, retentionMs: 1_000 });
  expect(await database.log.missingTriggers()).toEqual([]);
  const schemas = await server.query(
    `select distinct table_schema as name from information_schema.tables
     where table_name in ('users', 'contacts', 'change_log', 'kith_migrations')`,
  );
  expect(schemas).toEqual([{ name: 'kith_own' }]);
});
