import { DatabaseUnavailable } from '../../domain/faults.ts';
import type { Cache } from '../../domain/ports/cache.ts';
import type { Journal } from '../../domain/ports/persistence.ts';
import type { GetCacheStatus } from '../application.ts';
import type { StatisticsCounter } from '../caching/statistics.ts';

export type GetCacheStatusNeeds = {
  readonly cache: Cache;
  readonly journal: Journal;
  readonly statistics: StatisticsCounter;
  readonly maxStalenessMs: number;
};

export const getCacheStatus =
  ({ cache, journal, statistics, maxStalenessMs }: GetCacheStatusNeeds): GetCacheStatus =>
  async () => {
    const [{ degraded, ...health }, pendingInvalidations] = await Promise.all([
      cache.health(),
      countPending(journal),
    ]);
    return {
      status: degraded || (pendingInvalidations ?? 0) > 0 ? 'degraded' : 'healthy',
      ...health,
      maxStalenessMs,
      pendingInvalidations,
      statistics: statistics.read(),
    };
  };

const countPending = async (journal: Journal): Promise<number | null> => {
  try {
    return await journal.count();
  } catch (error) {
    // The answer is about the cache: a database that is down shows as an unknown number.
    if (error instanceof DatabaseUnavailable) return null;
    throw error;
  }
};
