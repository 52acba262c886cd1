/**
 * The memory of one process among several, which serves an entry only while it is provably no older than a bound.
 *
 * An entry knows when the read that produced it *started*. It is served iff that is less than `maxStalenessMs` ago, or
 * the bus proves it: the last ping that was answered on the subscribed connection was *sent* at most that long ago, so every
 * invalidation published before has been heard, and this entry's was not among them. Counting from the answer, or from
 * the end of the read, would let a stalled process keep an old entry past the bound.
 *
 * Nothing is served while the gate is closed (application/caching/gate.ts): the bus tells only what somebody published,
 * and the gate knows of every change. All ages are the larger of two clocks, since a machine may be suspended.
 *
 * A read that is under way when its key is invalidated must not be kept: it may have seen the old row. Nor may one that
 * was under way when the bus was interrupted. Instead of tracking reads, the tier numbers what it hears: a read notes
 * the number when it starts, and its value is kept only if its key was not heard of since.
 */
import { longestMs, momentOn, never } from '../../application/caching/ages.ts';
import type { Gate } from '../../application/caching/gate.ts';
import { defaultMaxMemoryBytes, maxValueBytes } from '../../application/caching/limits.ts';
import { sizeOf, versionOf } from '../../application/caching/values.ts';
import type { BusListener, Cacheable, Hit, RecordKind, TierState } from '../../domain/ports/cache.ts';
import type { Clock, Moment } from '../../domain/ports/runtime.ts';
import { type BoundedMap, BoundedMaps } from '../system/bounded-maps.ts';

type Entry<V> = {
  readonly hit: Hit<V>;
  readonly readStarted: Moment;
  /** Whether the value came through Redis, so that the bus can vouch for it. */
  readonly provable: boolean;
  readonly expiresAtMs: number;
};

/** The start of a read, as the tier saw it. */
export type ReadStart = { readonly at: Moment; readonly heard: number };

/** What all kinds of record share: what was heard, by number, and the last proof that nothing else was to be heard. */
type Heard = {
  last: number;
  /** Reads that started before this number cannot be vouched for: what they may have missed is forgotten. */
  forgotten: number;
  /** The sending of the last ping that was answered. */
  proved: Moment;
};

export type MemoryTierOptions = {
  readonly clock: Clock;
  readonly gate: Gate;
  readonly maxEntries: number;
  readonly maxBytes?: number;
  readonly maxStalenessMs: number;
};

export class MemoryTier {
  /** For the bus: what it hears ends here. */
  readonly listener: BusListener;
  readonly #clock: Clock;
  readonly #gate: Gate;
  readonly #maxStalenessMs: number;
  readonly #entries: BoundedMaps;
  readonly #hearings: BoundedMaps;
  readonly #heard: Heard = { last: 0, forgotten: 0, proved: never };
  readonly #kinds = new Map<string, Pick<MemoryOf<Cacheable>, 'drop'>>();

