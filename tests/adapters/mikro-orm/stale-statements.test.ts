import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPostgres } from '../../../adapters/mikro-orm/postgres.ts';
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
