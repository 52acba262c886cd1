import type { GetStatistics } from '../application.ts';
import type { StatisticsCounter } from '../caching/statistics.ts';

export const getStatistics =
  (statistics: Pick<StatisticsCounter, 'read'>): GetStatistics =>
  () =>
    statistics.read();
