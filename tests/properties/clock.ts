import type { Clock, Ids, Timer } from '../../domain/ports/runtime.ts';

type Due = { atMs: number; readonly fire: () => void };

/** Waits that a step of the scheduler ends: time moves when the scheduler says so. */
export class SimulatedClock implements Clock, Timer {
  #nowMs = 0;
  readonly #due = new Set<Due>();

  nowMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const due = {
        atMs: this.#nowMs + ms,
        fire: () => {
          this.#due.delete(due);
          resolve();
        },
      };
      this.#due.add(due);
    });
  }

  every(ms: number, work: () => Promise<void>): Disposable {
    let isRunning = false;
    const due: Due = {
      atMs: this.#nowMs + ms,
      fire: () => {
        due.atMs += ms;
        if (isRunning) return;
        isRunning = true;
        void work().finally(() => {
          isRunning = false;
        });
      },
    };
    this.#due.add(due);
    return { [Symbol.dispose]: () => void this.#due.delete(due) };
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    for (const due of [...this.#due].sort((a, b) => a.atMs - b.atMs)) if (due.atMs <= this.#nowMs) due.fire();
  }
}

/** Time as one process has it, which may stand still for a while. */
export class ProcessClock implements Clock, Timer {
  /** Of the process, in traces. */
  readonly number: number;
  /** Whether it was started in the run, and not long before. */
  readonly isNew: boolean;
  readonly #world: SimulatedClock;
  readonly #ended = Promise.withResolvers<void>();
  #isOver = false;
  #asleepUntilMs = 0;
  /** What the monotonic clock does not know of: it stands still with a machine that is suspended. */
  #suspendedMs = 0;
  /** What only the wall clock knows of: somebody sets it. */
  #steppedMs = 0;

  constructor(world: SimulatedClock, number: number, isNew = false) {
    this.#world = world;
    this.number = number;
    this.isNew = isNew;
  }

  /** Resolves when the process is gone. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** For a process that is gone time stands still for ever. */
  end(): void {
    this.#isOver = true;
    this.#ended.resolve();
  }

  stepWallClock(ms: number): void {
    this.#steppedMs += ms;
  }

  standStill(ms: number, isSuspended: boolean): void {
    this.#asleepUntilMs = this.#world.monotonicMs() + ms;
    if (isSuspended) this.#suspendedMs += ms;
  }

  /** What arrives meanwhile waits for it. */
  async awake(): Promise<void> {
    for (let ms = this.#asleepMs(); ms > 0; ms = this.#asleepMs()) await this.#world.sleep(ms);
    if (this.#isOver) await new Promise(() => {});
  }

  #asleepMs(): number {
    return this.#asleepUntilMs - this.#world.monotonicMs();
  }

  nowMs(): number {
    return this.#world.nowMs() + this.#steppedMs;
  }

  monotonicMs(): number {
    return this.#world.monotonicMs() - this.#suspendedMs;
  }

  async sleep(ms: number): Promise<void> {
    await this.#world.sleep(ms);
    await this.awake();
  }

  every(ms: number, work: () => Promise<void>): Disposable {
    let isDisposed = false;
    const timer = this.#world.every(ms, async () => {
      await this.awake();
      if (!isDisposed) await work();
    });
    return {
      [Symbol.dispose]: () => {
        isDisposed = true;
        timer[Symbol.dispose]();
      },
    };
  }
}

/** Names that are the same in each run. */
export const simulatedIds = (): Ids => {
  let made = 0;
  return {
    uuid: () => `00000000-0000-7000-8000-${String(++made).padStart(12, '0')}`,
    token: () => `t${++made}`,
  };
};
