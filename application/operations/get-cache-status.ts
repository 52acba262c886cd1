import type { Cache } from '../../domain/ports/cache.ts';
import type { GetCacheStatus } from '../application.ts';
import type { StatisticsCounter } from '../caching/statistics.ts';

export type GetCacheStatusNeeds = {
  readonly cache: Pick<Cache, 'health'>;
  readonly statistics: Pick<StatisticsCounter, 'read'>;
  readonly maxStalenessMs: number;
};

export const getCacheStatus =
  ({ cache, statistics, maxStalenessMs }: GetCacheStatusNeeds): GetCacheStatus =>
  async () => {
    const { degraded, ...health } = await cache.health();
    return {
      status: degraded ? 'degraded' : 'healthy',
      ...health,
      maxStalenessMs,
      statistics: statistics.read(),
    };
  };
