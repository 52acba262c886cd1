/**
 * The memory of one process among several, which serves an entry only while it is provably no older than a bound.
 *
 * An entry knows when the read that produced it *started*. It is served iff that is less than `maxStalenessMs` ago, or
 * the bus proves it: the last ping that was answered on the subscribed connection was *sent* at most that long ago, so every
 * invalidation published before has been heard, and this entry's was not among them. Counting from the answer, or from
 * the end of the read, would let a stalled process keep an old entry past the bound.
 *
 * A read that is under way when its key is invalidated must not be kept: it may have seen the old row. Nor may one that
 * was under way when the bus was interrupted. Instead of tracking reads, the tier numbers what it hears: a read notes
 * the number when it starts, and its value is kept only if its key was not heard of since.
 */
import { LRUCache } from 'lru-cache';
import { nameIn } from '../../application/caching/keys.ts';
import { defaultMaxMemoryBytes, maxValueBytes, sizeOf } from '../../application/caching/values.ts';
import type { BusListener, Cacheable, Hit, Kind } from '../../domain/ports/cache.ts';
import type { Clock } from '../../domain/ports/runtime.ts';

type Entry = {
  readonly hit: Hit<Cacheable>;
  readonly readStartedAtMs: number;
  /** Whether the value came through Redis, so that the bus can vouch for it. */
  readonly provable: boolean;
  readonly expiresAtMs: number;
};

/** The start of a read, as the tier saw it. */
export type ReadStart = { readonly atMs: number; readonly heard: number };

export class MemoryTier {
  /** For the bus: what it hears ends here. */
  readonly listener: BusListener;
  readonly #clock: Clock;
  readonly #maxStalenessMs: number;
  readonly #entries: LRUCache<string, Entry>;
  /** The number under which each name was last heard of. */
  readonly #heardOf: LRUCache<string, number>;
  #heard = 0;
  /** Reads that started before this number cannot be vouched for: what they may have missed is forgotten. */
  #forgotten = 0;
  #provedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    clock: Clock,
    maxEntries: number,
    maxStalenessMs: number,
    maxBytes: number = defaultMaxMemoryBytes,
  ) {
    this.#clock = clock;
    this.#maxStalenessMs = maxStalenessMs;
    this.#entries = new LRUCache({ max: maxEntries, maxSize: maxBytes });
    this.#heardOf = new LRUCache({
      max: maxEntries,
      dispose: (heard, _name, reason) => {
        if (reason === 'evict') this.#forgotten = Math.max(this.#forgotten, heard);
      },
    });
    this.listener = {
      invalidated: (kind, key) => (kind === 'everything' ? this.clear() : this.drop(kind, key)),
      proved: (sentAtMs) => {
        this.#provedAtMs = Math.max(this.#provedAtMs, sentAtMs);
      },
      interrupted: () => {
        this.#provedAtMs = Number.NEGATIVE_INFINITY;
        this.clear();
      },
    };
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The age of the last proof, in milliseconds; `null` without one within the bound. */
  stalenessMs(): number | null {
    const ageMs = this.#clock.monotonicMs() - this.#provedAtMs;
    return ageMs < this.#maxStalenessMs ? Math.round(ageMs) : null;
  }

  startRead(): ReadStart {
    return { atMs: this.#clock.monotonicMs(), heard: this.#heard };
  }

  get(name: string): Hit<Cacheable> | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs >= entry.expiresAtMs) return undefined;
    const isYoung = nowMs - entry.readStartedAtMs < this.#maxStalenessMs;
    const isProved = entry.provable && nowMs - this.#provedAtMs < this.#maxStalenessMs;
    return isYoung || isProved ? entry.hit : undefined;
  }

  /** Keeps a value unless it is too large, its key was invalidated or the bus interrupted since its read started; whether it did. */
  put(name: string, hit: Hit<Cacheable>, start: ReadStart, provable: boolean, ttlMs: number): boolean {
    // Nothing would ever be young enough to be served.
    if (this.#maxStalenessMs <= 0) return false;
    if (start.heard < this.#forgotten || (this.#heardOf.peek(name) ?? 0) > start.heard) return false;
    const size = sizeOf(hit.value);
    if (size > maxValueBytes) return false;
    const expiresAtMs = start.atMs + ttlMs;
    this.#entries.set(name, { hit, readStartedAtMs: start.atMs, provable, expiresAtMs }, { size });
    return true;
  }

  drop(kind: Kind, key: string): void {
    const name = nameIn[kind](key);
    this.#entries.delete(name);
    this.#heardOf.set(name, ++this.#heard);
  }

  clear(): void {
    this.#entries.clear();
    this.#heardOf.clear();
    this.#forgotten = ++this.#heard;
  }
}
