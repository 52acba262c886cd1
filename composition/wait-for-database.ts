import { DatabaseUnavailable, Overloaded } from '../domain/faults.ts';
import type { DatabaseHealth } from '../domain/ports/persistence.ts';
import type { Clock, Timer } from '../domain/ports/runtime.ts';

/** Waits until the database answers; resolves to whether it did within so many milliseconds. */
export type WaitForDatabase = (withinMs: number) => Promise<boolean>;

type Needs = { readonly health: DatabaseHealth; readonly clock: Clock; readonly timer: Timer };

const retryMs = 100;

export const waitForDatabase =
  ({ health, clock, timer }: Needs): WaitForDatabase =>
  async (withinMs) => {
    const untilMs = clock.monotonicMs() + withinMs;
    for (;;) {
      try {
        await health.ping();
        return true;
      } catch (error) {
        if (!(error instanceof DatabaseUnavailable || error instanceof Overloaded)) throw error;
        if (clock.monotonicMs() >= untilMs) return false;
        await timer.sleep(Math.min(retryMs, withinMs));
      }
    }
  };
