/**
 * The consistency protocol, fence or journal: where stale data is prevented.
 *
 * Every cached record is one key that is absent, a value, a lease (somebody may fill it once) or a fence (a write is
 * under way). Deleting a key after the commit is not enough: a reader that read the old row before the commit can fill
 * the cache after the delete, and nothing would ever correct it. So:
 *
 * READ   A hit is returned. On a miss the reader first takes a lease on the key, then reads the row, then fills; the fill
 *        succeeds only if the lease is still there. A fence or a deletion in between removed it, so a row that was read
 *        before a write can never be stored after it. A reader that finds a fence, or another's lease, pauses and looks
 *        again for a while, since both are short; then the row is returned and stored nowhere.
 *
 * WRITE  In one transaction: lock the row, so that writers of one record are serial; then replace the key by a fence with
 *        a random token, in every tier; then change the row and commit; then release the fence. From the fence on, nobody
 *        is served the old value and nobody can fill. Nothing is written through: the next reader fills.
 *        If the fence is not *confirmed* (no reply in time, whatever the reason) the database's triggers write the change
 *        to a journal in the same transaction, which every instance replays (journal.ts). They do so by default, also
 *        for raw SQL; only a confirmed fence tells them not to. An unacknowledged invalidation is never lost.
 *        A crash or an unknown outcome of COMMIT leaves the fence to its time limit, which is longer than any transaction.
 *
 * A security write (password, tokens, role, deactivation) is acknowledged only once no process can still serve the
 * version before it.
 *
 * Callers in one process share a flight only while none of its commands is under way: before the first, or in a pause
 * between two. One that joined later could be answered with what was read before a write that was acknowledged before it
 * asked.
 *
 * What is promised, and what is not (two faults at once, a Redis that was failed over without its last writes), is in
 * ARCHITECTURE.md. The order of these steps was model-checked; each looks as if it could be simplified, and
 * tests/properties/ holds the variants that do so and the property that refutes each.
 */
import { OutcomeUnknown, WriteConflict } from '../../domain/faults.ts';
import type { Cache, Cacheable, CachePort, CacheRead, Caches, Kind } from '../../domain/ports/cache.ts';
import type { Invalidation, Journal, Transaction, Transactions } from '../../domain/ports/persistence.ts';
import type { Clock, Ids, Log, Timer } from '../../domain/ports/runtime.ts';
import { fail, type Result } from '../../domain/result.ts';
import type { Freshness, Read } from '../read.ts';
import { type RecordKey, recordsOf } from './keys.ts';
import type { StatisticsCounter } from './statistics.ts';

/**
 * How long a reader waits, in all, for somebody else's write or fill before it asks the database itself, and its first
 * pause, which doubles. Most writes are over by then, and the reads that met one cost the database nothing.
 */
const patienceMs = 60;
const firstPauseMs = 2;

/** Reads one record from the primary database. */
export type Load<V> = (key: string) => Promise<V | undefined>;

type Flight<V> = Promise<Read<V> | undefined>;

export type ReadThroughNeeds = {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly timer: Pick<Timer, 'sleep'>;
};

/** READ for one kind of record. */
export class ReadThrough<V extends Cacheable> {
  readonly #cache: CachePort<V>;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #timer: Pick<Timer, 'sleep'>;
  /** Flights that have yet to send the command that may answer them: the only ones that may be joined. */
  readonly #departing = new Map<string, Flight<V>>();
  /** Flights on their way to fill a key: worth waiting for, not to be joined. */
  readonly #filling = new Map<string, Promise<unknown>>();

  constructor(cache: CachePort<V>, { clock, timer }: ReadThroughNeeds) {
    this.#cache = cache;
    this.#clock = clock;
    this.#timer = timer;
  }

  /** A hit that takes no waiting. */
  peek(key: string): Read<V> | undefined {
    return this.#cache.peek(key);
  }

