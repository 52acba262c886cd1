import { setImmediate } from 'node:timers';
import type { Clock } from '../../domain/ports/runtime.ts';
import { DeadlineRing } from '../system/deadline-ring.ts';
import { classify, Failed } from './errors.ts';

/** If a timer fires this much late, this process was busy, and Redis is not to blame. */
const stallMs = 20;

/**
 * Bounds the wait for each of many replies.
 *
 * If this process was busy for longer than the deadline, the deadline is over although the reply may already be in the
 * socket, unread. So it is decided only after the sockets were polled once more (`setImmediate`). If the timer itself
 * was late, Redis gets the whole deadline once more, because a command of shortly before may not even have been sent.
 */
export class Deadlines {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #ring: DeadlineRing;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
    this.#ring = new DeadlineRing(() => clock.monotonicMs());
  }

  /**
   * The reply, or why there is none: at the latest after `ms`, for node-redis waits for ever. `settled` is called with
   * the outcome in the same turn of the event loop.
   */
  meet<T>(reply: Promise<T>, ms: number, settled: (outcome: T | Failed) => void): Promise<T | Failed> {
    return new Promise((resolve) => {
      let isOver = false;
      let wasForgiven = false;
      const settle = (outcome: T | Failed): void => {
        if (isOver) return;
        isOver = true;
        deadline.remove();
        settled(outcome);
        resolve(outcome);
      };
      const late = (overdueMs: number): void => {
        if (overdueMs > stallMs && !wasForgiven) {
          wasForgiven = true;
          deadline = this.#ring.add(this.#clock.monotonicMs() + ms, late);
        } else {
          setImmediate(() => settle(Failed.with('deadline')));
        }
      };
      let deadline = this.#ring.add(this.#clock.monotonicMs() + ms, late);
      reply.then(settle, (error) => settle(classify(error)));
    });
  }
}
