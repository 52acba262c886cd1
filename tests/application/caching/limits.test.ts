import { describe, expect, it } from 'vitest';
import { databaseDeadlines } from '../../../adapters/mikro-orm/postgres-pool.ts';
import * as limits from '../../../application/caching/limits.ts';
import { jittered } from '../../../application/caching/values.ts';
import { defaultTtlsMs } from '../../../application/records/ttls.ts';

/** PostgreSQL's `deadlock_timeout`, which only a superuser changes. */
const defaultDeadlockTimeoutMs = 1000;

/** What must be larger, than what, and why. */
type Relation = readonly [larger: number, smaller: number, why: string];

const relationsOf = (l: typeof limits): readonly Relation[] => [
  [l.maxCommandTimeoutMs, l.defaultCommandTimeoutMs - 1, 'a default can be configured'],
  [
    l.leaseMs,
    l.maxCommandTimeoutMs + l.databaseReadMs,
    'a lease outlives the call that took it and the read that it is for',
  ],
  [
    l.databaseReadMs + 1,
    databaseDeadlines.connectionTimeoutMs + databaseDeadlines.queryTimeoutMs,
    'a read ends by its deadline',
  ],
  [
    databaseDeadlines.queryTimeoutMs,
    databaseDeadlines.statementTimeoutMs,
    'the server gives up before we do',
  ],
  [
    databaseDeadlines.statementTimeoutMs,
    databaseDeadlines.lockTimeoutMs,
    'a lock is given up before its statement',
  ],
  [
    databaseDeadlines.lockTimeoutMs,
    defaultDeadlockTimeoutMs,
    'PostgreSQL finds a deadlock, which is tried again, before the wait for the lock is given up',
  ],
  [
    l.maxTransactionMs,
    databaseDeadlines.idleInTransactionTimeoutMs,
    'who idles is ended within the transaction',
  ],
  [
    l.fenceTtlMs,
    l.maxTransactionMs + databaseDeadlines.queryTimeoutMs + l.maxCommandTimeoutMs,
    'a fence outlives the longest transaction, its COMMIT, and its own way to Redis',
  ],
  [l.fenceTtlMs, 2 * l.leaseMs, 'a fence outlives every lease that was taken before it'],
  [l.patienceMs, 2 * l.firstPauseMs, 'who waits looks more than once'],
  [l.leaseMs, l.patienceMs, 'who waits for a fill gives up before the filler does'],
  [Math.min(...Object.values(defaultTtlsMs)), l.fenceTtlMs, 'a value lives longer than what hides it'],
  [
    Math.min(...Object.values(defaultTtlsMs)),
    l.journalBoundRangeMs.max,
    'bounds are shorter than times to live',
  ],
  [l.maxTtlMs + 1, Math.max(...Object.values(defaultTtlsMs)), 'a default can be configured'],
  [l.maxTtlMs * 1.2, jittered(l.maxTtlMs, 1), 'chance adds a tenth at most'],
  [
    l.retentionMs(l.maxTtlMs) + 1,
    jittered(l.maxTtlMs, 1) + l.leaseMs,
    'a row of the log outlives every value that it makes old',
  ],
  [l.maxHeardKeys + 1, 2 * l.maxRowsAtStart, 'what a start reads, two keys a row, is all remembered'],
  [l.defaultMaxMemoryBytes, 100 * l.maxValueBytes, 'one value does not push out all others'],
];

const broken = (l: typeof limits): readonly string[] =>
  relationsOf(l)
    .filter(([larger, smaller]) => !(larger > smaller))
    .map(([, , why]) => why);

describe('the limits of the protocol', () => {
  it.each(relationsOf(limits))('%d is more than %d: %s', (larger, smaller) => {
    expect(larger).toBeGreaterThan(smaller);
  });

  it.each<readonly [Partial<typeof limits>, string]>([
    [{ fenceTtlMs: 12_000 }, 'a fence outlives the longest transaction'],
    [{ leaseMs: 2_000 }, 'a lease outlives the call'],
    [{ maxCommandTimeoutMs: 10_000 }, 'a lease outlives the call'],
    [{ maxTransactionMs: 60_000 }, 'a fence outlives the longest transaction'],
    [{ maxRowsAtStart: 30_000 }, 'what a start reads'],
    [{ retentionMs: (longestTtlMs) => longestTtlMs }, 'a row of the log outlives'],
  ])('break a relation where %o is planted', (planted, why) => {
    expect(broken({ ...limits, ...planted }).join()).toContain(why);
  });
});
