import type { Judge } from '../../application/caching/belief.ts';
import type { Gate } from '../../application/caching/gate.ts';
import { portsOf } from '../../application/records/record-kind.ts';
import type {
  Cache,
  Cacheable,
  CacheHealth,
  CachePort,
  Caches,
  CheckOutcome,
  InvalidationBus,
  RecordKind,
} from '../../domain/ports/cache.ts';
import type { Clock, Moment } from '../../domain/ports/runtime.ts';
import type { MemoryTier } from './memory-tier.ts';
import { TieredRecords, type Tiers } from './tiered-records.ts';

/** A cache that several processes share, as the tier above it needs it: Redis. */
export interface SharedCache extends Caches, AsyncDisposable {
  /** Whether its circuit is closed. */
  inUse(): boolean;
  /** Whether it took the last writes: one that answers reads but is full or read-only is in use and yet degraded. */
  acceptsWrites(): boolean;
  clear(): Promise<boolean>;
  health(): Promise<SharedHealth>;
}

export type SharedHealth = Pick<CacheHealth, 'backend' | 'circuit' | 'latencyMs' | 'memoryUsedBytes'>;

export type TieredCacheOptions = {
  readonly kinds: readonly RecordKind<Cacheable>[];
  readonly clock: Clock;
  readonly memory: MemoryTier;
  readonly gate: Gate;
  readonly judge: Judge;
  /** Redis, if there is one, and its bus, if it has one: else memory hears of others' changes from the log alone. */
  readonly shared?: { readonly cache: SharedCache; readonly bus: InvalidationBus | undefined };
};

/**
 * Memory over Redis. Both are read only while the gate is open (application/caching/gate.ts), which the checks of the log
 * open. So whatever keeps this process from the log ends in reads from the database and not in old values; after an outage
 * no other rule is needed.
 */
export class TieredCache implements Cache {
  readonly #caches: Caches;
  readonly #options: TieredCacheOptions;
  readonly #memory: MemoryTier;

  constructor(options: TieredCacheOptions) {
    const { kinds, clock, memory, gate, judge, shared } = options;
    this.#options = options;
    this.#memory = memory;
    const tiers: Tiers = {
      memory,
      judge,
      clock,
      mayReadShared: () => shared?.cache.inUse() === true && gate.isOpen(),
    };
    this.#caches = portsOf(kinds, (kind) => new TieredRecords(kind, shared?.cache.of(kind), tiers));
    shared?.bus?.listen(memory.listener);
  }

  get kinds(): readonly RecordKind<Cacheable>[] {
    return this.#caches.kinds;
  }

  of<V extends Cacheable>(kind: RecordKind<V>): CachePort<V> {
    return this.#caches.of(kind);
  }

  async clear(): Promise<boolean> {
    this.#memory.clear();
    return (await this.#options.shared?.cache.clear()) ?? true;
  }

  checked(outcome: CheckOutcome, began: Moment): void {
    const { gate } = this.#options;
    if (outcome === 'answered') gate.answered(began);
    else if (outcome === 'silent') gate.silent();
    else if (outcome === 'refused') gate.refused();
    else gate.close();
  }

  forget(): void {
    this.#memory.clear();
  }

  async health(): Promise<CacheHealth> {
    const { shared, gate } = this.#options;
    const isOpen = gate.isOpen();
    const isUsed = isOpen && shared?.cache.inUse() === true;
    const health: SharedHealth = (await shared?.cache.health()) ?? {
      backend: 'memory',
      circuit: 'closed',
      latencyMs: null,
      memoryUsedBytes: null,
    };
    return {
      degraded: !isOpen || (shared !== undefined && !(isUsed && shared.cache.acceptsWrites())),
      ...health,
      backend: isUsed ? health.backend : 'memory',
      entriesInMemory: this.#memory.size,
      gate: isOpen ? (gate.isWithoutDatabase ? 'without-database' : 'open') : 'closed',
      stalenessMs: isOpen ? this.#stalenessMs() : null,
    };
  }

  /** Without a bus the log is the proof. */
  #stalenessMs(): number | null {
    const { shared, gate } = this.#options;
    if (shared?.bus !== undefined) return this.#memory.stalenessMs();
    const ageMs = gate.ageMs();
    return ageMs === null ? null : Math.round(ageMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { shared } = this.#options;
    await Promise.all([shared?.bus?.[Symbol.asyncDispose](), shared?.cache[Symbol.asyncDispose]()]);
    this.#memory.clear();
  }
}
