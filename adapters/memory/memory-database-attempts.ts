import {
  attemptLimits,
  type Count,
  type CounterKey,
  type Counters,
  failedOnce,
  isFamiliar,
  noCount,
  refusedOnce,
  waitMs,
  without,
} from '../../domain/attempts.ts';
import type { AttemptCounters } from '../../domain/ports/persistence.ts';

/** The same method without a promise: it is done within one turn of the event loop, at a time that is given. */
type Now<T extends (...args: never) => unknown> = (
  counters: readonly Counters[],
  nowMs: number,
) => Awaited<ReturnType<T>>;

const sweptAtOnce = 8;

/** The counts of a database in memory, in the order of their last change. Each call is one turn: nothing comes between. */
export class MemoryAttempts {
  readonly #counts = new Map<CounterKey, Count>();

  readonly admit: Now<AttemptCounters['admit']> = (counters, nowMs) => {
    this.#sweep(nowMs);
    const waits = counters.map((pair) => this.#admitOne(pair, nowMs));
    const longest = Math.max(0, ...waits);
    return longest > 0 ? longest : undefined;
  };

  readonly succeeded: Now<AttemptCounters['succeeded']> = (counters, nowMs) => {
    for (const { origin, account } of counters) {
      const count = this.#of(origin);
      // A familiar origin's failures are not in the account's count.
      if (!isFamiliar(count, nowMs)) this.#set(account, without(this.#of(account), count.failures));
      const familiarUntilMs = nowMs + attemptLimits.familiarForMs;
      this.#set(origin, { failures: 0, lastAtMs: nowMs, familiarUntilMs });
    }
  };

  readonly withdraw: Now<AttemptCounters['withdraw']> = (counters, nowMs) => {
    for (const { origin, account } of counters) {
      const count = this.#of(origin);
      if (!isFamiliar(count, nowMs)) this.#set(account, without(this.#of(account), 1));
      this.#set(origin, without(count, 1));
    }
  };

  #admitOne({ origin, account }: Counters, nowMs: number): number {
    const [own, all] = [this.#of(origin), this.#of(account)];
    const familiar = isFamiliar(own, nowMs);
    const ownWait = waitMs(own, attemptLimits.freeOfOrigin, nowMs);
    const accountWait = familiar ? 0 : waitMs(all, attemptLimits.freeOfAccount, nowMs);
    if (ownWait > 0) this.#counts.set(origin, refusedOnce(own, nowMs));
    if (accountWait > 0) this.#counts.set(account, refusedOnce(all, nowMs));
    const wait = Math.max(ownWait, accountWait);
    if (wait > 0) return wait;
    this.#set(origin, failedOnce(own, nowMs));
    if (!familiar) this.#set(account, failedOnce(all, nowMs));
    return 0;
  }

  #of(key: CounterKey): Count {
    return this.#counts.get(key) ?? noCount;
  }

  #set(key: CounterKey, count: Count): void {
    this.#counts.delete(key);
    this.#counts.set(key, count);
  }

  /**
   * Removes the oldest ones first, more at each call than a call can add, so that the map never holds much more than a
   * day's guesses.
   */
  #sweep(nowMs: number): void {
    let left = sweptAtOnce;
    for (const [key, count] of this.#counts) {
      if (left-- === 0) return;
      const endsAtMs = Math.max(count.lastAtMs + attemptLimits.forgottenAfterMs, count.familiarUntilMs);
      if (endsAtMs <= nowMs) this.#counts.delete(key);
      else this.#set(key, count);
    }
  }
}
