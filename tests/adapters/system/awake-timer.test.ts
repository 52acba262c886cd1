import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { afterAwake } from '../../../adapters/system/awake-timer.ts';

describe('afterAwake', () => {
  const done = vi.fn();
  beforeEach(() => {
    done.mockClear();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const polled = () => new Promise((resolve) => setImmediate(resolve));

  it('calls back when the time is over, after the sockets were polled', async () => {
    afterAwake(100, done);
    vi.advanceTimersByTime(99);
    await polled();
    expect(done).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(done).not.toHaveBeenCalled();
    await polled();
    expect(done).toHaveBeenCalledOnce();
  });

  it('is called off until the very end', async () => {
    const callOff = afterAwake(100, done);
    vi.advanceTimersByTime(100);
    callOff();
    await polled();
    expect(done).not.toHaveBeenCalled();
  });
});

describe('afterAwake in a process that is busy', () => {
  it('counts a busy time as one step, however long it was', async () => {
    const startMs = performance.now();
    const over = new Promise<number>((resolve) => {
      afterAwake(100, () => resolve(performance.now() - startMs));
    });
    while (performance.now() - startMs < 150);
    // Four steps of 20 ms are left.
    expect(await over).toBeGreaterThanOrEqual(225);
  });
});
