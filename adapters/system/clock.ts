import type { Clock, Timer } from '../../domain/ports/runtime.ts';

/** The clocks of the machine. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** The timers of the machine. What repeats does not keep the process alive; a single wait does, for someone awaits it. */
export const systemTimer: Timer = {
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  every: (ms, work) => {
    let running = false;
    const tick = async (): Promise<void> => {
      // A tick that finds the one before still at work is left out: a slow database must not pile up checks.
      if (running) return;
      running = true;
      try {
        await work();
      } finally {
        running = false;
      }
    };
    const interval = setInterval(tick, ms);
    interval.unref();
    return { [Symbol.dispose]: () => clearInterval(interval) };
  },
};
