import { expect, it } from 'vitest';
import { memoryDatabase } from '../../adapters/memory/memory-database.ts';
import { RedisBus } from '../../adapters/redis/bus.ts';
import { MemoryTier } from '../../adapters/tiered/memory-tier.ts';
import { TieredCache } from '../../adapters/tiered/tiered-cache.ts';
import { JournalReplayer } from '../../application/caching/journal.ts';
import { StatisticsCounter } from '../../application/caching/statistics.ts';
import { anyUserId } from '../contracts/records.ts';
import { openRedis } from '../support/redis-server.ts';
import { fillUser, openCache, runtime } from './fixture.ts';

it('replays a journal of 1,500 changes over one connection, whose queue holds 1,000 commands', async () => {
  await using server = await openRedis();
  await using cache = await openCache(server.address, { poolSize: 1 });
  const needs = runtime();
  await using bus = new RedisBus({ address: server.address, keyPrefix: 'kith:', maxStalenessMs: 500 }, needs);
  const bounds = { maxStalenessMs: 500, journalBoundMs: 60_000 };
  const tiered = new TieredCache({
    ...needs,
    ...bounds,
    memory: new MemoryTier(needs.clock, 100, bounds.maxStalenessMs),
    ttlsMs: {
      users: 1e5,
      profiles: 1e5,
      emails: 1e5,
      usernames: 1e5,
      phones: 1e5,
      contacts: 1e5,
      lists: 1e5,
      pages: 1e5,
    },
    shared: { cache, bus },
  });
  const { journal } = memoryDatabase();
  const changed = await fillUser(cache);
  const ids = [changed.id, ...Array.from({ length: 1499 }, () => anyUserId())];
  await journal.append(ids.map((userId) => ({ kind: 'user', userId })));
  const replayer = new JournalReplayer({
    ...needs,
    ...bounds,
    journal,
    cache: tiered,
    statistics: new StatisticsCounter(),
    whenDatabaseUnreachable: 'serve',
  });
  await replayer.check();
  expect(await journal.count()).toBe(0);
  expect((await tiered.health()).backend).toBe('redis');
  expect((await cache.caches.users.read(changed.id)).state).toBe('leased');
});
