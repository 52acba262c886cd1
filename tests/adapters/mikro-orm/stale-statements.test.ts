import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgres } from '../../../adapters/mikro-orm/postgres.ts';
import type { UserId } from '../../../domain/identifiers.ts';
import type { Database } from '../../../domain/ports/persistence.ts';
import type { User } from '../../../domain/user.ts';
import { change, fresh, store } from '../../contracts/persistence-support.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { openNews, silentLog, untilReady } from './support.ts';

describe('a connection on which not everything is as it was', () => {
  let server: TestDatabase;
  let database: Database;
  let user: User;
  let news: () => Promise<readonly string[]>;
  beforeAll(async () => {
    server = await createTestDatabase();
    database = await openPostgres({ address: server.address }, silentLog);
    await untilReady(database);
    const account = fresh();
    await store(database, account);
    ({ user } = account);
    news = await openNews(database);
  }, 30_000);
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  /** On many connections at once, so that each of them has prepared what is asked. */
  const askAll = () =>
    Promise.all(
      Array.from({ length: 10 }, async () => {
        const found = await database.users.find({ kind: 'id', value: user.id });
        await database.users.findAccount({ kind: 'email', value: user.email });
        return found?.id;
      }),
    );
  const everybody = Array(10).fill('');

  it('reads on when a column gets another type, whose plans are refused (0A000)', async () => {
    for (let n = 0; n < 3; n++) await askAll();
    for (const type of ['varchar(300)', 'text', 'varchar(400)', 'text']) {
      await server.query(`alter table users alter column bio type ${type}`);
      expect(await askAll()).toEqual(everybody.map(() => user.id));
      await news();
    }
  });

  it('writes on, in a transaction that is run once more', async () => {
    await change(database, user.id, { name: 'before' });
    await server.query('alter table users alter column bio type varchar(300)');
    const work = () => change(database, user.id, { name: 'after' });
    // Whoever runs transactions runs those that lost once more (application/caching/protocol.ts).
    await work().catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'write-conflict' });
      return work();
    });
    await server.query('alter table users alter column bio type text');
    expect((await database.users.find({ kind: 'id', value: user.id }))?.name).toBe('after');
  });

  it('reads on when its session is ended for being idle (57P05)', async () => {
    const name = server.address.database;
    await server.query(`alter database ${name} set idle_session_timeout = '150ms'`);
    try {
      await using hasty = await openPostgres({ address: server.address }, silentLog);
      await untilReady(hasty);
      for (let n = 0; n < 5; n++) {
        await new Promise((resolve) => setTimeout(resolve, 200));
        expect((await hasty.users.find({ kind: 'id', value: user.id }))?.id).toBe(user.id);
      }
    } finally {
      await server.query(`alter database ${name} reset idle_session_timeout`);
    }
  });
});

it('whoever locks the administrators waits for nobody who waits for them, though one has become an administrator meanwhile', async () => {
  await using server = await createTestDatabase();
  // So that nothing but a deadlock ends a wait.
  const limits = { lockTimeoutMs: 60_000, statementTimeoutMs: 60_000, queryTimeoutMs: 61_000 };
  const config = { address: server.address, limits, maxTransactionMs: 60_000 };
  await using database = await openPostgres(config, silentLog);
  await untilReady(database);
  const [first, second] = [fresh(), fresh({ role: 'admin' })].sort((a, b) =>
    a.user.id < b.user.id ? -1 : 1,
  );
  if (first === undefined || second === undefined) throw new Error('there are two');
  await store(database, { ...first, user: { ...first.user, role: 'user' } });
  await store(database, { ...second, user: { ...second.user, role: 'admin' } });
  const waiting = async (who = 'kith') =>
    (
      await server.query(`select from pg_stat_activity where datname = current_database()
        and application_name ${who === 'kith' ? '=' : '<>'} 'kith' and wait_event_type = 'Lock'`)
    ).length;
  const lockWith = (id: UserId) =>
    database.transactions.run(async ({ users }) => {
      await users.lockAdmins(id);
      return (await users.lock(id))?.user.id;
    });
  const released = Promise.withResolvers<void>();
  const locked = Promise.withResolvers<void>();
  const holding = database.transactions.run(async ({ users }) => {
    await users.lock(second.user.id);
    locked.resolve();
    await released.promise;
  });
  await locked.promise;
  // It knows of one administrator, who is held.
  const early = lockWith(first.user.id);
  await expect.poll(() => waiting()).toBe(1);
  let isMade = false;
  const making = server
    .query(`update users set role = 'admin' where id = '${first.user.id}'`)
    .then(() => (isMade = true));
  // It waits for whoever has locked that user, too.
  await expect.poll(async () => isMade || (await waiting('others')) === 1).toBe(true);
  const late = lockWith(second.user.id);
  await expect.poll(() => waiting()).toBe(2);
  released.resolve();
  await Promise.all([holding, making]);
  expect(await Promise.all([early, late])).toEqual([first.user.id, second.user.id]);
}, 20_000);

it('a lock of the administrators that is held is a conflict, which is tried again', async () => {
  await using server = await createTestDatabase();
  const limits = { lockTimeoutMs: 100 };
  await using database = await openPostgres({ address: server.address, limits }, silentLog);
  await untilReady(database);
  const account = fresh();
  await store(database, { ...account, user: { ...account.user, role: 'admin' } });
  const held = Promise.withResolvers<void>();
  const locked = Promise.withResolvers<void>();
  const holding = database.transactions.run(async ({ users }) => {
    await users.lock(account.user.id);
    locked.resolve();
    await held.promise;
  });
  await locked.promise;
  const lockAdmins = () => database.transactions.run(({ users }) => users.lockAdmins());
  await expect(lockAdmins()).rejects.toMatchObject({ code: 'write-conflict' });
  held.resolve();
  await holding;
  expect(await lockAdmins()).toEqual([account.user.id]);
});
