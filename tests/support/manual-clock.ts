import type { Clock, Timer } from '../../domain/ports/runtime.ts';

type Due = { atMs: number; readonly fire: () => void };

/**
 * A clock that stands still until a test moves it, and the timers that hang on it. `advance` fires what falls due in
 * order, each at its own time, and lets the promises it wakes run before time goes on.
 */
export class ManualClock implements Clock, Timer {
  #wallMs: number;
  #monotonicMs = 0;
  readonly #due = new Set<Due>();

  constructor(wallMs: number = Date.UTC(2026, 0, 1)) {
    this.#wallMs = wallMs;
  }

  nowMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** How many timers wait: a test can see that something began to wait, or that nothing was left behind. */
  get pending(): number {
    return this.#due.size;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const due: Due = {
        atMs: this.#monotonicMs + ms,
        fire: () => {
          this.#due.delete(due);
          resolve();
        },
      };
      this.#due.add(due);
    });
  }

  every(ms: number, work: () => Promise<void>): Disposable {
    let running = false;
    const due: Due = {
      atMs: this.#monotonicMs + ms,
      fire: () => {
        due.atMs += ms;
        if (running) return;
        running = true;
        void work().finally(() => {
          running = false;
        });
      },
    };
    this.#due.add(due);
    return { [Symbol.dispose]: () => void this.#due.delete(due) };
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.#monotonicMs + ms;
    await settle();
    for (;;) {
      const [next] = [...this.#due].filter((due) => due.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#moveTo(next.atMs);
      next.fire();
      await settle();
    }
    this.#moveTo(untilMs);
  }

  /** Steps the wall clock alone, as NTP or an operator may; monotonic time and timers do not notice. */
  jump(ms: number): void {
    this.#wallMs += ms;
  }

  #moveTo(monotonicMs: number): void {
    this.#wallMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }
}

/** Lets every promise that can run, run: a macrotask comes after all of them. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
