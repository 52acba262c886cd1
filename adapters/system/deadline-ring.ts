/** Something that is waited for, between what is late before and after it. */
export class Deadline {
  readonly untilMs: number;
  readonly late: (overdueMs: number) => void;
  before: Deadline = this;
  after: Deadline = this;

  constructor(untilMs: number, late: (overdueMs: number) => void) {
    this.untilMs = untilMs;
    this.late = late;
  }

  insertAfter(before: Deadline): void {
    this.before = before;
    this.after = before.after;
    before.after.before = this;
    before.after = this;
  }

  /** It came in time. Points at nothing afterwards, so that old garbage does not hold on to new; may be removed twice. */
  remove(): void {
    this.before.after = this.after;
    this.after.before = this.before;
    this.before = this;
    this.after = this;
  }
}

/**
 * The deadlines of many waits, by one timer: the first to end is the first to be late. A timer for each would cost more
 * than an answer from memory, and a third of one from Redis on Deno.
 */
export class DeadlineRing {
  readonly #nowMs: () => number;
  /**
   * A ring in the order of their ends; this is where it begins. In a Set, which replaces its table as it grows and
   * shrinks, the tables of the past would hold on to what was in them: 5 KB of each request became old garbage.
   */
  readonly #ring = new Deadline(Number.NEGATIVE_INFINITY, () => undefined);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #firesAtMs = Number.POSITIVE_INFINITY;

  /** `nowMs` reads a monotonic clock, in milliseconds. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Calls `late` once `untilMs` is over, with how long ago that was in milliseconds, unless it is removed before. */
  add(untilMs: number, late: (overdueMs: number) => void): Deadline {
    const deadline = new Deadline(untilMs, late);
    let before = this.#ring.before;
    while (before.untilMs > untilMs) before = before.before;
    deadline.insertAfter(before);
    // A timer that fires for nobody, because everything came in time, costs less than to clear it each time.
    if (untilMs < this.#firesAtMs) this.#tickAt(untilMs);
    return deadline;
  }

  #tickAt(atMs: number): void {
    clearTimeout(this.#timer);
    this.#firesAtMs = atMs;
    this.#timer = setTimeout(() => this.#tick(), Math.max(0, Math.ceil(atMs - this.#nowMs())));
    // Whoever waits has a socket, or work, that keeps the process alive.
    this.#timer.unref();
  }

  #tick(): void {
    this.#firesAtMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#nowMs();
    for (let first = this.#ring.after; first !== this.#ring; first = this.#ring.after) {
      if (first.untilMs > nowMs) {
        // One that is late may have waited again meanwhile, for less.
        if (first.untilMs < this.#firesAtMs) this.#tickAt(first.untilMs);
        return;
      }
      first.remove();
      first.late(nowMs - first.untilMs);
    }
  }
}
