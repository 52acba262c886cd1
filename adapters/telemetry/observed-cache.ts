import type { ReadCounts } from '../../application/health/live-state.ts';
import type {
  Cache,
  Cacheable,
  CachePort,
  CacheRead,
  Caches,
  Hit,
  Kind,
  Lease,
  TierState,
} from '../../domain/ports/cache.ts';
import type { Clock } from '../../domain/ports/runtime.ts';
import type { CacheCommand, Counts } from './counts.ts';
import type { Tracing } from './tracing.ts';

export type Observing = {
  readonly counts: Counts;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly tracing: Tracing | undefined;
};

/**
 * A cache whose reads are counted at the memory tier, and whose fences, releases, replays and fills are counted by what
 * came of them. A hit in memory costs one addition more than without.
 */
export const observeCache = (cache: Cache, observing: Observing): Cache => ({
  caches: observeCaches(cache.caches, (kind, port) => new ObservedMemory(kind, port, observing)),
  staleAfterFenceMs: cache.staleAfterFenceMs,
  clear: () => cache.clear(),
  journalChecked(outcome, startedAtMs) {
    const { counts } = observing;
    if (outcome === 'complete') {
      counts.journalCheckedAtMs = Math.max(counts.journalCheckedAtMs ?? 0, startedAtMs);
    }
    cache.journalChecked(outcome, startedAtMs);
  },
  health: () => cache.health(),
  // Whoever opened it closes it.
  [Symbol.asyncDispose]: () => Promise.resolve(),
});

type Observe = <V extends Cacheable>(kind: Kind, port: CachePort<V>) => CachePort<V>;

export const observeCaches = (caches: Caches, observe: Observe): Caches => ({
  users: observe('users', caches.users),
  profiles: observe('profiles', caches.profiles),
  emails: observe('emails', caches.emails),
  usernames: observe('usernames', caches.usernames),
  phones: observe('phones', caches.phones),
  contacts: observe('contacts', caches.contacts),
  lists: observe('lists', caches.lists),
  pages: observe('pages', caches.pages),
});

/** The whole cache as its users see it. What memory did not answer is a miss of memory, whoever answers then. */
class ObservedMemory<V extends Cacheable> implements CachePort<V> {
  readonly #kind: Kind;
  readonly #inner: CachePort<V>;
  readonly #counts: Counts;
  readonly #reads: ReadCounts;

  constructor(kind: Kind, inner: CachePort<V>, { counts }: Observing) {
    this.#kind = kind;
    this.#inner = inner;
    this.#counts = counts;
    this.#reads = counts.reads.memory[kind];
  }

  peek(key: string): Hit<V> | undefined {
    const hit = this.#inner.peek(key);
    // A peek that finds nothing is followed by a read, which counts it.
    if (hit !== undefined) this.#reads.hit++;
    return hit;
  }

  async read(key: string): Promise<CacheRead<V>> {
    const read = await this.#inner.read(key);
    this.#note(read);
    return read;
  }

  async readMany(keys: readonly string[]): Promise<readonly CacheRead<V>[]> {
    const reads = await this.#inner.readMany(keys);
    for (const read of reads) this.#note(read);
    return reads;
  }

  #note(read: CacheRead<V>): void {
    if (read.state === 'hit') this.#reads[read.source === 'memory' ? 'hit' : 'miss']++;
    else this.#reads[read.state === 'leased' ? 'miss' : read.state]++;
  }

  async fill(lease: Lease, value: V | undefined): Promise<boolean> {
    const isStored = await this.#inner.fill(lease, value);
    // Without a value the lease is given back: nothing was to be stored.
    if (value !== undefined) this.#count('fill', isStored);
    return isStored;
  }

  async fence(key: string, token: string): Promise<boolean> {
    return this.#count('fence', await this.#inner.fence(key, token));
  }

  async release(key: string, token: string): Promise<boolean> {
    return this.#count('release', await this.#inner.release(key, token));
  }

  async replay(key: string): Promise<boolean> {
    return this.#count('replay', await this.#inner.replay(key));
  }

  inspect(key: string): Promise<readonly TierState[]> {
    return this.#inner.inspect(key);
  }

  #count(command: CacheCommand, isConfirmed: boolean): boolean {
    this.#counts.commands[command][this.#kind][isConfirmed ? 'confirmed' : 'unconfirmed']++;
    return isConfirmed;
  }
}
