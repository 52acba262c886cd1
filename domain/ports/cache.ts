import type { Proof } from './change-log.ts';
import type { Moment } from './runtime.ts';

/** What a cache may hold: plain data. A `Secret` has methods and is none. */
export type Cacheable =
  | string
  | number
  | boolean
  | null
  | readonly Cacheable[]
  | { readonly [field: string]: Cacheable };

export type Tier = 'memory' | 'redis';

/** A value found in a cache. Frozen: it is shared by everybody who reads it. */
export type Hit<V> = { readonly state: 'hit'; readonly value: V; readonly source: Tier };

/** The right to fill one key once: void after the key was fenced, replayed or deleted, or after the lease's time. */
export type Lease = { readonly key: string; readonly token: string; readonly readStartedAtMs: number };

export type CacheRead<V> =
  | Hit<V>
  /** Absent, and reserved for the caller: read the primary database from now on, then `fill`. */
  | { readonly state: 'leased'; readonly lease: Lease }
  /** Somebody else holds the lease: their fill may arrive any moment. Otherwise read the database and do not fill. */
  | { readonly state: 'filling' }
  /** A write is under way, and may end any moment. Otherwise read the database and do not fill. */
  | { readonly state: 'fenced' }
  /** The cache cannot be used, or not for this key: read the database at once and do not fill. */
  | { readonly state: 'unavailable' };

/**
 * One kind of record, by key, under the protocol of application/caching/protocol.ts. An outage is an outcome, never an
 * exception: a read becomes `unavailable` or a lease that fills memory only, a command answers `false`; and no call takes
 * longer than one deadline.
 */
export interface CachePort<V extends Cacheable> {
  /** A value at hand without waiting. */
  peek(key: string): Hit<V> | undefined;
  read(key: string): Promise<CacheRead<V>>;
  /** `read` for many keys in at most two round trips, in the order of the keys. */
  readMany(keys: readonly string[]): Promise<readonly CacheRead<V>[]>;
  /**
   * Stores the value if the lease still stands; whether it did. Without a value (no such record), or without the proof
   * that all but hints need, it only gives the lease back.
   */
  fill(lease: Lease, value: V | undefined, proof?: Proof): Promise<boolean>;
  /** Forgets what the memory of this process holds for the key, and what is being read for it. Nobody else is told. */
  drop(key: string): void;
  /**
   * Replaces whatever is there by a fence that lets nobody read or fill the key, and tells every process. `true` only
   * if the reply arrived: then no later read anywhere is served what was there (within the memory bound). In a
   * cache that shares nothing with other processes it drops what is there and voids the leases before it: only the log tells
   * of their changes.
   */
  fence(key: string, token: string): Promise<boolean>;
  /**
   * Deletes the key unless it is another's fence. For a fence that was not answered nothing is sent: it may still be on
   * its way, and the release would overtake it.
   */
  release(key: string, token: string): Promise<boolean>;
  /** Deletes the key unless it is a fence, and tells every process. */
  replay(key: string): Promise<boolean>;
  /** What each tier holds, never the value. */
  inspect(key: string): Promise<readonly TierState[]>;
}

export type TierState = {
  readonly tier: Tier;
  readonly state: 'absent' | 'value' | 'leased' | 'fenced' | 'unreadable' | 'unavailable';
  /** The version of the record inside, where it has one. */
  readonly version: number | null;
  readonly ttlMs: number | null;
  /** Why the value would not be served now; `null`: it would be, or there is none. */
  readonly disbelief: Disbelief | null;
};

/**
 * Why a cached value is not believed. `unproved`: without a proof that can be read. `unchecked`: the log of changes was not
 * checked in time. `other-epoch`: of another database, or of before a crash. `outdated`: it has not seen a change.
 */
export type Disbelief = 'unproved' | 'unchecked' | 'other-epoch' | 'outdated';

/**
 * One kind of record: all that a cache knows of what it holds. A kind is one object, whoever declares it; `Caches.of(kind)`
 * is its port.
 */
