import { defaultMaxMemoryBytes, fenceTtlMs, leaseMs } from '../../application/caching/limits.ts';
import { portsOf } from '../../application/records/record-kind.ts';
import type {
  Cache,
  Cacheable,
  CacheHealth,
  CachePort,
  Caches,
  RecordKind,
} from '../../domain/ports/cache.ts';
import type { Clock, Ids } from '../../domain/ports/runtime.ts';
import { BoundedMaps } from '../system/bounded-maps.ts';
import { MemoryRecords } from './memory-records.ts';

/** Its kinds, its time and chance, and its bounds. */
export type MemoryCacheOptions = {
  readonly kinds: readonly RecordKind<Cacheable>[];
  readonly clock: Clock;
  readonly ids: Ids;
  /** Values and leases of all kinds together. */
  readonly maxEntries: number;
  /** The same by `sizeOf`. */
  readonly maxBytes?: number;
  readonly leaseMs?: number;
  /** Longer than the longest transaction. */
  readonly fenceTtlMs?: number;
};

/**
 * The whole cache of the only process that changes the database, as it is with an embedded one. Each step of the protocol is
 * a step on a map, so neither the log nor a bound has to be waited for.
 */
export class MemoryCache implements Cache {
  readonly #entries: BoundedMaps;
  readonly #caches: Caches;

  constructor({ kinds, maxEntries, maxBytes = defaultMaxMemoryBytes, ...options }: MemoryCacheOptions) {
    const entries = new BoundedMaps({ maxEntries, maxBytes });
    const needs = { leaseMs, fenceTtlMs, ...options };
    this.#entries = entries;
    this.#caches = portsOf(kinds, (kind) => new MemoryRecords(kind, entries.open(), needs));
  }

  get kinds(): readonly RecordKind<Cacheable>[] {
    return this.#caches.kinds;
  }

  of<V extends Cacheable>(kind: RecordKind<V>): CachePort<V> {
    return this.#caches.of(kind);
  }

  clear(): Promise<boolean> {
    this.#entries.clear();
    return Promise.resolve(true);
  }

  /** Nothing hangs on the log here. */
  checked(): void {}

  forget(): void {
    this.#entries.clear();
  }

  health(): Promise<CacheHealth> {
    return Promise.resolve({
      degraded: false,
      backend: 'memory',
      latencyMs: null,
      circuit: 'closed',
      memoryUsedBytes: null,
      entriesInMemory: this.#entries.size,
      gate: 'open',
      // The bus is a function call: it always proves.
      stalenessMs: 0,
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#entries.clear();
    return Promise.resolve();
  }
}
