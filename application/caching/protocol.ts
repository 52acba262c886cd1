/**
 * The consistency protocol: where stale data is prevented.
 *
 * Two things work together. Fences and leases make a change visible *at once* where everything works; the log makes it
 * *certain* within a bound, whatever fails. Neither needs the other.
 *
 * THE LOG  Triggers write every change into a log, in the transaction of the change, whoever made it. Every process reads
 *        the whole log for itself (log-reader.ts), serves from a cache only while it has done so in time (gate.ts), and
 *        believes a cached value only if the snapshot of the statement that read it has seen every change of its key that
 *        this process knows of (belief.ts). So what a process serves is never older than the bound: it knows of every
 *        change that was visible when its last check began. It does not matter who wrote, which Redis the value lies in, or
 *        what became of that Redis.
 *
 * Every cached record is one key that is absent, a value, a lease (somebody may fill it once) or a fence (a write is under
 * way). Deleting a key after the commit is not enough: a reader that read the old row before the commit can fill the cache
 * after the delete. So:
 *
 * READ   A hit that is believed is returned. Otherwise the reader first takes a lease on the key, then reads the row with
 *        its snapshot, then fills; the fill succeeds only if the lease is still there. A fence or a deletion in between
 *        removed it, so a row that was read before a write cannot be stored after it. A reader that finds a fence, or
 *        another's lease, pauses and looks again for a while, since both are short; then the row is returned and stored
 *        nowhere.
 *
 * WRITE  In one transaction: lock the row, so that writers of one record are serial; then replace the key by a fence with
 *        a random token, in every tier; then change the row and commit; then note one's own transaction, so that one's own
 *        callers read their writes whatever became of the fence; then release the fence if it was answered. From a
 *        *confirmed* fence on (answered in time, and as it should be) nobody is served the old value and nobody can fill.
 *        Nothing is written through: the next reader fills. A fence that was not answered is left to its time limit, for
 *        a release could overtake it; so is that of a writer that crashed or does not know what became of its COMMIT. That
 *        is longer than any transaction.
 *
 * A security write (password, tokens, role, deactivation) is acknowledged only once no process can still serve the version
 * before it: when each has said that it knows of the change, or the bound has passed (receipts.ts).
 *
 * Callers in one process share a flight only while none of its commands is under way: before the first, or in a pause
 * between two. One that joined later could be answered with what was read before a write that was acknowledged before it
 * asked.
 *
 * What is promised, and what is not, is in docs/consistency.md. The steps are model-checked (model/); each looks as if it
 * could be simplified, and tests/properties/ holds the variants that do so and the property that refutes each.
 */
import { OutcomeUnknown, WriteConflict } from '../../domain/faults.ts';
import type { Cache, Cacheable, CachePort, CacheRead } from '../../domain/ports/cache.ts';
import type { ChangeLog, Proved } from '../../domain/ports/change-log.ts';
import type { Changed, Transaction, Transactions } from '../../domain/ports/persistence.ts';
import type { Clock, Ids, Log, Moment, Timer } from '../../domain/ports/runtime.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { Xid } from '../../domain/snapshot.ts';
import { inBackground } from '../background.ts';
import type { Freshness, Read } from '../read.ts';
import { heardOf, type RecordKey, recordsOf } from '../records/kinds.ts';
import type { Confirmation, Confirmed, Locked, Work, Writes } from '../writes.ts';
import { momentOn } from './ages.ts';
import type { Belief } from './belief.ts';
import { firstPauseMs, maxAttempts, patienceMs } from './limits.ts';
import type { Confirmations } from './receipts.ts';
import type { StatisticsCounter } from './statistics.ts';
import { versionOf } from './values.ts';

/** Reads one record from the primary database. */
export type Load<V> = (key: string) => Promise<Proved<V> | undefined>;

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
    if (freshness === 'authoritative') return this.#bypass(key, load);
    const hit = this.#cache.peek(key);
    if (hit !== undefined) return Promise.resolve(hit);
    if (freshness === 'cached') return this.#fromCacheAlone(key);
    const departing = this.#departing.get(key);
    if (departing !== undefined) return departing;
    // A turn later: callers of the same one get on board.
    const flight: Flight<V> = Promise.resolve().then(() => this.#fly(key, load, flight));
    this.#departing.set(key, flight);
    return flight;
  }

  async #fromCacheAlone(key: string): Flight<V> {
    const found = await this.#cache.read(key);
    if (found.state === 'leased') await this.#cache.fill(found.lease, undefined);
    return found.state === 'hit' ? found : undefined;
  }

  async #fly(key: string, load: Load<V>, flight: Flight<V>): Promise<Read<V> | undefined> {
    const found = await this.#readPatiently(key, flight);
    if (found.state === 'hit') return found;
    if (found.state !== 'leased') return asRead((await load(key))?.value, 'miss');
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
    let row: Proved<V> | undefined;
    try {
      row = await load(key);
    } finally {
      // A row that is absent, or could not be read, gives the lease back for the next reader.
      if (row === undefined) await this.#cache.fill(lease, undefined);
    }
    if (row === undefined) return undefined;
    const { value, proof } = row;
    return asRead(value, (await this.#cache.fill(lease, value, proof)) ? 'stored' : 'miss');
  }

  /** Whoever sees another version than the cached one drops that, as it would be if no trigger told of the change. */
  async #bypass(key: string, load: Load<V>): Promise<Read<V> | undefined> {
    const value = (await load(key))?.value;
    const cached = this.#cache.peek(key)?.value;
    if (cached !== undefined && (value === undefined || versionOf(cached) !== versionOf(value)))
      await this.#cache.replay(key);
    return asRead(value, 'bypass');
  }
}

