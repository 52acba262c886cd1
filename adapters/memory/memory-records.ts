import { maxValueBytes } from '../../application/caching/limits.ts';
import { freeze, jittered, sizeOf, versionOf } from '../../application/caching/values.ts';
import type {
  Cacheable,
  CachePort,
  CacheRead,
  Hit,
  Lease,
  RecordKind,
  TierState,
} from '../../domain/ports/cache.ts';
import type { Clock, Ids } from '../../domain/ports/runtime.ts';
import type { BoundedMap } from '../system/bounded-maps.ts';

/** A value, or the lease of whoever is about to fill one. Times are monotonic. */
export type Entry<V> =
  | { readonly hit: Hit<V>; readonly token: undefined; readonly expiresAtMs: number }
  | { readonly hit: undefined; readonly token: string; readonly expiresAtMs: number };

type Fence = { readonly token: string; readonly expiresAtMs: number };

export type MemoryRecordsNeeds = {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly leaseMs: number;
  readonly fenceTtlMs: number;
};

/** From this many fences on, those that outlived their time (an unknown outcome of COMMIT) are swept. */
const sweepFencesFrom = 1_000;

/** What a lease counts for in `maxBytes`. */
const leaseBytes = 100;

/** The records of one kind, in a map: each step of the protocol happens at once. */
export class MemoryRecords<V extends Cacheable> implements CachePort<V> {
  readonly #needs: MemoryRecordsNeeds;
  readonly #ttlMs: number;
  readonly #entries: BoundedMap<Entry<V>>;
  /** Not among the entries, where those that were not used lately are dropped: a lost fence would be a stale read. */
  readonly #fences = new Map<string, Fence>();

  constructor({ ttlMs }: RecordKind<V>, entries: BoundedMap<Entry<V>>, needs: MemoryRecordsNeeds) {
    this.#needs = needs;
    this.#ttlMs = ttlMs;
    this.#entries = entries;
  }

  peek(key: string): Hit<V> | undefined {
    const entry = this.#entries.get(key);
    if (entry?.hit === undefined || this.#needs.clock.monotonicMs() >= entry.expiresAtMs) return undefined;
    return entry.hit;
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
    const { clock, ids, leaseMs } = this.#needs;
    const readStartedAtMs = clock.monotonicMs();
    const lease: Lease = { key, token: ids.token(), readStartedAtMs };
    const expiresAtMs = readStartedAtMs + leaseMs;
    this.#entries.set(key, { hit: undefined, token: lease.token, expiresAtMs }, leaseBytes);
    return { state: 'leased', lease };
  }

  fill({ key, token }: Lease, value: V | undefined): Promise<boolean> {
    if (this.#entryOf(key)?.token !== token) return Promise.resolve(false);
    const size = value === undefined ? 0 : sizeOf(value);
    if (value === undefined || size > maxValueBytes) {
      this.#entries.delete(key);
      return Promise.resolve(false);
    }
    const hit: Hit<V> = Object.freeze({ state: 'hit', value: freeze(value), source: 'memory' });
    const expiresAtMs = this.#needs.clock.monotonicMs() + jittered(this.#ttlMs, Math.random());
    this.#entries.set(key, { hit, token: undefined, expiresAtMs }, size);
    return Promise.resolve(true);
  }

  fence(key: string, token: string): Promise<boolean> {
    const { clock, fenceTtlMs } = this.#needs;
    const nowMs = clock.monotonicMs();
    if (this.#fences.size >= sweepFencesFrom) {
      for (const [other, fence] of this.#fences) if (nowMs >= fence.expiresAtMs) this.#fences.delete(other);
    }
    this.#entries.delete(key);
    this.#fences.set(key, { token, expiresAtMs: nowMs + fenceTtlMs });
    return Promise.resolve(true);
  }

  release(key: string, token: string): Promise<boolean> {
    const fence = this.#fenceOf(key);
    if (fence === undefined || fence.token === token) {
      this.#fences.delete(key);
      this.#entries.delete(key);
    }
    return Promise.resolve(true);
  }

  replay(key: string): Promise<boolean> {
    // A fence stays, for its owner to release; there is no entry beside it.
    this.#entries.delete(key);
    return Promise.resolve(true);
  }

  drop(key: string): void {
    // A fence is left to its owner.
    this.#entries.delete(key);
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
        ttlMs: held === undefined ? null : Math.round(held.expiresAtMs - this.#needs.clock.monotonicMs()),
        disbelief: null,
      },
    ]);
  }

  #entryOf(key: string): Entry<V> | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && this.#needs.clock.monotonicMs() < entry.expiresAtMs ? entry : undefined;
  }

  #fenceOf(key: string): Fence | undefined {
    const fence = this.#fences.get(key);
    return fence !== undefined && this.#needs.clock.monotonicMs() < fence.expiresAtMs ? fence : undefined;
  }
}
