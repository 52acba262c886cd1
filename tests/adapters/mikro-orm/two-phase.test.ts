import { expect, it } from 'vitest';
import { openPostgres } from '../../../adapters/mikro-orm/postgres.ts';
import { fresh, store } from '../../contracts/persistence-support.ts';
import { openPostgresCluster } from '../../torture/postgres-cluster.ts';
import { clientsOf } from './change-log-support.ts';
import { openNews, silentLog, untilReady } from './support.ts';

it('lets others prepare transactions that change users, and tells of them when they are committed', async () => {
  await using cluster = await openPostgresCluster({ max_prepared_transactions: '5' });
  const address = {
    host: '127.0.0.1',
    port: cluster.port,
    user: 'postgres',
    password: null,
    database: 'postgres',
    tls: { mode: 'off' },
  } as const;
  await using database = await openPostgres({ address }, silentLog);
  await untilReady(database);
  const { user, ...account } = fresh();
  await store(database, { ...account, user });
  const news = await openNews(database);
  await using clients = await clientsOf(address);
  const other = await clients.connect();
  await other.run(`begin; update users set name = 'prepared'; prepare transaction 'of another'`);
  expect(await news()).toEqual([]);
  await other.run(`commit prepared 'of another'`);
  expect(await news()).toEqual([`users ${user.id}`]);
});
