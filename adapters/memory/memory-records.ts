import type { LRUCache } from 'lru-cache';
import { nameIn } from '../../application/caching/keys.ts';
import { freeze, jittered, maxValueBytes, sizeOf, versionOf } from '../../application/caching/values.ts';
import type {
  Cacheable,
  CachePort,
  CacheRead,
  Hit,
  Kind,
  Lease,
  TierState,
} from '../../domain/ports/cache.ts';
import type { Clock, Ids } from '../../domain/ports/runtime.ts';

/** A value, or the lease of whoever is about to fill one. Times are monotonic. */
export type Entry =
  | { readonly hit: Hit<Cacheable>; readonly token: undefined; readonly expiresAtMs: number }
  | { readonly hit: undefined; readonly token: string; readonly expiresAtMs: number };

type Fence = { readonly token: string; readonly expiresAtMs: number };

/** What the records of all kinds share. */
export type MemoryStore = {
  readonly entries: LRUCache<string, Entry>;
  /** Apart from the entries, so that no recency pushes one out: a lost fence is a stale read. */
  readonly fences: Map<string, Fence>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly leaseMs: number;
  readonly fenceTtlMs: number;
};

/** From this many fences on, those that outlived their time (an unknown outcome of COMMIT) are swept. */
const sweepFencesFrom = 1_000;

/** What a lease counts for. */
const leaseBytes = 100;

/** The records of one kind, in a map: each step of the protocol happens at once. */
export class MemoryRecords<V extends Cacheable> implements CachePort<V> {
  readonly #store: MemoryStore;
  readonly #ttlMs: number;
  readonly #name: (key: string) => string;

  constructor(kind: Kind, ttlMs: number, store: MemoryStore) {
    this.#store = store;
    this.#ttlMs = ttlMs;
    this.#name = nameIn[kind];
  }

  peek(key: string): Hit<V> | undefined {
    const entry = this.#store.entries.get(this.#name(key));
    if (entry?.hit === undefined || this.#store.clock.monotonicMs() >= entry.expiresAtMs) return undefined;
    // Only `fill` puts hits under this kind's names, and only with its type.
    return entry.hit as Hit<V>;
  }

  read(key: string): Promise<CacheRead<V>> {
    return Promise.resolve(this.#read(key));
  }

  readMany(keys: readonly string[]): Promise<readonly CacheRead<V>[]> {
    return Promise.resolve(keys.map((key) => this.#read(key)));
  }

  #read(key: string): CacheRead<V> {
    if (this.#fenceOf(key) !== undefined) return { state: 'fenced' };
    const hit = this.peek(key);
    if (hit !== undefined) return hit;
    if (this.#entryOf(key) !== undefined) return { state: 'filling' };
    const { clock, ids, entries, leaseMs } = this.#store;
    const readStartedAtMs = clock.monotonicMs();
    const lease: Lease = { key, token: ids.token(), readStartedAtMs };
    const expiresAtMs = readStartedAtMs + leaseMs;
    entries.set(this.#name(key), { hit: undefined, token: lease.token, expiresAtMs }, { size: leaseBytes });
    return { state: 'leased', lease };
  }

  fill({ key, token }: Lease, value: V | undefined): Promise<boolean> {
    const { entries, clock } = this.#store;
    if (this.#entryOf(key)?.token !== token) return Promise.resolve(false);
    const size = value === undefined ? 0 : sizeOf(value);
    if (value === undefined || size > maxValueBytes) {
      entries.delete(this.#name(key));
      return Promise.resolve(false);
    }
    const hit: Hit<V> = Object.freeze({ state: 'hit', value: freeze(value), source: 'memory' });
    const expiresAtMs = clock.monotonicMs() + jittered(this.#ttlMs, Math.random());
    entries.set(this.#name(key), { hit, token: undefined, expiresAtMs }, { size });
    return Promise.resolve(true);
  }

  fence(key: string, token: string): Promise<boolean> {
    const { entries, fences, clock, fenceTtlMs } = this.#store;
    const nowMs = clock.monotonicMs();
    if (fences.size >= sweepFencesFrom) {
      for (const [name, fence] of fences) if (nowMs >= fence.expiresAtMs) fences.delete(name);
    }
    entries.delete(this.#name(key));
    fences.set(this.#name(key), { token, expiresAtMs: nowMs + fenceTtlMs });
    return Promise.resolve(true);
  }

  release(key: string, token: string): Promise<boolean> {
    const fence = this.#fenceOf(key);
    if (fence === undefined || fence.token === token) {
      this.#store.fences.delete(this.#name(key));
      this.#store.entries.delete(this.#name(key));
    }
    return Promise.resolve(true);
  }

  replay(key: string): Promise<boolean> {
    // A fence is left to its owner; it keeps no entry beside it.
    this.#store.entries.delete(this.#name(key));
    return Promise.resolve(true);
  }

  inspect(key: string): Promise<readonly TierState[]> {
    const fence = this.#fenceOf(key);
    const held = fence ?? this.#entryOf(key);
    const value = this.peek(key)?.value;
    return Promise.resolve([
      {
        tier: 'memory',
        state:
          fence !== undefined
            ? 'fenced'
            : held === undefined
              ? 'absent'
              : value === undefined
                ? 'leased'
                : 'value',
        version: value === undefined ? null : versionOf(value),
        ttlMs: held === undefined ? null : Math.round(held.expiresAtMs - this.#store.clock.monotonicMs()),
      },
    ]);
  }

  #entryOf(key: string): Entry | undefined {
    const entry = this.#store.entries.get(this.#name(key));
    return entry !== undefined && this.#store.clock.monotonicMs() < entry.expiresAtMs ? entry : undefined;
  }

  #fenceOf(key: string): Fence | undefined {
    const fence = this.#store.fences.get(this.#name(key));
    return fence !== undefined && this.#store.clock.monotonicMs() < fence.expiresAtMs ? fence : undefined;
  }
}
