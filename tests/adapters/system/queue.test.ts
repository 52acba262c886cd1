import { describe, expect, it } from 'vitest';
import { Queue } from '../../../adapters/system/queue.ts';
import { Overloaded } from '../../../domain/faults.ts';
import { gate } from '../../contracts/persistence-support.ts';

describe('a queue that runs one job at a time', () => {
  it('does one thing at a time, in order of arrival, also after one that failed', async () => {
    const queue = new Queue({ maxRunning: 1, maxWaiting: 100, maxWaitMs: 1000 }, setImmediate);
    const order: string[] = [];
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) =>
        queue.run(async () => {
          order.push(`${n} in`);
          await new Promise((resolve) => setImmediate(resolve));
          order.push(`${n} out`);
          if (n % 3 === 0) throw new Error('no');
        }),
      ),
    );
    expect(order).toEqual(Array.from({ length: 20 }, (_, n) => [`${n} in`, `${n} out`]).flat());
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(7);
    expect(await queue.run(async () => 'idle again')).toBe('idle again');
  });

  it('turns away who would be one too many, and keeps the places of the others', async () => {
    const queue = new Queue({ maxRunning: 1, maxWaiting: 2, maxWaitMs: 1000 }, setImmediate);
    const release = gate();
    const held = [queue.run(() => release.passed), queue.run(async () => 1), queue.run(async () => 2)];
    await expect(queue.run(async () => 3)).rejects.toBeInstanceOf(Overloaded);
    release.open();
    expect(await Promise.all(held)).toEqual([undefined, 1, 2]);
  });

  it('turns away who has waited too long, and never runs what it turned away', async () => {
    const queue = new Queue({ maxRunning: 1, maxWaiting: 2, maxWaitMs: 20 }, setImmediate);
    const release = gate();
    const held = queue.run(() => release.passed);
    let ran = false;
    const late = queue.run(async () => {
      ran = true;
    });
    await expect(late).rejects.toBeInstanceOf(Overloaded);
    release.open();
    await held;
    await queue.run(async () => undefined);
    expect(ran).toBe(false);
  });

  it('lets the event loop go on between two turns, so that a wait can be too long behind what never pauses', async () => {
    const queue = new Queue({ maxRunning: 1, maxWaiting: 100, maxWaitMs: 20 }, setImmediate);
    let turns = 0;
    const ticking = setInterval(() => turns++, 1);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 50 }, () =>
        queue.run(async () => {
          const untilMs = performance.now() + 5;
          while (performance.now() < untilMs);
        }),
      ),
    );
    clearInterval(ticking);
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThan(10);
    expect(turns).toBeGreaterThan(1);
  });
});

describe('a queue that runs several jobs at a time', () => {
  it('never runs more than its maximum, starts the rest in order of arrival, and says how many there are', async () => {
    const queue = new Queue({ maxRunning: 2, maxWaiting: 100, maxWaitMs: 1000 });
    const started: number[] = [];
    const gates = [0, 1, 2, 3].map((n) => ({ n, ...gate() }));
    const jobs = gates.map(({ n, passed }) =>
      queue.run(() => {
        started.push(n);
        return passed;
      }),
    );
    await Promise.resolve();
    expect([started, queue.load()]).toEqual([[0, 1], { running: 2, waiting: 2 }]);
    gates[1]?.open();
    await jobs[1];
    expect([started, queue.load()]).toEqual([[0, 1, 2], { running: 2, waiting: 1 }]);
    for (const { open } of gates) open();
    await Promise.all(jobs);
    expect([started, queue.load()]).toEqual([[0, 1, 2, 3], { running: 0, waiting: 0 }]);
  });

  it('lets what must not be refused wait behind all others, however many and however long', async () => {
    const queue = new Queue({ maxRunning: 1, maxWaiting: 1, maxWaitMs: 20 });
    const release = gate();
    const held = queue.run(() => release.passed);
    const late = queue.run(async () => 'late');
    const patient = queue.runPatiently(async () => 'patient');
    await expect(late).rejects.toBeInstanceOf(Overloaded);
    release.open();
    await held;
    expect(await patient).toBe('patient');
    expect(await queue.runPatiently(async () => 'idle again')).toBe('idle again');
  });
});
