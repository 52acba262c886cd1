import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './faults.ts';
import * as faults from './faults.ts';

export type Scenario = {
  readonly name: string;
  /** Happens again and again, with pauses in which everything recovers, or does not quite. */
  readonly fault: Fault;
  /** How long the fault lasts each time, in milliseconds: from, to. */
  readonly lastsMs: readonly [number, number];
  /** Redis may lose a fence: then the old version can be read until the write is acknowledged (G5). */
  readonly losesFences?: true;
  /** Nothing but Redis fails: then nobody may see a 5xx for it. */
  readonly onlyRedis?: true;
};

/**
 * Any of them, one after the other. Never two at once: of the pairs that break G5 until the TTL (a fence that was lost,
 * and a release that never arrives) nothing is promised.
 */
const anything: Fault = async (world, random, ms, mode) => {
  const onPostgres = [faults.postgresKilled, faults.postgresStopped] as const;
  const others = [
    faults.redisStopped,
    faults.redisPaused,
    faults.redisFlushed,
    faults.redisCut,
    faults.redisBlackHole,
    faults.redisSlow,
    faults.redisReset,
    faults.redisReadOnly,
    faults.redisKilled,
    faults.processStopped,
    faults.processKilled,
    faults.postgresCut,
    faults.postgresBlackHole,
  ] as const;
  const fault = random.pick([...others, ...onPostgres]);
  // Whoever is at psql hears of its end from psql.
  mode.rawSql = others.some((other) => other === fault) && random.chance(0.3);
  await fault(world, random, ms, mode);
  mode.rawSql = false;
  await sleep(200);
};

const medium = [1000, 3000] as const;

export const scenarios: readonly Scenario[] = [
  { name: 'calm', fault: faults.nothing, lastsMs: [1000, 1000] },
  { name: 'raw-sql', fault: faults.rawSql, lastsMs: [3000, 6000] },
  { name: 'redis-kill', fault: faults.redisKilled, lastsMs: medium, losesFences: true, onlyRedis: true },
  {
    name: 'redis-restart',
    fault: faults.redisRestarted,
    lastsMs: [0, 0],
    losesFences: true,
    onlyRedis: true,
  },
  { name: 'redis-stop', fault: faults.redisStopped, lastsMs: [200, 3000], onlyRedis: true },
  { name: 'redis-pause', fault: faults.redisPaused, lastsMs: [200, 3000], onlyRedis: true },
  { name: 'redis-flush', fault: faults.redisFlushed, lastsMs: medium, losesFences: true, onlyRedis: true },
  { name: 'redis-cut-one', fault: faults.redisCut, lastsMs: medium, onlyRedis: true },
  { name: 'redis-black-hole-one', fault: faults.redisBlackHole, lastsMs: medium, onlyRedis: true },
  { name: 'redis-latency', fault: faults.redisSlow, lastsMs: medium, onlyRedis: true },
  { name: 'redis-reset-storm', fault: faults.redisReset, lastsMs: medium, onlyRedis: true },
  { name: 'redis-read-only', fault: faults.redisReadOnly, lastsMs: [1500, 5000], onlyRedis: true },
  { name: 'process-stop', fault: faults.processStopped, lastsMs: [3000, 3000] },
  { name: 'process-kill', fault: faults.processKilled, lastsMs: [200, 1000] },
  { name: 'postgres-cut-one', fault: faults.postgresCut, lastsMs: medium },
  { name: 'postgres-black-hole-one', fault: faults.postgresBlackHole, lastsMs: medium },
  { name: 'postgres-kill', fault: faults.postgresKilled, lastsMs: [100, 2000] },
  { name: 'postgres-stop', fault: faults.postgresStopped, lastsMs: [200, 3000] },
  { name: 'anything', fault: anything, lastsMs: [300, 3000], losesFences: true },
];
