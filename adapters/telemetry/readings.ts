import type { Statistics } from '../../application/application.ts';
import { longestMs, momentOn } from '../../application/caching/ages.ts';
import type { Readings, RedisCounters } from '../../application/operations/live-state.ts';
import type { Cache } from '../../domain/ports/cache.ts';
import type { Database } from '../../domain/ports/persistence.ts';
import type { Clock } from '../../domain/ports/runtime.ts';
import type { PasswordHasher } from '../../domain/ports/security.ts';
import type { Counts } from './counts.ts';

/** Where the numbers are that operators see. */
export type Sources = {
  readonly counts: Counts;
  readonly clock: Clock;
  readonly statistics: { read(): Statistics };
  readonly cache: Cache;
  readonly database: Database;
  readonly hasher: PasswordHasher;
  /** What went wrong with Redis, where there is one. */
  readonly redisCounters?: (() => RedisCounters) | undefined;
  readonly maxStalenessMs: number;
  readonly journalBoundMs: number;
};

/** It takes one round trip to Redis, for its memory, and asks the database nothing. */
export const takeReadings = async (sources: Sources): Promise<Readings> => {
  const { counts, clock, statistics, cache, database, hasher, redisCounters } = sources;
  const health = await cache.health();
  const { lastAnswered, checks, disbeliefs } = counts;
  return {
    statistics: statistics.read(),
    cache: health,
    database: database.status?.(),
    hashing: hasher.load?.(),
    redis: redisCounters?.(),
    maxStalenessMs: sources.maxStalenessMs,
    log: {
      ageMs: lastAnswered === undefined ? null : Math.round(longestMs(lastAnswered, momentOn(clock))),
      boundMs: sources.journalBoundMs,
      checks: { ...checks },
    },
    disbeliefs: { ...disbeliefs },
  };
};