  constructor({
    clock,
    gate,
    maxEntries,
    maxBytes = defaultMaxMemoryBytes,
    maxStalenessMs,
  }: MemoryTierOptions) {
    this.#clock = clock;
    this.#gate = gate;
    this.#maxStalenessMs = maxStalenessMs;
    this.#entries = new BoundedMaps({ maxEntries, maxBytes });
    this.#hearings = new BoundedMaps({ maxEntries });
    this.listener = {
      invalidated: (name, key) => {
        const kind = this.#kinds.get(name);
        if (kind === undefined) this.clear();
        else kind.drop(key);
      },
      proved: (sent) => {
        if (sent.monotonicMs > this.#heard.proved.monotonicMs) this.#heard.proved = sent;
      },
      interrupted: () => {
        this.#heard.proved = never;
        this.clear();
      },
    };
  }

  /** The entries of one kind. To be opened once for each. */
  open<V extends Cacheable>({ name }: RecordKind<V>): MemoryOf<V> {
    const heard = this.#heard;
    const memory = new MemoryOf<V>({
      clock: this.#clock,
      gate: this.#gate,
      maxStalenessMs: this.#maxStalenessMs,
      entries: this.#entries.open(),
      hearings: this.#hearings.open((evicted: number) => {
        heard.forgotten = Math.max(heard.forgotten, evicted);
      }),
      heard,
    });
    this.#kinds.set(name, memory);
    return memory;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The age of the last proof, in milliseconds; `null` without one within the bound. */
  stalenessMs(): number | null {
    const ageMs = longestMs(this.#heard.proved, momentOn(this.#clock));
    return ageMs < this.#maxStalenessMs ? Math.round(ageMs) : null;
  }

  startRead(): ReadStart {
    return { at: momentOn(this.#clock), heard: this.#heard.last };
  }

  clear(): void {
    this.#entries.clear();
    this.#hearings.clear();
    this.#heard.forgotten = ++this.#heard.last;
  }
}

type MemoryOfNeeds<V> = {
  readonly clock: Clock;
  readonly gate: Gate;
  readonly maxStalenessMs: number;
  readonly entries: BoundedMap<Entry<V>>;
  /** The number under which each key was last heard of. */
  readonly hearings: BoundedMap<number>;
  readonly heard: Heard;
};

/** The part of the tier that holds one kind of record. */
export class MemoryOf<V extends Cacheable> {
  readonly #clock: Clock;
  readonly #gate: Gate;
  readonly #maxStalenessMs: number;
  readonly #entries: BoundedMap<Entry<V>>;
  readonly #hearings: BoundedMap<number>;
  readonly #heard: Heard;

  constructor({ clock, gate, maxStalenessMs, entries, hearings, heard }: MemoryOfNeeds<V>) {
    this.#clock = clock;
    this.#gate = gate;
    this.#maxStalenessMs = maxStalenessMs;
    this.#entries = entries;
    this.#hearings = hearings;
    this.#heard = heard;
  }

  get(key: string): Hit<V> | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && this.#mayServe(entry) ? entry.hit : undefined;
  }

  /** What is there, whether or not the gate lets it out. */
  inspect(key: string): TierState {
    const now = momentOn(this.#clock);
    const entry = this.#entries.peek(key);
    if (entry === undefined || !this.#isProved(entry, now)) {
      return { tier: 'memory', state: 'absent', version: null, ttlMs: null, disbelief: null };
    }
    return {
      tier: 'memory',
      state: 'value',
      version: versionOf(entry.hit.value),
      ttlMs: Math.round(entry.expiresAtMs - now.monotonicMs),
      disbelief: this.#gate.isOpen(now) ? null : 'unchecked',
    };
  }

  #mayServe(entry: Entry<V>): boolean {
    const now = momentOn(this.#clock);
    return this.#isProved(entry, now) && this.#gate.isOpen(now);
  }

  #isProved({ expiresAtMs, readStarted, provable }: Entry<V>, now: Moment): boolean {
    if (now.monotonicMs >= expiresAtMs) return false;
    const isYoung = longestMs(readStarted, now) < this.#maxStalenessMs;
    return isYoung || (provable && longestMs(this.#heard.proved, now) < this.#maxStalenessMs);
  }

  /**
   * Keeps a value unless it is too large or too old, its key was invalidated or the bus interrupted since its read
   * started; whether it did.
   */
  put(key: string, hit: Hit<V>, start: ReadStart, provable: boolean, ttlMs: number): boolean {
    const expiresAtMs = start.at.monotonicMs + (provable ? ttlMs : Math.min(ttlMs, this.#maxStalenessMs));
    // Nobody would ever be served it.
    if (this.#maxStalenessMs <= 0 || expiresAtMs <= this.#clock.monotonicMs()) return false;
    if (start.heard < this.#heard.forgotten || (this.#hearings.peek(key) ?? 0) > start.heard) return false;
    const size = sizeOf(hit.value);
    if (size > maxValueBytes) return false;
    this.#entries.set(key, { hit, readStarted: start.at, provable, expiresAtMs }, size);
    return true;
  }

  drop(key: string): void {
    this.#entries.delete(key);
    this.#hearings.set(key, ++this.#heard.last);
  }
}
