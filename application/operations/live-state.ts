import type { CacheHealth, CheckOutcome, Disbelief, Tier } from '../../domain/ports/cache.ts';
import type { DatabaseStatus } from '../../domain/ports/persistence.ts';
import type { Log, LogFields } from '../../domain/ports/runtime.ts';
import type { Statistics } from '../application.ts';

// What operators see of one process. There is no personal data in it, no key and no secret.

/** How everything is at one moment. */
export type Readings = {
  readonly statistics: Statistics;
  readonly cache: CacheHealth;
  /** `undefined` for a database that cannot tell. */
  readonly database: DatabaseStatus | undefined;
  readonly hashing: { readonly running: number; readonly waiting: number } | undefined;
  /** `undefined` without Redis. */
  readonly redis: RedisCounters | undefined;
  readonly maxStalenessMs: number;
  readonly log: LogReading;
  readonly disbeliefs: Disbeliefs;
};

/** What went wrong with Redis since the start: values that did not parse, and commands without a usable reply by code. */
export type RedisCounters = {
  readonly unreadable: number;
  readonly failures: { readonly [code: string]: number };
};

/** How the log of changes is read. */
export type LogReading = {
  /** The age of the beginning of the last answered check, in milliseconds; `null` before the first. */
  readonly ageMs: number | null;
  readonly boundMs: number;
  /** Checks since the start of the process, by what came of them. */
  readonly checks: Readonly<Record<CheckOutcome, number>>;
};

/** Cached values that were not believed since the start of the process, by why. */
export type Disbeliefs = Readonly<Record<Disbelief, number>>;

/** How often reads of one kind of record in one tier had each outcome. */
export type ReadCounts = { hit: number; miss: number; filling: number; fenced: number; unavailable: number };

/** How many answers of one kind of record were held against the database, and how many of them were too old. */
export type AuditCounts = { audited: number; stale: number };

/** What happened between one sample and the one before. */
export type LiveSample = {
  /** Counts from 1 up. */
  readonly number: number;
  readonly atMs: number;
  /** How long it is since the one before, in milliseconds. */
  readonly lengthMs: number;
  readonly lookups: Statistics['byTier'];
  readonly requests: number;
  /** Answers of 500 and above. */
  readonly errors: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly invalidations: number;
  readonly stalenessMs: number | null;
  readonly logAgeMs: number | null;
  readonly redisLatencyMs: number | null;
};

/** An event of the log. */
export type RecentEvent = {
  /** Counts from 1 up. */
  readonly number: number;
  readonly atMs: number;
  readonly level: keyof Log;
  readonly event: string;
  readonly fields: LogFields;
  /** How often it happened in a row; the time and the fields are those of the last time. */
  readonly times: number;
};

/** Counts since the start of the process by name. */
export type NamedCounts = readonly (readonly [name: string, count: number])[];

/** How the process is, and how it was lately. */
export type LiveState = Readings & {
  readonly nowMs: number;
  readonly uptimeMs: number;
  /** By tier and the name of the kind. */
  readonly reads: Readonly<Record<Tier, ReadonlyMap<string, ReadCounts>>>;
  /** By the name of the kind; empty where nothing is audited. */
  readonly audits: ReadonlyMap<string, AuditCounts>;
  readonly fences: { readonly confirmed: number; readonly unconfirmed: number };
  /** By the class of the status: `2xx`. */
  readonly answers: NamedCounts;
  /** By outcome. */
  readonly logIns: NamedCounts;
  /** Requests under a limit per address: `log-in refused`. */
  readonly limits: NamedCounts;
  readonly samples: readonly LiveSample[];
  readonly events: readonly RecentEvent[];
};
