import type { Statistics } from '../application.ts';
import type { Source } from '../read.ts';

/** Counters of one process since its start. A look-up is one record asked for by a caller, however many tiers it took. */
export class StatisticsCounter {
  #memory = 0;
  #redis = 0;
  #database = 0;
  #invalidations = 0;

  lookedUp(source: Source): void {
    if (source === 'memory') this.#memory++;
    else if (source === 'redis') this.#redis++;
    else this.#database++;
  }

  invalidated(count: number): void {
    this.#invalidations += count;
  }

  read(): Statistics {
    const hits = this.#memory + this.#redis;
    const totalLookups = hits + this.#database;
    return {
      hits,
      misses: this.#database,
      hitRatePercent: totalLookups === 0 ? 0 : Math.round((hits / totalLookups) * 10_000) / 100,
      totalLookups,
      invalidations: this.#invalidations,
      byTier: { memory: this.#memory, redis: this.#redis, database: this.#database },
    };
  }
}
