import type { Contact, ContactPage } from '../contact.ts';
import type { UserId } from '../identifiers.ts';
import type { Profile, User } from '../user.ts';

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
  /** Stores the value if the lease still stands; whether it did. `undefined` (no such record) only gives the lease back. */
  fill(lease: Lease, value: V | undefined): Promise<boolean>;
  /**
   * Replaces whatever is there by a fence that lets nobody read or fill the key, and tells every process. `true` only
   * if the reply arrived: then no later read anywhere is served what was there (within the memory bound).
   */
  fence(key: string, token: string): Promise<boolean>;
  /** Deletes the key unless it is another's fence. For a fence that was not confirmed nothing is sent. */
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
};

/** The kinds of record, each with its keys. */
export interface Caches {
  /** `{id}` */
  readonly users: CachePort<User>;
  /** `{id}` */
  readonly profiles: CachePort<Profile>;
  /** The canonical value to the id of whoever had it: a hint, to be verified on the user. */
  readonly emails: CachePort<UserId>;
  readonly usernames: CachePort<UserId>;
  readonly phones: CachePort<UserId>;
  /** `{contact id}:user:{owner id}` */
  readonly contacts: CachePort<Contact>;
  /** `{owner id}` to the list's generation: a random name that its pages carry, so one fence hides them all. */
  readonly lists: CachePort<string>;
  /** `{owner id}:{generation}:{skip}:{limit}` */
  readonly pages: CachePort<ContactPage>;
}

export type Kind = keyof Caches;

/** How long a value of each kind may be kept, whatever happens, in milliseconds. */
export type TtlsMs = { readonly [K in Kind]: number };

/** A whole cache: the kinds of record, and what concerns all of them. Disposing closes its connections. */
export interface Cache extends AsyncDisposable {
  readonly caches: Caches;
  /** How long after a confirmed fence some process may still serve what was there, in milliseconds; 0 if none can. */
  readonly staleAfterFenceMs: number;
  /** Replays every key. */
  clear(): Promise<boolean>;
  /**
   * Called at the end of each journal check with its start (monotonic). `complete`: every row there was has been
   * replayed. `unreachable`: the database did not answer, and its operator prefers cached reads to none.
   */
  journalChecked(outcome: 'complete' | 'unreachable', startedAtMs: number): void;
  health(): Promise<CacheHealth>;
}

export type CacheHealth = {
  /** Whether a configured tier is out of use. */
  readonly degraded: boolean;
  readonly backend: Tier;
  /** The last measured round trip in milliseconds; `null` when unknown. */
  readonly latencyMs: number | null;
  readonly circuit: 'closed' | 'open' | 'half-open';
  readonly memoryUsedBytes: number | null;
  readonly entriesInMemory: number;
  /** The age of the last proof that every invalidation was seen; `null` when the memory tier is out of use. */
  readonly stalenessMs: number | null;
};

/** What one process hears of the invalidations of all others. */
export interface InvalidationBus extends AsyncDisposable {
  /** Calls the listener from now on, in the order in which things arrive. */
  listen(listener: BusListener): void;
}

export type BusListener = {
  /** A fence or a replay of this key was published; `everything` for `clear`. */
  invalidated(kind: Kind | 'everything', key: string): void;
  /**
   * Everything published before `sentAtMs` (monotonic) has been heard: a ping sent then was answered on the subscribed
   * connection, where pushes and replies are in order. The time of the answer would prove less.
   */
  proved(sentAtMs: number): void;
  /** The connection was lost or made anew: what is held may have missed an invalidation, what is being read too. */
  interrupted(): void;
};
