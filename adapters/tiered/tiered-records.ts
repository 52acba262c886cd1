import type { Judge } from '../../application/caching/belief.ts';
import { freeze, jittered } from '../../application/caching/values.ts';
import type {
  Cacheable,
  CachePort,
  CacheRead,
  Hit,
  Lease,
  RecordKind,
  TierState,
} from '../../domain/ports/cache.ts';
import type { Proof } from '../../domain/ports/change-log.ts';
import type { Clock } from '../../domain/ports/runtime.ts';
import type { MemoryOf, MemoryTier, ReadStart } from './memory-tier.ts';

/** What the records of all kinds share. */
export type Tiers = {
  readonly memory: MemoryTier;
  readonly judge: Judge;
  readonly clock: Clock;
  /** Whether reads may use Redis now: its circuit is closed, and the gate is open. */
  readonly mayReadShared: () => boolean;
};

/** What Redis hands out may be near its end there, and Redis does not say: memory keeps it for this part of its time. */
const lateShare = 0.1;

/** The records of one kind in memory over Redis; without `shared`, in memory alone. */
export class TieredRecords<V extends Cacheable> implements CachePort<V> {
  readonly #kind: RecordKind<V>;
  readonly #memory: MemoryOf<V>;
  readonly #shared: CachePort<V> | undefined;
  readonly #tiers: Tiers;
  /** Leases of reads under way; `shared` is false for those that may fill memory only. */
  readonly #reads = new WeakMap<Lease, { readonly start: ReadStart; readonly shared: boolean }>();

  constructor(kind: RecordKind<V>, shared: CachePort<V> | undefined, tiers: Tiers) {
    this.#kind = kind;
    this.#memory = tiers.memory.open(kind);
    this.#shared = shared;
    this.#tiers = tiers;
  }

  peek(key: string): Hit<V> | undefined {
    return this.#memory.get(key);
  }

  async read(key: string): Promise<CacheRead<V>> {
    const local = this.#readLocally(key);
    if (local !== undefined) return local;
    const start = this.#tiers.memory.startRead();
    return this.#shared === undefined
      ? { state: 'unavailable' }
      : this.#keepRead(key, start, await this.#shared.read(key));
  }

  async readMany(keys: readonly string[]): Promise<readonly CacheRead<V>[]> {
    const start = this.#tiers.memory.startRead();
    const locals = keys.map((key) => this.#readLocally(key));
    const rest = keys.filter((_, index) => locals[index] === undefined);
    const reads = rest.length === 0 ? [] : ((await this.#shared?.readMany(rest)) ?? []);
    const shared = reads.map((read, index) => this.#keepRead(rest[index] ?? '', start, read));
    let next = 0;
    return locals.map((local) => local ?? shared[next++] ?? { state: 'unavailable' });
  }

  /** What can be said without asking Redis. */
  #readLocally(key: string): CacheRead<V> | undefined {
    const hit = this.peek(key);
    if (hit !== undefined) return hit;
    if (this.#shared !== undefined && this.#tiers.mayReadShared()) return undefined;
    const start = this.#tiers.memory.startRead();
    const lease: Lease = { key, token: '', readStartedAtMs: start.at.monotonicMs };
    this.#reads.set(lease, { start, shared: false });
    return { state: 'leased', lease };
  }

  #keepRead(key: string, start: ReadStart, read: CacheRead<V>): CacheRead<V> {
    if (read.state === 'leased') this.#reads.set(read.lease, { start, shared: true });
    if (read.state === 'hit') this.#keep(key, read.value, start, true, this.#kind.ttlMs * lateShare);
    return read;
  }

  #keep(
    key: string,
    value: V,
    start: ReadStart,
    provable: boolean,
    limitMs: number = this.#kind.ttlMs,
  ): boolean {
    const hit: Hit<V> = Object.freeze({ state: 'hit', value: freeze(value), source: 'memory' });
    const ttlMs = jittered(limitMs, Math.random());
    return this.#memory.put(key, hit, start, provable, ttlMs);
  }

  async fill(lease: Lease, value: V | undefined, proof?: Proof): Promise<boolean> {
    const read = this.#reads.get(lease);
    if (read === undefined) return false;
    // A lease fills once.
    this.#reads.delete(lease);
    const stored = !read.shared || ((await this.#shared?.fill(lease, value, proof)) ?? false);
    if (!stored || value === undefined) return false;
    // By now this process may know of a change that the value has not seen.
    if (this.#tiers.judge.doubt(this.#kind, lease.key, proof) !== undefined) return read.shared;
    // Nobody vouches for what was not accepted by Redis: it is kept for the bound of memory and no longer.
    return this.#keep(lease.key, value, read.start, read.shared) || read.shared;
  }

  async fence(key: string, token: string): Promise<boolean> {
    this.#memory.drop(key);
    return (await this.#shared?.fence(key, token)) ?? true;
  }

  async release(key: string, token: string): Promise<boolean> {
    const released = (await this.#shared?.release(key, token)) ?? true;
    // Last of all: if the fence was lost, a read may have taken the old value from Redis until just now.
    this.#memory.drop(key);
    return released;
  }

  drop(key: string): void {
    this.#memory.drop(key);
  }

  async replay(key: string): Promise<boolean> {
    this.#memory.drop(key);
    return (await this.#shared?.replay(key)) ?? true;
  }

  async inspect(key: string): Promise<readonly TierState[]> {
    const shared = (await this.#shared?.inspect(key)) ?? [];
    const isRead = this.#tiers.mayReadShared();
    return [
      this.#memory.inspect(key),
      ...shared.map((found) =>
        found.state === 'value' && !isRead ? { ...found, disbelief: found.disbelief ?? 'unchecked' } : found,
      ),
    ];
  }
}
