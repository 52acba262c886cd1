import type { Cache, CacheHealth, Caches, InvalidationBus, TtlsMs } from '../../domain/ports/cache.ts';
import type { Clock } from '../../domain/ports/runtime.ts';
import { Distrust } from './distrust.ts';
import type { MemoryTier } from './memory-tier.ts';
import { TieredRecords, type Tiers } from './tiered-records.ts';

/** A cache that several processes share, as the tier above it needs it: Redis. */
export interface SharedCache extends AsyncDisposable {
  readonly caches: Caches;
  /** Whether its circuit is closed. */
  inUse(): boolean;
  /** Whether it took the last writes: one that answers reads but is full or read-only is in use and yet degraded. */
  acceptsWrites(): boolean;
  clear(): Promise<boolean>;
  health(): Promise<SharedHealth>;
}

export type SharedHealth = Pick<CacheHealth, 'circuit' | 'latencyMs' | 'memoryUsedBytes'>;

export type TieredCacheOptions = {
  readonly clock: Clock;
  readonly memory: MemoryTier;
  readonly maxStalenessMs: number;
  readonly journalBoundMs: number;
  readonly ttlsMs: TtlsMs;
  readonly fenceTtlMs?: number;
  /** Redis and its bus; without them memory is a micro-cache of `maxStalenessMs`, for several processes without Redis. */
  readonly shared?: { readonly cache: SharedCache; readonly bus: InvalidationBus };
};

/**
 * Memory over Redis. Reads use Redis only through the gate: while the start of the last complete journal check is at
 * most `journalBoundMs` ago. So whatever keeps this process from the journal, or the journal from Redis, ends in reads
 * from the database and not in old values; after an outage no other rule is needed.
 */
export class TieredCache implements Cache {
  readonly caches: Caches;
  readonly staleAfterFenceMs: number;
  readonly #options: TieredCacheOptions;
  readonly #memory: MemoryTier;
  readonly #distrust: Distrust;
  #checkedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: TieredCacheOptions) {
    const { clock, memory, maxStalenessMs, ttlsMs, shared, fenceTtlMs = 30_000 } = options;
    this.#options = options;
    this.staleAfterFenceMs = maxStalenessMs;
    this.#memory = memory;
    this.#distrust = new Distrust(clock, fenceTtlMs);
    const tiers: Tiers = {
      memory,
      distrust: this.#distrust,
      clock,
      mayReadShared: () => shared?.cache.inUse() === true && this.#isGateOpen(clock.monotonicMs()),
    };
    const below = shared?.cache.caches;
    this.caches = {
      users: new TieredRecords('users', ttlsMs.users, below?.users, tiers),
      profiles: new TieredRecords('profiles', ttlsMs.profiles, below?.profiles, tiers),
      emails: new TieredRecords('emails', ttlsMs.emails, below?.emails, tiers),
      usernames: new TieredRecords('usernames', ttlsMs.usernames, below?.usernames, tiers),
      phones: new TieredRecords('phones', ttlsMs.phones, below?.phones, tiers),
      contacts: new TieredRecords('contacts', ttlsMs.contacts, below?.contacts, tiers),
      lists: new TieredRecords('lists', ttlsMs.lists, below?.lists, tiers),
      pages: new TieredRecords('pages', ttlsMs.pages, below?.pages, tiers),
    };
    shared?.bus.listen(memory.listener);
  }

  async clear(): Promise<boolean> {
    this.#memory.clear();
    return (await this.#options.shared?.cache.clear()) ?? true;
  }

  journalChecked(outcome: 'complete' | 'unreachable', startedAtMs: number): void {
    if (outcome === 'complete') {
      this.#checkedAtMs = Math.max(this.#checkedAtMs, startedAtMs);
      this.#distrust.replayed(startedAtMs);
    } else if (this.#isGateOpen(startedAtMs)) {
      // Nobody can commit through a database that does not answer: the gate stays as it was.
      this.#checkedAtMs = this.#options.clock.monotonicMs();
    }
  }

  #isGateOpen(atMs: number): boolean {
    return atMs - this.#checkedAtMs <= this.#options.journalBoundMs;
  }

  async health(): Promise<CacheHealth> {
    const { shared, clock } = this.#options;
    const isUsed = shared?.cache.inUse() === true && this.#isGateOpen(clock.monotonicMs());
    const health: SharedHealth = (await shared?.cache.health()) ?? {
      circuit: 'closed',
      latencyMs: null,
      memoryUsedBytes: null,
    };
    return {
      degraded: shared !== undefined && !(isUsed && shared.cache.acceptsWrites()),
      backend: isUsed ? 'redis' : 'memory',
      ...health,
      entriesInMemory: this.#memory.size,
      stalenessMs: this.#memory.stalenessMs(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { shared } = this.#options;
    await Promise.all([shared?.bus[Symbol.asyncDispose](), shared?.cache[Symbol.asyncDispose]()]);
    this.#memory.clear();
  }
}
