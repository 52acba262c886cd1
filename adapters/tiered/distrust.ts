import type { Clock } from '../../domain/ports/runtime.ts';

/** Beyond this many names the tier distrusts everything until the next complete check. */
const maxNames = 10_000;

/**
 * The records whose fence this process could not confirm: Redis may still hold the old value, so this process reads them
 * from the database until the journal is known to have been replayed. Its callers read their own writes.
 */
export class Distrust {
  readonly #clock: Clock;
  readonly #fenceTtlMs: number;
  /** By name: whose fence it was, and the latest moment at which that transaction may have committed. */
  readonly #fences = new Map<string, { readonly token: string; readonly settledAtMs: number }>();
  /** Until a check that started after this moment, everything is distrusted. */
  #everythingUntilMs: number | undefined;

  constructor(clock: Clock, fenceTtlMs: number) {
    this.#clock = clock;
    this.#fenceTtlMs = fenceTtlMs;
  }

  has(name: string): boolean {
    return this.#everythingUntilMs !== undefined || this.#fences.has(name);
  }

  /** From an unconfirmed fence on. No transaction commits later than a fence lives. */
  add(name: string, token: string): void {
    const settledAtMs = this.#clock.monotonicMs() + this.#fenceTtlMs;
    if (this.#fences.size < maxNames) this.#fences.set(name, { token, settledAtMs });
    else this.#everythingUntilMs = settledAtMs;
  }

  /** The fence's transaction is over; whether the fence was an unconfirmed one. */
  settle(name: string, token: string): boolean {
    if (this.#fences.get(name)?.token !== token) return false;
    this.#fences.set(name, { token, settledAtMs: this.#clock.monotonicMs() });
    return true;
  }

  /** Everything that was committed before `startedAtMs` has been replayed. */
  replayed(startedAtMs: number): void {
    for (const [name, { settledAtMs }] of this.#fences) {
      if (settledAtMs < startedAtMs) this.#fences.delete(name);
    }
    if (this.#everythingUntilMs !== undefined && this.#everythingUntilMs < startedAtMs) {
      this.#everythingUntilMs = undefined;
    }
  }
}
