/** A piece of work that is under way, between those that began before and after it. */
type Waiting = { untilMs: number; late: () => void; before: Waiting; after: Waiting };

/**
 * The time that each of many pieces of work may take, all the same. There is one timer for all of them, since the one that
 * began first is the first to be late: a timer for each would cost more than an answer from memory.
 */
export class Deadline {
  readonly #ms: number;
  /**
   * A ring in the order of their ends; this is where it begins. In a Set, which replaces its table as it grows and shrinks,
   * the tables of the past would hold on to what was in them: half of what a request allocates became old garbage.
   */
  readonly #ring: Waiting;
  #isTicking = false;

  constructor(ms: number) {
    this.#ms = ms;
    const ring = { untilMs: Number.POSITIVE_INFINITY, late: () => undefined } as Waiting;
    this.#ring = Object.assign(ring, { before: ring, after: ring });
  }

  /** The value of `work`, which began at `startMs`, or that of `late()` when its time is over. `work` must not reject; it is not stopped. */
  meet<T>(work: Promise<T>, startMs: number, late: () => T): Promise<T> {
    return new Promise((resolve) => {
      const ring = this.#ring;
      const untilMs = startMs + this.#ms;
      const waiting = { untilMs, late: () => resolve(late()), before: ring.before, after: ring };
      ring.before.after = waiting;
      ring.before = waiting;
      if (!this.#isTicking) this.#tickAt(untilMs);
      void work.then((value) => {
        remove(waiting);
        resolve(value);
      });
    });
  }

  #tickAt(atMs: number): void {
    this.#isTicking = true;
    // Whoever waits for work has something else that keeps the process alive.
    setTimeout(() => this.#tick(), Math.ceil(atMs - performance.now())).unref();
  }

  #tick(): void {
    this.#isTicking = false;
    const nowMs = performance.now();
    for (let first = this.#ring.after; first !== this.#ring; first = this.#ring.after) {
      if (first.untilMs > nowMs) {
        this.#tickAt(first.untilMs);
        return;
      }
      remove(first);
      first.late();
    }
  }
}

/** Points at nothing afterwards, and may be removed twice. */
const remove = (waiting: Waiting): void => {
  waiting.before.after = waiting.after;
  waiting.after.before = waiting.before;
  waiting.before = waiting;
  waiting.after = waiting;
};
