import { expect, test } from 'vitest';
import { StatisticsCounter } from '../../../application/caching/statistics.ts';
import { getCacheStatus } from '../../../application/operations/get-cache-status.ts';
import { getStatistics } from '../../../application/operations/get-statistics.ts';
import type { CacheHealth } from '../../../domain/ports/cache.ts';

const health: CacheHealth = {
  degraded: false,
  backend: 'redis',
  latencyMs: 1,
  circuit: 'closed',
  memoryUsedBytes: null,
  entriesInMemory: 3,
  gate: 'open',
  stalenessMs: 40,
};

test('The status of the cache is healthy while nothing of it is out of use', async () => {
  const statusWith = (degraded: boolean) =>
    getCacheStatus({
      cache: { health: async () => ({ ...health, degraded }) },
      statistics: new StatisticsCounter(),
      maxStalenessMs: 200,
    })();
  const { degraded, ...rest } = health;
  expect(await statusWith(degraded)).toMatchObject({ status: 'healthy', ...rest, maxStalenessMs: 200 });
  expect(await statusWith(true)).toMatchObject({ status: 'degraded', ...rest });
});

test('Statistics count a look-up by the tier that answered it', () => {
  const statistics = new StatisticsCounter();
  const read = getStatistics(statistics);
  expect(read()).toMatchObject({ totalLookups: 0, hitRatePercent: 0 });
  for (const source of ['memory', 'memory', 'redis', 'stored', 'miss', 'bypass'] as const) {
    statistics.lookedUp(source);
  }
  statistics.invalidated(4);
  expect(read()).toEqual({
    hits: 3,
    misses: 3,
    hitRatePercent: 50,
    totalLookups: 6,
    invalidations: 4,
    byTier: { memory: 2, redis: 1, database: 3 },
  });
});