const asRead = <V>(value: V | undefined, source: Read<V>['source']): Read<V> | undefined =>
  value === undefined ? undefined : { value, source };

export type FencedWritesNeeds = {
  readonly transactions: Transactions;
  readonly changeLog: Pick<ChangeLog, 'wakeOthers'>;
  readonly cache: Cache;
  readonly belief: Pick<Belief, 'noteOwn'>;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly ids: Ids;
  readonly log: Log;
  readonly statistics: StatisticsCounter;
  readonly confirmations: Confirmations;
};

/** WRITE. */
export class FencedWrites implements Writes {
  readonly #needs: FencedWritesNeeds;

  constructor(needs: FencedWritesNeeds) {
    this.#needs = needs;
  }

  async run<T, F>(work: Work<T, F>, locked: Locked): Promise<Result<T, F>> {
    const done = await this.#commit(work, turnOf(locked, ''));
    if (!done.ok) return done;
    await done.value.fences.release();
    return ok(done.value.value);
  }

  async runSecurely<T, F>(work: Work<T, F>, locked: Locked): Promise<Result<Confirmed<T>, F>> {
    const done = await this.#commit(work, turnOf(locked, 'security '));
    if (!done.ok) return done;
    const { value, fences } = done.value;
    const [confirmation] = await Promise.all([fences.confirm(), fences.release()]);
    return ok({ value, confirmation });
  }

  async #commit<T, F>(
    work: Work<T, F>,
    turn: string | undefined,
  ): Promise<Result<{ readonly value: T; readonly fences: Fences }, F>> {
    for (let attempt = 1; ; attempt++) {
      const fences = new Fences(this.#needs);
      try {
        const value = await this.#needs.transactions.run(async (transaction) => {
          const outcome = await work(transaction, (changes) => fences.raise(changes, transaction));
          if (!outcome.ok) throw new Refused(outcome.error);
          return outcome.value;
        }, turn);
        fences.committed();
        return ok({ value, fences });
      } catch (error) {
        // With an unknown outcome the fence stays until its time limit: the row may be the new one.
        if (error instanceof OutcomeUnknown) throw error;
        await fences.release();
        if (error instanceof Refused) return fail(error.failure as F);
        if (!(error instanceof WriteConflict) || attempt === maxAttempts) throw error;
        await this.#needs.timer.sleep(attempt * 10 + jitterMs(this.#needs.ids));
      }
    }
  }
}

/**
 * With whom a write takes turns. A security write does not stand behind the ordinary ones of its user: who floods an
 * account must not keep its owner from signing out everywhere, nor an administrator, whose writes take turns with those of
 * administrators alone. So an account has at most two transactions under way, and the administrators together one.
 */
const turnOf = (locked: Locked, kind: string): string | undefined => {
  if (locked === 'nobody') return undefined;
  return locked === 'admins' ? locked : `${kind}${locked}`;
};

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
  #xid: Xid | undefined;
  #confirmed = false;
  #committed: Moment | undefined;

  constructor(needs: FencedWritesNeeds) {
    this.#needs = needs;
    this.#token = needs.ids.token();
  }

  async raise(changes: readonly Changed[], transaction: Transaction): Promise<void> {
    this.#changes = changes;
    this.#records = changes.flatMap(recordsOf);
    const [replies, xid] = await Promise.all([
      this.#onEach((port, key) => port.fence(key, this.#token)),
      transaction.xid(),
    ]);
    this.#confirmed = replies.every((reply) => reply);
    this.#xid = xid;
    this.#needs.statistics.invalidated(this.#records.length);
  }

  /** When the COMMIT was answered, before anything is acknowledged. */
  committed(): void {
    if (this.#xid === undefined) return;
    const { belief, clock } = this.#needs;
    this.#committed = momentOn(clock);
    belief.noteOwn(this.#xid, this.#changes.flatMap(heardOf));
    if (!this.#confirmed) this.#wakeOthers(this.#xid);
  }

  /** Memories that were not told look at the log a little earlier than they would by themselves. */
  #wakeOthers(xid: Xid): void {
    inBackground(this.#needs.log, 'wake-others', () => this.#needs.changeLog.wakeOthers([xid]));
  }

  /** Waits until nobody serves the version before. */
  async confirm(): Promise<Confirmation> {
    if (this.#xid === undefined || this.#committed === undefined)
      throw new TypeError('a security write raised no fence');
    const confirmation = await this.#needs.confirmations.confirm(this.#xid, this.#committed);
    const { by, afterMs, receipts, missing } = confirmation;
    this.#needs.log.info('change-confirmed', {
      by,
      ms: Math.round(afterMs),
      instances: receipts.length,
      missing: missing.join(' '),
    });
    return confirmation;
  }

  /** After the COMMIT, or after a rollback. */
  async release(): Promise<void> {
    await this.#onEach((port, key) => port.release(key, this.#token));
  }

  #onEach(command: (port: CachePort<Cacheable>, key: string) => Promise<boolean>): Promise<boolean[]> {
    // All in one turn, so that the adapter can send them in one go.
    return Promise.all(this.#records.map(({ kind, key }) => command(this.#needs.cache.of(kind), key)));
  }
}
