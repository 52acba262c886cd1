import { setImmediate } from 'node:timers';
import type { Clock } from '../../domain/ports/runtime.ts';
import { classify, Failed } from './errors.ts';

/** A timer that fires this much late tells of a stall of our own, not of Redis. */
const stallMs = 20;

/** A reply that is waited for, between those that are late before and after it. */
class Waiting {
  readonly ms: number;
  readonly late: () => void;
  untilMs: number;
  wasForgiven = false;
  isOver = false;
  before: Waiting = this;
  after: Waiting = this;

  constructor(ms: number, untilMs: number, late: () => void) {
    this.ms = ms;
    this.untilMs = untilMs;
    this.late = late;
  }

  insertAfter(before: Waiting): void {
    this.before = before;
    this.after = before.after;
    before.after.before = this;
    before.after = this;
  }

  /** Points at nothing afterwards, so that old garbage does not hold on to new; may be removed twice. */
  remove(): void {
    this.before.after = this.after;
    this.after.before = this.before;
    this.before = this;
    this.after = this;
  }
}

/**
 * Bounds the wait for each of many replies by one timer: the first to end is the first to be late, and a timer for each
 * would cost a twentieth of a hit on Node, and a third on Deno.
 *
 * A process that was busy for longer than the deadline would find it passed while the reply waits unread in the socket. So
 * the decision falls after one more poll of the sockets (`setImmediate`). If the timer itself was late, Redis gets the
 * deadline once more: a command of just before the stall may not even have been sent.
 */
export class Deadlines {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /**
   * A ring in the order of their ends; this is where it begins. In a Set, which replaces its table as it grows and shrinks,
   * the tables of the past would hold on to what was in them, until a collection of everything.
   */
  readonly #ring = new Waiting(0, Number.NEGATIVE_INFINITY, () => undefined);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #firesAtMs = Number.POSITIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /**
   * The reply, or why there is none: at the latest after `ms`, for node-redis waits for ever. `settled` hears of the outcome
   * in the same turn.
   */
  meet<T>(reply: Promise<T>, ms: number, settled: (outcome: T | Failed) => void): Promise<T | Failed> {
    return new Promise((resolve) => {
      const settle = (outcome: T | Failed): void => {
        if (waiting.isOver) return;
        waiting.isOver = true;
        waiting.remove();
        settled(outcome);
        resolve(outcome);
      };
      const waiting = new Waiting(ms, this.#clock.monotonicMs() + ms, () => settle(Failed.with('deadline')));
      this.#insert(waiting);
      reply.then(settle, (error) => settle(classify(error)));
    });
  }

  #insert(waiting: Waiting): void {
    let before = this.#ring.before;
    while (before.untilMs > waiting.untilMs) before = before.before;
    waiting.insertAfter(before);
    // A timer that fires for nobody, because all replies came in time, costs less than to clear it each time.
    if (waiting.untilMs < this.#firesAtMs) this.#tickAt(waiting.untilMs);
  }

  #tickAt(atMs: number): void {
    clearTimeout(this.#timer);
    this.#firesAtMs = atMs;
    this.#timer = setTimeout(() => this.#tick(), Math.max(0, Math.ceil(atMs - this.#clock.monotonicMs())));
    // Who waits for a reply has a socket that keeps the process alive.
    this.#timer.unref();
  }

  #tick(): void {
    this.#firesAtMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#clock.monotonicMs();
    for (let first = this.#ring.after; first !== this.#ring; first = this.#ring.after) {
      if (first.untilMs > nowMs) {
        this.#tickAt(first.untilMs);
        return;
      }
      first.remove();
      if (nowMs - first.untilMs > stallMs && !first.wasForgiven) {
        first.wasForgiven = true;
        first.untilMs = nowMs + first.ms;
        this.#insert(first);
      } else {
        setImmediate(first.late);
      }
    }
  }
}
