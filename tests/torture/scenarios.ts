import { setTimeout as sleep } from 'node:timers/promises';
import type { Bounds } from './facts.ts';
import type { Fault } from './faults.ts';
import * as faults from './faults.ts';
import * as logFaults from './log-faults.ts';
import { Random } from './random.ts';
import * as setUps from './set-ups.ts';

export type Scenario = {
  readonly name: string;
  /** Happens again and again, with pauses in which everything recovers, or does not quite. */
  readonly fault: Fault;
  /** How long the fault lasts each time, in milliseconds: from, to. */
  readonly lastsMs: readonly [number, number];
  /** Redis may lose a fence: then nothing but the log hides what was there before a write. */
  readonly losesFences?: true;
  /** Where an instance has larger ones than usual: the promises are then about these. */
  readonly bounds?: Bounds;
  /** Nothing but Redis fails: then nobody may see a 5xx for it. */
  readonly onlyRedis?: true;
};

/** Any of them, one after the other. */
const anything: Fault = async (world, random, ms, mode, context) => {
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
  await fault(world, random, ms, mode, context);
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
  { name: 'stall', fault: logFaults.stalled, lastsMs: [2500, 4000] },
  { name: 'suspend', fault: logFaults.suspended, lastsMs: [3200, 4000] },
  { name: 'rights-revoked', fault: logFaults.rightsRevoked, lastsMs: [2500, 4000] },
  { name: 'mass-update', fault: logFaults.everybodyChanged, lastsMs: [2500, 3500] },
  { name: 'late-commit', fault: logFaults.committedLate, lastsMs: [2500, 5000], losesFences: true },
  {
    name: 'redis-restored',
    fault: setUps.redisRestored,
    lastsMs: [2000, 3000],
    losesFences: true,
    onlyRedis: true,
  },
  { name: 'two-redis', fault: setUps.twoRedis, lastsMs: [3000, 5000], losesFences: true },
  { name: 'one-without-redis', fault: setUps.oneWithoutRedis, lastsMs: [3000, 5000], losesFences: true },
  {
    name: 'settings-roll-out',
    fault: setUps.settingsRolledOut,
    lastsMs: [1000, 4000],
    losesFences: true,
    bounds: setUps.largestBounds,
  },
  { name: 'version-roll-out', fault: setUps.versionRolledOut, lastsMs: [1000, 4000], losesFences: true },
  { name: 'anything', fault: anything, lastsMs: [300, 3000], losesFences: true },
];

/** What one takes at least, in milliseconds; some take longer. */
const leastShareMs = 10_000;

/** As many as there is time for, drawn by the seed: each is as likely as any other. All of them if there is time for all. */
export const draw = (seed: number, minutes: number): readonly Scenario[] => {
  const random = new Random(seed);
  const count = Math.max(1, Math.floor((minutes * 60_000) / leastShareMs));
  const left = [...scenarios];
  while (left.length > count) left.splice(random.below(left.length), 1);
  return left;
};
