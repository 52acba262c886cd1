import { describe, expect, it } from 'vitest';
import { memoryDatabase } from '../../../adapters/memory/memory-database.ts';
import { Counts } from '../../../adapters/telemetry/counts.ts';
import { prometheusMetrics } from '../../../adapters/telemetry/metrics.ts';
import { observeCache, observeJudge } from '../../../adapters/telemetry/observed-cache.ts';
import { momentOn } from '../../../application/caching/ages.ts';
import { StatisticsCounter } from '../../../application/caching/statistics.ts';
import { users } from '../../../application/records/user.ts';
import { DatabaseUnavailable } from '../../../domain/faults.ts';
import type { Cache, CacheHealth, CheckOutcome } from '../../../domain/ports/cache.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { quickHasher } from '../../support/quick-hasher.ts';
import { sampleValue } from './samples.ts';

const health: CacheHealth = {
  degraded: false,
  backend: 'memory',
  latencyMs: null,
  circuit: 'closed',
  memoryUsedBytes: null,
  entriesInMemory: 0,
  gate: 'open',
  stalenessMs: 0,
};

/** A cache without records that keeps what it is told of checks. */
const open = (gate: CacheHealth['gate'] = 'open', size = async (): Promise<number> => 7) => {
  const clock = new ManualClock();
  const counts = new Counts();
  const told: CheckOutcome[] = [];
  const inner: Cache = {
    kinds: [],
    of: () => {
      throw new Error('there are no records');
    },
    clear: async () => true,
    checked: (outcome) => void told.push(outcome),
    forget: () => {},
    health: async () => ({ ...health, gate }),
    [Symbol.asyncDispose]: async () => {},
  };
  const cache = observeCache(inner, { counts, clock, tracing: undefined });
  const database = memoryDatabase();
  const metrics = prometheusMetrics({
    ...{ counts, clock, cache, hasher: quickHasher, maxStalenessMs: 500, journalBoundMs: 2000 },
    statistics: new StatisticsCounter(),
    database: { ...database, log: { ...database.log, size } },
  });
  const read = async (name: string, labels = {}) => sampleValue(await metrics.read(), name, labels);
  return { cache, clock, counts, told, read };
};

describe('checks of the log', () => {
  it('are counted by what came of them, and a silence that is told while it lasts is one', async () => {
    const { cache, clock, told, read } = open();
    const first = momentOn(clock);
    cache.checked('answered', first);
    const second = momentOn(clock);
    for (let times = 0; times < 3; times++) cache.checked('silent', second);
    cache.checked('answered', second);
    cache.checked('silent', momentOn(clock));
    cache.checked('refused', momentOn(clock));
    cache.checked('anew', momentOn(clock));
    const checks = (outcome: CheckOutcome) => read('kith_log_checks_total', { outcome });
    expect([await checks('answered'), await checks('silent')]).toEqual([2, 2]);
    expect([await checks('refused'), await checks('anew')]).toEqual([1, 1]);
    expect(told).toHaveLength(8);
  });

  it('have an age that is counted from the beginning of the last answered one, and none before', async () => {
    const { cache, clock, read } = open();
    expect(await read('kith_log_age_seconds')).toBeUndefined();
    const began = momentOn(clock);
    await clock.advance(300);
    cache.checked('answered', began);
    cache.checked('silent', momentOn(clock));
    await clock.advance(200);
    expect(await read('kith_log_age_seconds')).toBe(0.5);
    expect(await read('kith_log_bound_seconds')).toBe(2);
  });
});

describe('the gate', () => {
  it.each([
    ['open', 1],
    ['without-database', 1],
    ['closed', 0],
  ] as const)('that is %s is %i', async (gate, expected) => {
    expect(await open(gate).read('kith_gate_open')).toBe(expected);
  });
});

describe('doubts', () => {
  it('are counted by their reason and handed on; what is believed, or only looked at, is not counted', async () => {
    const { counts, read } = open();
    const doubts = ['outdated', undefined, 'outdated', 'other-epoch'] as const;
    let next = 0;
    const judge = observeJudge({ doubt: () => doubts[next++] }, counts);
    expect(doubts.map(() => judge.doubt(users, 'any', undefined))).toEqual(doubts);
    next = 0;
    expect(doubts.map(() => judge.doubt(users, 'any', undefined, 'look'))).toEqual(doubts);
    const believed = (reason: string) => read('kith_values_not_believed_total', { reason });
    expect([await believed('outdated'), await believed('other-epoch'), await believed('unproved')]).toEqual([
      2, 1, 0,
    ]);
  });
});

describe('the rows of the log', () => {
  it('are counted behind a scrape for the next, at most once a minute', async () => {
    let asked = 0;
    const { clock, read } = open('open', async () => ++asked * 100);
    expect(await read('kith_log_rows')).toBeUndefined();
    await clock.advance(30_000);
    expect([await read('kith_log_rows'), asked]).toEqual([100, 1]);
    await clock.advance(30_000);
    await read('kith_log_rows');
    await clock.advance(1);
    expect([await read('kith_log_rows'), asked]).toEqual([200, 2]);
  });

  it('are not known while the database does not answer, and no scrape waits or fails for that', async () => {
    let rows = async (): Promise<number> => 5;
    const { clock, read } = open('open', () => rows());
    await read('kith_log_rows');
    await clock.advance(60_000);
    rows = () => Promise.reject(new DatabaseUnavailable('gone'));
    expect(await read('kith_log_rows')).toBe(5);
    await clock.advance(60_000);
    rows = () => new Promise<number>(() => {});
    expect(await read('kith_log_rows')).toBeUndefined();
  });
});