  get(key: string, load: Load<V>, freshness: Freshness = 'bounded'): Flight<V> {
    if (freshness === 'authoritative') return bypass(key, load);
    const hit = this.#cache.peek(key);
    if (hit !== undefined) return Promise.resolve(hit);
    const departing = this.#departing.get(key);
    if (departing !== undefined) return departing;
    // A turn later: callers of the same one get on board.
    const flight: Flight<V> = Promise.resolve().then(() => this.#fly(key, load, flight));
    this.#departing.set(key, flight);
    return flight;
  }

  async #fly(key: string, load: Load<V>, flight: Flight<V>): Promise<Read<V> | undefined> {
    const found = await this.#readPatiently(key, flight);
    if (found.state === 'hit') return found;
    if (found.state !== 'leased') return asRead(await load(key), 'miss');
    const filled = this.#loadAndFill(key, load, found);
    const landed = filled.catch(() => undefined);
    this.#filling.set(key, landed);
    try {
      return await filled;
    } finally {
      if (this.#filling.get(key) === landed) this.#filling.delete(key);
    }
  }

  /** Reads the cache; while somebody else is changing or filling the record, reads it again after a pause. */
  async #readPatiently(key: string, flight: Flight<V>): Promise<CacheRead<V>> {
    const untilMs = this.#clock.monotonicMs() + patienceMs;
    for (let pauseMs = firstPauseMs; ; pauseMs *= 2) {
      if (this.#departing.get(key) === flight) this.#departing.delete(key);
      const found = await this.#cache.read(key);
      if (found.state !== 'fenced' && found.state !== 'filling') return found;
      const leftMs = untilMs - this.#clock.monotonicMs();
      if (leftMs <= 0) return found;
      // In a pause it may be joined again: what it reads next is read after whoever joins now has asked.
      if (!this.#departing.has(key)) this.#departing.set(key, flight);
      const fill = found.state === 'filling' ? this.#filling.get(key) : undefined;
      await (fill === undefined
        ? this.#timer.sleep(Math.min(pauseMs, leftMs))
        : Promise.race([fill, this.#timer.sleep(leftMs)]));
    }
  }

  async #loadAndFill(
    key: string,
    load: Load<V>,
    { lease }: Extract<CacheRead<V>, { state: 'leased' }>,
  ): Promise<Read<V> | undefined> {
    let value: V | undefined;
    try {
      value = await load(key);
    } finally {
      // A row that is absent, or could not be read, gives the lease back for the next reader.
      if (value === undefined) await this.#cache.fill(lease, undefined);
    }
    if (value === undefined) return undefined;
    return asRead(value, (await this.#cache.fill(lease, value)) ? 'stored' : 'miss');
  }
}

const bypass = async <V>(key: string, load: Load<V>): Promise<Read<V> | undefined> =>
  asRead(await load(key), 'bypass');

const asRead = <V>(value: V | undefined, source: Read<V>['source']): Read<V> | undefined =>
  value === undefined ? undefined : { value, source };

/** Whether a write must be acknowledged only when nobody can see the version before it. */
export type WriteKind = 'ordinary' | 'security';

/** To be called once in a transaction, after its locks and before its first change. */
export type RaiseFences = (changes: readonly Changed[]) => Promise<void>;
type Changed = Exclude<Invalidation, { readonly kind: 'everything' }>;

export type FencedWritesNeeds = {
  readonly transactions: Transactions;
  readonly journal: Journal;
  readonly cache: Cache;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly ids: Ids;
  readonly log: Log;
  readonly statistics: StatisticsCounter;
  /** Within which every change that was journaled is seen everywhere, in milliseconds. */
  readonly journalBoundMs: number;
};

const maxAttempts = 3;

/** WRITE. */
export class FencedWrites {
  readonly #needs: FencedWritesNeeds;

  constructor(needs: FencedWritesNeeds) {
    this.#needs = needs;
  }

  /**
   * Runs `work` in a transaction and commits when it returns a value; a failure rolls back.
   * Throws the faults of `Transactions.run`, a `WriteConflict` only after three attempts.
   */
  async run<T, F>(
    kind: WriteKind,
    work: (transaction: Transaction, raiseFences: RaiseFences) => Promise<Result<T, F>>,
  ): Promise<Result<T, F>> {
    for (let attempt = 1; ; attempt++) {
      const fences = new Fences(this.#needs);
      try {
        const result = await this.#needs.transactions.run(async (transaction) => {
          const outcome = await work(transaction, (changes) => fences.raise(changes, transaction));
          if (!outcome.ok) throw new Refused(outcome.error);
          return outcome;
        });
        await fences.settle(kind);
        return result;
      } catch (error) {
        // With an unknown outcome the fence stays until its time limit: the row may be the new one.
        if (error instanceof OutcomeUnknown) throw error;
        await fences.lower();
        if (error instanceof Refused) return fail(error.failure as F);
        if (!(error instanceof WriteConflict) || attempt === maxAttempts) throw error;
        await this.#needs.timer.sleep(attempt * 10 + jitterMs(this.#needs.ids));
      }
    }
  }
}

/** 0-31 ms, so that two writers that met do not meet again. */
const jitterMs = (ids: Ids): number => ids.token().charCodeAt(0) % 32;

/** Carries an expected failure out of a transaction, which must roll back. */
class Refused extends Error {
  readonly failure: unknown;
  constructor(failure: unknown) {
    super('refused');
    this.failure = failure;
  }
}

/** The fences of one attempt of one write. */
class Fences {
  readonly #needs: FencedWritesNeeds;
  readonly #token: string;
  #changes: readonly Changed[] = [];
  #records: readonly RecordKey[] = [];
  #confirmed = false;

  constructor(needs: FencedWritesNeeds) {
    this.#needs = needs;
    this.#token = needs.ids.token();
  }

  async raise(changes: readonly Changed[], transaction: Transaction): Promise<void> {
    this.#changes = changes;
    this.#records = changes.flatMap(recordsOf);
    const replies = await this.#onEach((cache, key) => cache.fence(key, this.#token));
    this.#confirmed = replies.every((reply) => reply);
    // Said only now: a transaction that never gets here is journaled by the triggers.
    if (this.#confirmed) await transaction.confirmFences();
    this.#needs.statistics.invalidated(this.#records.length);
  }

  /** After a rollback. */
  async lower(): Promise<void> {
    await this.#onEach((cache, key) => cache.release(key, this.#token));
  }

  /** After the commit, before the acknowledgement. */
  async settle(kind: WriteKind): Promise<void> {
    if (this.#records.length === 0) return;
    const { cache, clock, timer, journalBoundMs } = this.#needs;
    const committedAtMs = clock.monotonicMs();
    const replies = await this.#onEach((port, key) => port.release(key, this.#token));
    if (this.#confirmed && replies.includes(false)) await this.#journalUnreleased();
    if (kind === 'ordinary') return;
    // Memories elsewhere may serve the old version for the bound after they were told. That was at the fence; but if Redis
    // lost it, by a restart, they may have taken the old version once more, and the release told them: so the bound counts
    // from the release, a few milliseconds later. An unconfirmed fence may reach them by the journal only, and an instance
    // that cannot check the journal in time stops using Redis by itself.
    const silentFromMs = this.#confirmed
      ? clock.monotonicMs() + cache.staleAfterFenceMs
      : committedAtMs + journalBoundMs + cache.staleAfterFenceMs;
    // In a loop: timers may fire early by a fraction.
    for (let nowMs = clock.monotonicMs(); nowMs < silentFromMs; nowMs = clock.monotonicMs()) {
      await timer.sleep(silentFromMs - nowMs);
    }
  }

  /** The fence hides the key until its time limit. The journal is for the case that Redis lost it meanwhile. */
  async #journalUnreleased(): Promise<void> {
    try {
      await this.#needs.journal.append(this.#changes);
    } catch {
      this.#needs.log.warn('fence-not-released', { records: this.#records.length });
    }
  }

  #onEach(command: (cache: Caches[Kind], key: string) => Promise<boolean>): Promise<boolean[]> {
    // All in one turn, so that the adapter can send them in one go.
    return Promise.all(this.#records.map(({ kind, key }) => command(this.#needs.cache.caches[kind], key)));
  }
}
