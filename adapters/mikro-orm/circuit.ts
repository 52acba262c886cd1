import { DatabaseSilent, DatabaseUnavailable, OutcomeUnknown, Overloaded } from '../../domain/faults.ts';
import type { Log } from '../../domain/ports/runtime.ts';
import { NoneFree, ReadOnly, toFault, Unreachable } from './faults.ts';
import type { Admission } from './statements.ts';

export type CircuitNeeds = {
  /** Asks the server something on a connection of its own, within a bounded time; rejects if it does not answer. */
  readonly probe: () => Promise<void>;
  /** Closes the idle connections of the pool, since their server went away. */
  readonly discardIdle: () => void;
  readonly log: Log;
};

/** Nobody was there, or nobody is let in. */
const isSign = (error: unknown): error is Error =>
  error instanceof DatabaseSilent || error instanceof Unreachable || error instanceof OutcomeUnknown;

const signsToOpen = 3;
const probePauseMs = 250;
const lookEveryMs = 1000;
/** A circuit that was open for a shorter time is not logged: some connections died, and others took their place. */
const worthALineMs = 50;

/**
 * Whether the database is asked at all. When the server could not be reached three times in a row, with no answer in
 * between, the circuit opens: callers are told at once instead of after their deadline. Only a probe in the background
 * closes it, the first of which is sent at once; no request of a user is ever the probe. What the server itself refuses
 * (a lock that is held, a full disk, a read-only transaction) is an answer. A wait for a connection that took too long
 * is a sign only if nobody at all was answered meanwhile: else the pool is busy, which is what its caller is told.
 */
export class DatabaseCircuit implements Disposable {
  readonly #needs: CircuitNeeds;
  #signs = 0;
  #answeredAtMs = Number.NEGATIVE_INFINITY;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #isOpen = false;
  #isDisposed = false;
  #pause: ReturnType<typeof setTimeout> | undefined;

  constructor(needs: CircuitNeeds) {
    this.#needs = needs;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  readonly admit: Admission = async (work) => {
    if (this.#isOpen) throw new DatabaseUnavailable('the database is out of use');
    const startedAtMs = performance.now();
    try {
      const value = await work();
      this.answered();
      return value;
    } catch (error) {
      if (error instanceof ReadOnly) this.#lookAgain();
      if (error instanceof NoneFree) {
        if (this.#answeredAtMs >= startedAtMs)
          throw new Overloaded('all connections to the database are busy');
        this.#note(error);
      } else if (isSign(error)) this.#note(error);
      else if (!(error instanceof DatabaseUnavailable)) this.answered();
      throw error;
    }
  };

  /** The server answered. In a transaction that is killed in the middle, BEGIN was answered. */
  answered(): void {
    this.#signs = 0;
    this.#answeredAtMs = performance.now();
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    clearTimeout(this.#pause);
  }

  /** The primary may be elsewhere by now: new connections find it. One that is read-only on purpose is not left for ever. */
  #lookAgain(): void {
    const nowMs = performance.now();
    if (nowMs - this.#lookedAtMs < lookEveryMs) return;
    this.#lookedAtMs = nowMs;
    this.#needs.discardIdle();
  }

  #note({ message }: Error): void {
    if (this.#isOpen || ++this.#signs < signsToOpen) return;
    this.#isOpen = true;
    this.#needs.discardIdle();
    void this.#probeUntilAnswered(message, performance.now());
  }

  async #probeUntilAnswered(cause: string, openedAtMs: number): Promise<void> {
    const { probe, log } = this.#needs;
    let isReported = false;
    const report = setTimeout(() => {
      isReported = true;
      log.warn('database-out-of-use', { cause });
    }, worthALineMs);
    for (let reason: string | undefined; !this.#isDisposed; ) {
      try {
        await probe();
        break;
      } catch (error) {
        const { message } = toFault(error);
        // A server may hang, then refuse, then start: an operator sees each of these once.
        if (isReported && message !== reason) log.warn('database-still-out-of-use', { cause: message });
        reason = message;
      }
      await this.#wait();
    }
    clearTimeout(report);
    this.#signs = 0;
    this.#isOpen = false;
    if (isReported && !this.#isDisposed) {
      log.info('database-in-use', { afterMs: Math.round(performance.now() - openedAtMs) });
    }
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#pause = setTimeout(resolve, probePauseMs);
      this.#pause.unref();
    });
  }
}
