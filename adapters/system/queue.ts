import { Overloaded } from '../../domain/faults.ts';
import { DeadlineRing } from './deadline-ring.ts';

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
  readonly #start: (job: () => void) => void;
  /** Each starts its job; a set keeps the order of arrival. */
  readonly #waiting = new Set<() => void>();
  readonly #deadlines = new DeadlineRing(() => performance.now());
  #running = 0;

  /** `start` starts each job: at once unless told otherwise. With `setImmediate` the event loop goes on before each. */
  constructor(limits: QueueLimits, start: (job: () => void) => void = (job) => job()) {
    this.#limits = limits;
    this.#start = start;
  }

  load(): { readonly running: number; readonly waiting: number } {
    return { running: this.#running, waiting: this.#waiting.size };
  }

  async run<T>(job: () => Promise<T>): Promise<T> {
    if (this.#isFull()) await this.#wait();
    else await this.#enter();
    return this.#finish(job);
  }

  /** As `run`, however many wait and however long it takes: for what must not be refused. */
  async runPatiently<T>(job: () => Promise<T>): Promise<T> {
    if (this.#isFull()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
    else await this.#enter();
    return this.#finish(job);
  }

  #isFull(): boolean {
    return this.#running >= this.#limits.maxRunning;
  }

  #enter(): Promise<void> {
    this.#running++;
    return new Promise((resolve) => this.#start(resolve));
  }

  #wait(): Promise<void> {
    const { maxWaiting, maxWaitMs } = this.#limits;
    if (this.#waiting.size >= maxWaiting) return Promise.reject(new Overloaded('the queue is full'));
    return new Promise((resolve, reject) => {
      const start = (): void => {
        deadline.remove();
        resolve();
      };
      const deadline = this.#deadlines.add(performance.now() + maxWaitMs, () => {
        this.#waiting.delete(start);
        reject(new Overloaded('the wait in the queue was too long'));
      });
      this.#waiting.add(start);
    });
  }

  async #finish<T>(job: () => Promise<T>): Promise<T> {
    try {
      return await job();
    } finally {
      this.#leave();
    }
  }

  /** Hands the place on: it is never free in between, so nobody can overtake. */
  #leave(): void {
    if (this.#waiting.size === 0) {
      this.#running--;
      return;
    }
    this.#start(() => {
      const [next] = this.#waiting;
      if (next === undefined) {
        this.#running--;
        return;
      }
      this.#waiting.delete(next);
      next();
    });
  }
}
