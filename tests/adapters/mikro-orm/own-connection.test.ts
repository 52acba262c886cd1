import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Unreachable } from '../../../adapters/mikro-orm/faults.ts';
import { field } from '../../../adapters/mikro-orm/log-answers.ts';
import { OwnConnection } from '../../../adapters/mikro-orm/own-connection.ts';
import { openPostgres } from '../../../adapters/mikro-orm/postgres.ts';
import { connect, examineLimits, wayTo } from '../../../adapters/mikro-orm/postgres-pool.ts';
import { DatabaseSilent, DatabaseUnavailable } from '../../../domain/faults.ts';
import type { Database } from '../../../domain/ports/persistence.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { type FaultProxy, faultProxy, openNews, silentLog, untilReady } from './support.ts';

describe('the connection of the checks', () => {
  let server: TestDatabase;
  let proxy: FaultProxy;
  let database: Database;
  let news: () => Promise<readonly string[]>;
  beforeEach(async () => {
    server = await createTestDatabase();
    proxy = await faultProxy(server.address);
    database = await openPostgres({ address: proxy.address, limits: { poolConnections: 2 } }, silentLog);
    await untilReady(database);
    news = await openNews(database);
  });
  afterEach(async () => {
    await database[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it('answers while every connection of the pool is busy', async () => {
    const release = Promise.withResolvers<void>();
    let begun = 0;
    const busy = Promise.all(
      Array.from({ length: 2 }, () =>
        database.transactions.run(() => {
          begun++;
          return release.promise;
        }),
      ),
    );
    await expect.poll(() => begun, { timeout: 5000 }).toBe(2);
    // Nobody of the pool is left for this one.
    const waiting = expect(database.users.countAdmins()).rejects.toBeInstanceOf(DatabaseUnavailable);
    expect(await news()).toEqual([]);
    await waiting;
    expect(await news()).toEqual([]);
    release.resolve();
    await busy;
  });

  it('goes another way than the rest where it is told one', async () => {
    await using other = await openPostgres({ address: proxy.address, direct: server.address }, silentLog);
    await untilReady(other);
    const theirs = await openNews(other);
    proxy.set('refuse');
    proxy.cut();
    expect(await theirs()).toEqual([]);
    await expect(other.users.countAdmins()).rejects.toBeInstanceOf(DatabaseUnavailable);
  });

  it('is made anew where that is asked for, and what is under way ends on the one of before', async () => {
    const orm = connect(server.address, false, examineLimits);
    try {
      const way = wayTo(await orm.driver.getConnection().getNativeClient(), server.address, false);
      const own = new OwnConnection(() => way.open(60_000, {}));
      const askForPid = async (and = '') =>
        field((await own.rows(`select pg_backend_pid() as pid${and}`))[0], 'pid');
      const before = await askForPid();
      const lock = 'select pg_advisory_lock(7), pg_sleep(600)';
      const holding = server.query(lock).catch(() => undefined);
      const locks = (granted: boolean) =>
        server.query(`select pid from pg_locks where locktype = 'advisory' and objid = 7 and granted = ${granted}
          and database = (select oid from pg_database where datname = current_database())`);
      await expect.poll(async () => (await locks(true)).length).toBe(1);
      const underWay = askForPid(', pg_advisory_lock(7)');
      await expect.poll(async () => (await locks(false)).length).toBe(1);
      own.renew();
      await server.query(`select pg_terminate_backend(${(await locks(true))[0]?.['pid']})`);
      await holding;
      expect(await underWay).toBe(before);
      expect(await askForPid()).not.toBe(before);
      const old = () => server.query(`select from pg_stat_activity where pid = ${before}`);
      await expect.poll(old, { timeout: 5000 }).toEqual([]);
      own.close();
    } finally {
      await orm.close(true);
    }
  });

  it('is made anew after it was lost, and tells of silence meanwhile', async () => {
    expect(await news()).toEqual([]);
    proxy.set('refuse');
    proxy.cut();
    for (let check = 0; check < 2; check++) await expect(news()).rejects.toBeInstanceOf(DatabaseSilent);
    proxy.set('none');
    expect(await news()).toEqual([]);
  });

  it('is made anew when the server lets it in again, after it did not', async () => {
    const role = `kith_checks_${randomBytes(6).toString('hex')}`;
    await server.query(`create role ${role} login superuser`);
    try {
      const address = { ...proxy.address, user: role, password: null };
      await using other = await openPostgres({ address }, silentLog);
      await untilReady(other);
      const theirs = await openNews(other);
      expect(await theirs()).toEqual([]);
      await server.query(`alter role ${role} nologin`);
      proxy.cut();
      await expect(theirs()).rejects.toBeInstanceOf(DatabaseSilent);
      for (let check = 0; check < 2; check++) await expect(theirs()).rejects.toBeInstanceOf(Unreachable);
      await server.query(`alter role ${role} login`);
      expect(await theirs()).toEqual([]);
    } finally {
      await server.query(`drop role ${role}`);
    }
  });

  it('tells an answer from silence: a right that was taken away', async () => {
    expect(await news()).toEqual([]);
    await server.query('alter table change_log rename to elsewhere');
    const refused = await news().catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(DatabaseUnavailable);
    expect(refused).not.toBeInstanceOf(DatabaseSilent);
    await server.query('alter table elsewhere rename to change_log');
    expect(await news()).toEqual([]);
  });
});
