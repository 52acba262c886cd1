import type { ReadCounts } from '../../application/operations/live-state.ts';
import type {
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
import type { Clock } from '../../domain/ports/runtime.ts';
import { type CacheCommand, type Counts, durationsIn } from './counts.ts';
import { type Observing, observeCaches } from './observed-cache.ts';
import type { Tracing } from './tracing.ts';

/** The records of Redis, with counts, times and spans of what is asked of it. */
export const observeShared = (caches: Caches, observing: Observing): Caches =>
  observeCaches(caches, (kind, port) => {
    const counted = new CountedRedis(kind, port, observing);
    return observing.tracing === undefined ? counted : new TracedRedis(kind, counted, observing.tracing);
  });

/** One object and no closures, because every read of Redis goes through it and takes little time itself. */
class CountedRedis<V extends Cacheable> implements CachePort<V> {
  readonly #inner: CachePort<V>;
  readonly #counts: Counts;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #reads: ReadCounts;

  constructor({ name }: RecordKind<V>, inner: CachePort<V>, { counts, clock }: Observing) {
    this.#inner = inner;
    this.#counts = counts;
    this.#clock = clock;
    this.#reads = counts.reads.redis.of(name);
  }

  peek(key: string): Hit<V> | undefined {
    return this.#inner.peek(key);
  }

  async read(key: string): Promise<CacheRead<V>> {
    const startedAtMs = this.#clock.monotonicMs();
    const read = await this.#inner.read(key);
    this.#took('read', startedAtMs);
    this.#note(read);
    return read;
  }

  async readMany(keys: readonly string[]): Promise<readonly CacheRead<V>[]> {
    const startedAtMs = this.#clock.monotonicMs();
    const reads = await this.#inner.readMany(keys);
    this.#took('read-many', startedAtMs);
    for (const read of reads) this.#note(read);
    return reads;
  }

  async fill(lease: Lease, value: V | undefined, proof?: Proof): Promise<boolean> {
    const startedAtMs = this.#clock.monotonicMs();
    const isStored = await this.#inner.fill(lease, value, proof);
    this.#took('fill', startedAtMs);
    return isStored;
  }

  drop(key: string): void {
    this.#inner.drop(key);
  }

  async fence(key: string, token: string): Promise<boolean> {
    const startedAtMs = this.#clock.monotonicMs();
    const isConfirmed = await this.#inner.fence(key, token);
    this.#took('fence', startedAtMs);
    return isConfirmed;
  }

  async release(key: string, token: string): Promise<boolean> {
    const startedAtMs = this.#clock.monotonicMs();
    const isConfirmed = await this.#inner.release(key, token);
    this.#took('release', startedAtMs);
    return isConfirmed;
  }

  async replay(key: string): Promise<boolean> {
    const startedAtMs = this.#clock.monotonicMs();
    const isConfirmed = await this.#inner.replay(key);
    this.#took('replay', startedAtMs);
    return isConfirmed;
  }

  inspect(key: string): Promise<readonly TierState[]> {
    return this.#inner.inspect(key);
  }

  #note({ state }: CacheRead<V>): void {
    this.#reads[state === 'leased' ? 'miss' : state]++;
  }

  #took(operation: string, startedAtMs: number): void {
    durationsIn(this.#counts.redis, operation).record(this.#clock.monotonicMs() - startedAtMs);
  }
}

/**
 * Spans, where somebody collects them. Each command is sent in the turn of the event loop in which it is called, so
 * commands that are called together are still sent together.
 */
class TracedRedis<V extends Cacheable> implements CachePort<V> {
  readonly #kind: string;
  readonly #inner: CachePort<V>;
  readonly #tracing: Tracing;

  constructor({ name }: RecordKind<V>, inner: CachePort<V>, tracing: Tracing) {
    this.#kind = name;
    this.#inner = inner;
    this.#tracing = tracing;
  }

  peek(key: string): Hit<V> | undefined {
    return this.#inner.peek(key);
  }

  read(key: string): Promise<CacheRead<V>> {
    return this.#span(
      'read',
      () => this.#inner.read(key),
      ({ state }) => ({ 'kith.cache.outcome': state }),
    );
  }

  readMany(keys: readonly string[]): Promise<readonly CacheRead<V>[]> {
    return this.#span(
      'read-many',
      () => this.#inner.readMany(keys),
      (reads) => ({
        'kith.cache.keys': reads.length,
        'kith.cache.hits': reads.filter(({ state }) => state === 'hit').length,
      }),
    );
  }

  fill(lease: Lease, value: V | undefined, proof?: Proof): Promise<boolean> {
    return this.#command('fill', () => this.#inner.fill(lease, value, proof));
  }

  drop(key: string): void {
    this.#inner.drop(key);
  }

  fence(key: string, token: string): Promise<boolean> {
    return this.#command('fence', () => this.#inner.fence(key, token));
  }

  release(key: string, token: string): Promise<boolean> {
    return this.#command('release', () => this.#inner.release(key, token));
  }

  replay(key: string): Promise<boolean> {
    return this.#command('replay', () => this.#inner.replay(key));
  }

  inspect(key: string): Promise<readonly TierState[]> {
    return this.#inner.inspect(key);
  }

  #command(command: CacheCommand, work: () => Promise<boolean>): Promise<boolean> {
    return this.#span(command, work, (isConfirmed) => ({ 'kith.cache.confirmed': isConfirmed }));
  }

  #span<T>(
    operation: string,
    work: () => Promise<T>,
    describe: (value: T) => Record<string, string | number | boolean>,
  ): Promise<T> {
    const attributes = {
      'db.system.name': 'redis',
      'db.operation.name': operation,
      'kith.cache.kind': this.#kind,
    };
    return this.#tracing.span(`cache ${operation}`, 'client', attributes, work, describe);
  }
}
