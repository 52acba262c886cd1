import type { Judge } from '../../application/caching/belief.ts';
import type { ReadCounts } from '../../application/operations/live-state.ts';
import { portsOf } from '../../application/records/record-kind.ts';
import type {
  Cache,
  Cacheable,
  CachePort,
  CacheRead,
  Caches,
  Hit,
  Lease,
  RecordKind,
  TierState,
} from '../../domain/ports/cache.ts';
import type { Proof } from '../../domain/ports/change-log.ts';
import type { Clock, Moment } from '../../domain/ports/runtime.ts';
import type { CacheCommand, CommandCounts, Counts } from './counts.ts';
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
export const observeCache = (cache: Cache, observing: Observing): Cache => {
  const { counts } = observing;
  let lastSilent: Moment | undefined;
  return {
    ...observeCaches(cache, (kind, port) => new ObservedMemory(kind, port, observing)),
    clear: () => cache.clear(),
    checked(outcome, began) {
      // A silence is told while it lasts and again at its end: it is one.
      if (outcome !== 'silent' || began !== lastSilent) counts.checks[outcome]++;
      if (outcome === 'silent') lastSilent = began;
      if (outcome === 'answered') counts.lastAnswered = began;
      cache.checked(outcome, began);
    },
    forget: () => cache.forget(),
    health: () => cache.health(),
    // Whoever opened it closes it.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
};

/** A judge whose doubts are counted by their reason, where a value was to be served. */
export const observeJudge = (judge: Judge, { disbeliefs }: Counts): Judge => ({
  doubt(kind, key, proof, purpose = 'serve') {
    const doubt = judge.doubt(kind, key, proof, purpose);
    if (doubt !== undefined && purpose === 'serve') disbeliefs[doubt]++;
    return doubt;
  },
});

type Observe = <V extends Cacheable>(kind: RecordKind<V>, port: CachePort<V>) => CachePort<V>;

export const observeCaches = (caches: Caches, observe: Observe): Caches =>
  portsOf(caches.kinds, (kind) => observe(kind, caches.of(kind)));

/** The whole cache as its users see it. What memory did not answer is a miss of memory, even if Redis answers. */
class ObservedMemory<V extends Cacheable> implements CachePort<V> {
  readonly #inner: CachePort<V>;
  readonly #reads: ReadCounts;
  readonly #commands: Readonly<Record<CacheCommand, CommandCounts>>;

  constructor({ name }: RecordKind<V>, inner: CachePort<V>, { counts: { reads, commands } }: Observing) {
    this.#inner = inner;
    this.#reads = reads.memory.of(name);
    this.#commands = {
      fence: commands.fence.of(name),
      release: commands.release.of(name),
      replay: commands.replay.of(name),
      fill: commands.fill.of(name),
    };
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

  async fill(lease: Lease, value: V | undefined, proof?: Proof): Promise<boolean> {
    const isStored = await this.#inner.fill(lease, value, proof);
    // Without a value the lease is given back: nothing was to be stored.
    if (value !== undefined) this.#count('fill', isStored);
    return isStored;
  }

  drop(key: string): void {
    this.#inner.drop(key);
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
    this.#commands[command][isConfirmed ? 'confirmed' : 'unconfirmed']++;
    return isConfirmed;
  }
}
