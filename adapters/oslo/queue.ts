import { Overloaded } from '../../domain/faults.ts';
import type { Timer } from '../../domain/ports/runtime.ts';

export type QueueLimits = {
  readonly maxRunning: number;
  readonly maxWaiting: number;
  readonly maxWaitMs: number;
};

/**
 * Lets a bounded number of jobs run, and a bounded number wait for a bounded time, first come first served; throws
 * `Overloaded` beyond. Cockatiel's bulkhead is not used because it notices a wait that was too long only once its turn
 * comes, and lets a newcomer overtake whoever is next.
 */
export class Queue {
  readonly #limits: QueueLimits;
  readonly #timer: Pick<Timer, 'sleep'>;
  /** Each starts its job; a set keeps the order of arrival. */
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(limits: QueueLimits, timer: Pick<Timer, 'sleep'>) {
    this.#limits = limits;
    this.#timer = timer;
  }

  load(): { readonly running: number; readonly waiting: number } {
    return { running: this.#running, waiting: this.#waiting.size };
  }

  async run<T>(job: () => Promise<T>): Promise<T> {
    await this.#turn();
    try {
      return await job();
    } finally {
      this.#next();
    }
  }

  #turn(): Promise<void> {
    if (this.#running < this.#limits.maxRunning) {
      this.#running++;
      return Promise.resolve();
    }
    if (this.#waiting.size >= this.#limits.maxWaiting)
      return Promise.reject(new Overloaded('the queue is full'));
    return new Promise((resolve, reject) => {
      this.#waiting.add(resolve);
      void this.#timer.sleep(this.#limits.maxWaitMs).then(() => {
        if (this.#waiting.delete(resolve)) reject(new Overloaded('the wait in the queue was too long'));
      });
    });
  }

  /** Hands the place on: it is never free in between, so nobody can overtake. */
  #next(): void {
    const [start] = this.#waiting;
    if (start === undefined) {
      this.#running--;
      return;
    }
    this.#waiting.delete(start);
    start();
  }
}