export interface RecordKind<V extends Cacheable> {
  /** Unique in a cache: lower-case letters, digits and hyphens. It stands on the bus and in metrics. */
  readonly name: string;
  /**
   * How a store that all kinds share names a record: words, and in braces the parts of its key, with colons between them,
   * like `contact:{contact}:user:{owner}`. A key is the parts alone (application/records/keys.ts).
   */
  readonly pattern: string;
  /**
   * Whether a value only says where to look. What it leads to is verified at each use, so nobody has to hear of a change.
   * Its key is personal data, which no message carries and no name outside the process shows.
   */
  readonly isHint: boolean;
  /** Where the log tells of changes that make a record old. A hint has none. */
  readonly origin: RecordOrigin | undefined;
  /**
   * How long a value may be kept, whatever happens, in milliseconds: a tenth more or less, and another tenth in the memory
   * of a process that took it from Redis late.
   */
  readonly ttlMs: number;
  readonly codec: Codec<V>;
}

export type RecordOrigin = {
  /** The table. */
  readonly source: string;
  /** The key in the log under which changes of the record with this key are heard. */
  readonly heardAs: (key: string) => string;
  /** The key of the record that a key in the log leads to, if it leads to one. */
  readonly recordOf: (heard: string) => string | undefined;
};

/**
 * How a value is written to a store outside this process and read back, field by field: a field that the codec does not
 * name can neither get in nor come out, whatever the object or the text holds.
 */
export interface Codec<V extends Cacheable> {
  /** The number of the written form. Raised with every change of it: a text of another form is not read. */
  readonly schema: number;
  encode(value: V, key: string): string;
  /**
   * The value, frozen; `undefined` if the text is not one, or is one of another key: what is cached is outside, too, and
   * a record under a wrong key must never be served. Never throws.
   */
  decode(text: string, key: string): V | undefined;
}

/** The ports of a cache, one for each kind it was made with. */
export interface Caches {
  readonly kinds: readonly RecordKind<Cacheable>[];
  /** Throws for a kind that the cache was not made with, which is a mistake in the wiring. */
  of<V extends Cacheable>(kind: RecordKind<V>): CachePort<V>;
}

/** A whole cache: the kinds of record, and what concerns all of them. Disposing closes its connections. */
export interface Cache extends Caches, AsyncDisposable {
  /** Replays every key. */
  clear(): Promise<boolean>;
  /**
   * Called at the end of each check of the log with its beginning. `answered`: every change that was visible then is known
   * and its records are dropped. `refused`: somebody answered, and it was not that. `silent`: there was no answer at all.
   * `anew`: what was known until now is void.
   */
  checked(outcome: CheckOutcome, began: Moment): void;
  /** Forgets all that the memory of this process holds, and what is being read. Nobody else is told. */
  forget(): void;
  health(): Promise<CacheHealth>;
}

export type CheckOutcome = 'answered' | 'refused' | 'silent' | 'anew';

export type CacheHealth = {
  /** Whether a configured tier is out of use. */
  readonly degraded: boolean;
  /** What is asked behind memory: `upstash` is a Redis over REST. */
  readonly backend: Tier | 'upstash';
  /** The last measured round trip in milliseconds; `null` when unknown. */
  readonly latencyMs: number | null;
  readonly circuit: 'closed' | 'open' | 'half-open';
  readonly memoryUsedBytes: number | null;
  readonly entriesInMemory: number;
  /** Whether caches may be read at all: the log was checked in time, or nobody answers and that is not for long. */
  readonly gate: 'open' | 'closed' | 'without-database';
  /** The age of the last proof that every invalidation was heard; `null` when the memory tier is out of use. */
  readonly stalenessMs: number | null;
};

/** What one process hears of the invalidations of all others. */
export interface InvalidationBus extends AsyncDisposable {
  /** Calls the listener from now on, in the order in which things arrive. */
  listen(listener: BusListener): void;
}

export type BusListener = {
  /**
   * A fence or a replay of this key was published. A kind that this process does not know, such as `everything`, may be
   * about any record: what another version says must not be overheard.
   */
  invalidated(kind: string, key: string): void;
  /**
   * Everything published before `sent` has been heard: a ping sent then was answered on the subscribed connection, where
   * pushes and replies are in order. The time of the answer would prove less.
   */
  proved(sent: Moment): void;
  /** The connection was lost or made anew: what is held may have missed an invalidation, what is being read too. */
  interrupted(): void;
};
