/**
 * The limits on which the consistency protocol rests, in one place, because their relations matter more than their values:
 * tests/application/caching/limits.test.ts states each relation as an inequality, with the configurable ones at their
 * worst.
 */

/** How long a reader waits, in all, for somebody else's write or fill before it asks the database itself. */
export const patienceMs: number = 60;

/** The first pause of a reader that waits; each one after it is twice as long. Most writes are over by then. */
export const firstPauseMs: number = 2;

/** The deadline of a call to Redis unless configured otherwise: a cache that is slower than the database is of no use. */
export const defaultCommandTimeoutMs: number = 100;
/** The same for a Redis over HTTP. */
export const defaultRequestTimeoutMs: number = 400;
/** The longest that can be configured: a lease must outlive the calls and the read of the database that it is for. */
export const maxCommandTimeoutMs: number = 3_000;

/** The deadline of a read from the database, the wait for a connection included. */
export const databaseReadMs: number = 1_900;

/**
 * How long a reader may take from its lease to its fill. After a reader that crashed, others ask the database for so long
 * and store nothing.
 */
export const leaseMs: number = 5_000;

/** How long a transaction may go on before it is refused. It must be over, COMMIT included, before its fences end. */
export const maxTransactionMs: number = 10_000;

/**
 * How long a fence stands if nobody releases it, because its writer crashed or does not know what became of its COMMIT.
 * Until then nobody fills the key, so a row that was read before the commit cannot be stored after it.
 */
export const fenceTtlMs: number = 30_000;

/** How many times a transaction that the database rolled back for a conflict is run, in all. */
export const maxAttempts: number = 3;

/** How old an entry in memory may be whose invalidation was not heard, unless configured otherwise. */
export const defaultMaxStalenessMs: number = 500;
export const maxStalenessRangeMs: { readonly min: number; readonly max: number } = { min: 50, max: 60_000 };

/** J: how long a change may go unseen by any process, unless configured otherwise. */
export const defaultJournalBoundMs: number = 2_000;
export const journalBoundRangeMs: { readonly min: number; readonly max: number } = { min: 100, max: 60_000 };

/** For how long an open gate may stay open while no answer comes from the database, unless configured otherwise. */
export const defaultServeWithoutDatabaseMs = 30_000;
export const maxServeWithoutDatabaseMs = 3_600_000;

/** How many commands may wait for one connection to Redis. */
export const maxQueuedCommands: number = 1_000;

/** The largest value that is kept. A page of 100 contacts with long notes has 2 MB: a few would push out all others. */
export const maxValueBytes: number = 256 * 1024;

/** What a cache in memory may hold unless configured otherwise; a count alone would not bound it. */
export const defaultMaxMemoryBytes: number = 64 * 1024 * 1024;
export const defaultMaxMemoryEntries: number = 10_000;

/** The longest TTL that can be configured. */
export const maxTtlMs: number = 7 * 86_400_000;

/** For so many keys of the log a process remembers who changed them last. */
export const maxHeardKeys: number = 40_000;
/** What a new process reads of the log, so that a start does not make what is cached cold. */
export const maxRowsAtStart: number = 20_000;

/**
 * For how long rows of the log are kept after they became visible: longer than any value with its jitter can be cached and
 * any lease can be filled, so that whoever reads a value can still read what made it old.
 */
export const retentionMs = (longestTtlMs: number): number => Math.ceil(longestTtlMs * 1.1) + leaseMs + 60_000;

/** How often the log is noted and swept. */
export const sweepEveryMs: number = 60_000;
