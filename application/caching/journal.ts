/**
 * The slow, certain path of the protocol: replays what the database's triggers wrote down because nobody confirmed a
 * fence for it. Every instance does this for itself, at each wake-up and at least four times within the bound, and tells
 * its cache when it last knew that nothing was left: a cache that has not heard for longer than the bound must not serve
 * from Redis (the gate). So a Redis that answers reads but refuses deletions, or a stalled process, closes the gate by
 * itself. Several instances may replay one row: it is idempotent.
 */
import { DatabaseUnavailable } from '../../domain/faults.ts';
import type { Cache } from '../../domain/ports/cache.ts';
import type { Journal, JournalRow } from '../../domain/ports/persistence.ts';
import type { Clock, Log, Timer } from '../../domain/ports/runtime.ts';
import { recordsOf } from './keys.ts';
import type { StatisticsCounter } from './statistics.ts';

export type JournalReplayerNeeds = {
  readonly journal: Journal;
  readonly cache: Cache;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly log: Log;
  readonly statistics: StatisticsCounter;
  readonly journalBoundMs: number;
  /** `serve`: cached reads go on while the journal cannot be checked. `refuse`: they do not. */
  readonly whenDatabaseUnreachable: 'serve' | 'refuse';
};

/** A batch goes out at once: all its commands must fit the bounded queue of one connection (1,000), with room for others. */
const maxRowsPerBatch = 100;

export class JournalReplayer implements AsyncDisposable {
  readonly #needs: JournalReplayerNeeds;
  #ticker: Disposable | undefined;
  #listener: AsyncDisposable | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #reachable = true;

  constructor(needs: JournalReplayerNeeds) {
    this.#needs = needs;
  }

  async start(): Promise<void> {
    const { journal, timer, journalBoundMs } = this.#needs;
    this.#ticker = timer.every(journalBoundMs / 4, () => this.check());
    this.#listener = await journal.listen(() => void this.check());
    await this.check();
  }

  /** One check; a call during a check asks for another one after it. Never rejects. */
  check(): Promise<void> {
    if (this.#running !== undefined) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#checkUntilQuiet().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #checkUntilQuiet(): Promise<void> {
    do {
      this.#again = false;
      await this.#checkOnce();
    } while (this.#again && this.#reachable);
  }

  async #checkOnce(): Promise<void> {
    const { cache, clock, log, whenDatabaseUnreachable } = this.#needs;
    let startedAtMs = clock.monotonicMs();
    try {
      // Each batch is a check of its own: the last one found nothing that was not replayed.
      for (let full = true; full; ) {
        startedAtMs = clock.monotonicMs();
        const rows = await this.#pending(startedAtMs);
        if (!(await this.#replay(rows))) return;
        full = rows.length === maxRowsPerBatch;
      }
      this.#note(true);
      cache.journalChecked('complete', startedAtMs);
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable)) {
        log.error('journal-check-failed', { error: error instanceof Error ? error.name : 'unknown' });
        return;
      }
      this.#note(false);
      if (whenDatabaseUnreachable === 'serve') cache.journalChecked('unreachable', startedAtMs);
    }
  }

  /** The pending rows. While the database keeps silent for longer than the gate can wait, the cache is told so. */
  async #pending(startedAtMs: number): Promise<readonly JournalRow[]> {
    const { journal, cache, timer, journalBoundMs, whenDatabaseUnreachable } = this.#needs;
    if (whenDatabaseUnreachable === 'refuse') return journal.pending(maxRowsPerBatch);
    using _silence = timer.every(journalBoundMs / 2, async () =>
      cache.journalChecked('unreachable', startedAtMs),
    );
    return await journal.pending(maxRowsPerBatch);
  }

  /** Whether every row was replayed; those that were are removed, by id. */
  async #replay(rows: readonly JournalRow[]): Promise<boolean> {
    if (rows.length === 0) return true;
    const { cache, statistics } = this.#needs;
    const outcomes = await Promise.all(
      rows.map(async ({ invalidation }) => {
        if (invalidation.kind === 'everything') return cache.clear();
        const replies = recordsOf(invalidation).map(({ kind, key }) => cache.caches[kind].replay(key));
        return (await Promise.all(replies)).every((reply) => reply);
      }),
    );
    const replayed = rows.filter((_, index) => outcomes[index] === true).map(({ id }) => id);
    statistics.invalidated(replayed.length);
    if (replayed.length > 0) await this.#needs.journal.remove(replayed);
    return replayed.length === rows.length;
  }

  #note(reachable: boolean): void {
    if (reachable === this.#reachable) return;
    this.#reachable = reachable;
    if (reachable) this.#needs.log.info('journal-reachable');
    else this.#needs.log.warn('journal-unreachable');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ticker?.[Symbol.dispose]();
    await this.#listener?.[Symbol.asyncDispose]();
    await this.#running;
  }
}
