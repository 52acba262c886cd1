import { nameIn } from '../../application/caching/keys.ts';
import { freeze, jittered, versionOf } from '../../application/caching/values.ts';
import type {
  Cacheable,
  CachePort,
  CacheRead,
  Hit,
  Kind,
  Lease,
  TierState,
} from '../../domain/ports/cache.ts';
import type { Clock } from '../../domain/ports/runtime.ts';
import type { Distrust } from './distrust.ts';
import type { MemoryTier, ReadStart } from './memory-tier.ts';

/** What the records of all kinds share. */
export type Tiers = {
  readonly memory: MemoryTier;
  readonly distrust: Distrust;
  readonly clock: Clock;
  /** Whether reads may use Redis now: its circuit is closed, and the journal was checked within its bound. */
  readonly mayReadShared: () => boolean;
};

/** The records of one kind in memory over Redis; without `shared`, in memory alone for the bound. */
export class TieredRecords<V extends Cacheable> implements CachePort<V> {
  readonly #kind: Kind;
  readonly #name: (key: string) => string;
  readonly #ttlMs: number;
  readonly #shared: CachePort<V> | undefined;
  readonly #tiers: Tiers;
  /** Leases of reads under way; `shared` is false for those that may fill memory only. */
  readonly #reads = new WeakMap<Lease, { readonly start: ReadStart; readonly shared: boolean }>();

  constructor(kind: Kind, ttlMs: number, shared: CachePort<V> | undefined, tiers: Tiers) {
    this.#kind = kind;
    this.#name = nameIn[kind];
    this.#ttlMs = ttlMs;
    this.#shared = shared;
    this.#tiers = tiers;
  }

  peek(key: string): Hit<V> | undefined {
    // Only `#keep` puts hits under this kind's names, and only with its type.
    return this.#tiers.memory.get(this.#name(key)) as Hit<V> | undefined;
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
    if (this.#tiers.distrust.has(this.#name(key))) return { state: 'unavailable' };
    if (this.#shared !== undefined && this.#tiers.mayReadShared()) return undefined;
    const start = this.#tiers.memory.startRead();
    const lease: Lease = { key, token: '', readStartedAtMs: start.atMs };
    this.#reads.set(lease, { start, shared: false });
    return { state: 'leased', lease };
  }

  #keepRead(key: string, start: ReadStart, read: CacheRead<V>): CacheRead<V> {
    if (read.state === 'leased') this.#reads.set(read.lease, { start, shared: true });
    if (read.state === 'hit') this.#keep(key, read.value, start, true);
    return read;
  }

  #keep(key: string, value: V, start: ReadStart, provable: boolean): boolean {
    const hit: Hit<V> = Object.freeze({ state: 'hit', value: freeze(value), source: 'memory' });
    const ttlMs = jittered(this.#ttlMs, Math.random());
    return this.#tiers.memory.put(this.#name(key), hit, start, provable, ttlMs);
  }

  async fill(lease: Lease, value: V | undefined): Promise<boolean> {
    const read = this.#reads.get(lease);
    if (read === undefined) return false;
    // Nobody vouches for what was not accepted by Redis: it is kept for the bound and no longer.
    if (!read.shared) return value !== undefined && this.#keep(lease.key, value, read.start, false);
    const stored = (await this.#shared?.fill(lease, value)) ?? false;
    if (stored && value !== undefined) this.#keep(lease.key, value, read.start, true);
    return stored;
  }

  async fence(key: string, token: string): Promise<boolean> {
    this.#tiers.memory.drop(this.#kind, key);
    if (this.#shared === undefined) return true;
    const confirmed = await this.#shared.fence(key, token);
    if (!confirmed) this.#tiers.distrust.add(this.#name(key), token);
    return confirmed;
  }

  async release(key: string, token: string): Promise<boolean> {
    // An unconfirmed fence may yet arrive, and would outlive a release sent now.
    const isUnconfirmed = this.#tiers.distrust.settle(this.#name(key), token);
    const released = isUnconfirmed || this.#shared === undefined || (await this.#shared.release(key, token));
    // Last of all: if the fence was lost, a read may have taken the old value from Redis until just now.
    this.#tiers.memory.drop(this.#kind, key);
    return released;
  }

  async replay(key: string): Promise<boolean> {
    this.#tiers.memory.drop(this.#kind, key);
    return (await this.#shared?.replay(key)) ?? true;
  }

  async inspect(key: string): Promise<readonly TierState[]> {
    const value = this.peek(key)?.value;
    const memory: TierState = {
      tier: 'memory',
      state: value === undefined ? 'absent' : 'value',
      version: value === undefined ? null : versionOf(value),
      ttlMs: null,
    };
    return [memory, ...((await this.#shared?.inspect(key)) ?? [])];
  }
}
