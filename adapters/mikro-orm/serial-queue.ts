import { setImmediate } from 'node:timers';
import { Overloaded } from '../../domain/faults.ts';

export type SerialQueueLimits = { readonly maxWaiting: number; readonly maxWaitMs: number };

/**
 * A queue that does one thing at a time, in order of arrival. PGlite needs it: it has one connection, and a statement
 * from elsewhere would run inside whatever transaction is open. Throws `Overloaded` when the queue is full or the wait
 * in it too long, which is also how a statement outside of, but awaited by, the open transaction comes to an end.
 * Before each turn the event loop goes on: PGlite resolves in microtasks, so that without it a rush is one long stall, in
 * which requests wait unread in their sockets, no queue is ever full and no wait too long.
 */
export class SerialQueue {
  readonly #limits: SerialQueueLimits;
  readonly #waiting = new Set<() => void>();
  #busy = false;

  constructor(limits: SerialQueueLimits) {
    this.#limits = limits;
  }

  get isBusy(): boolean {
    return this.#busy;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    await this.#enter();
    return this.#finish(work);
  }

  /** As `run`, however many wait and however long it takes: for what must not be refused, the end. */
  async runPatiently<T>(work: () => Promise<T>): Promise<T> {
    if (this.#busy) await new Promise<void>((resolve) => this.#waiting.add(resolve));
    else this.#busy = true;
    return this.#finish(work);
  }

  async #finish<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (!this.#busy) {
      this.#busy = true;
      return new Promise((resolve) => setImmediate(resolve));
    }
    if (this.#waiting.size >= this.#limits.maxWaiting) throw new Overloaded('too many wait for the database');
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    const timer = setTimeout(() => {
      this.#waiting.delete(resolve);
      reject(new Overloaded('the wait for the database took too long'));
    }, this.#limits.maxWaitMs);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Hands the turn to the next in line, so that nobody who comes later is before it. */
  #leave(): void {
    if (this.#waiting.size === 0) {
      this.#busy = false;
      return;
    }
    setImmediate(() => {
      const [next] = this.#waiting;
      if (next === undefined) {
        this.#busy = false;
        return;
      }
      this.#waiting.delete(next);
      next();
    });
  }
}
