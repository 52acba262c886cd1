import { expect, it } from 'vitest';
import { sharing } from '../../../application/caching/sharing.ts';

/** Work that ends when it is told to, and answers how often it began. */
const work = () => {
  const runs: PromiseWithResolvers<number>[] = [];
  const shared = sharing(() => {
    const run = Promise.withResolvers<number>();
    runs.push(run);
    return run.promise;
  });
  const end = async (n: number): Promise<void> => {
    runs[n - 1]?.resolve(n);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { shared, runs, end };
};

it('gives all who ask during a run the next one, which begins after they asked', async () => {
  const { shared, runs, end } = work();
  const first = shared();
  const others = [shared(), shared(), shared()];
  expect(runs).toHaveLength(1);
  await end(1);
  expect(await first).toBe(1);
  expect(runs).toHaveLength(2);
  const late = shared();
  await end(2);
  expect(await Promise.all(others)).toEqual([2, 2, 2]);
  await end(3);
  expect(await late).toBe(3);
  expect(runs).toHaveLength(3);
});

it('begins at once when nothing runs, also after a run that failed', async () => {
  const { shared, runs, end } = work();
  const failing = shared();
  const waiting = shared();
  runs[0]?.reject(new Error('away'));
  await expect(failing).rejects.toThrow('away');
  await end(2);
  expect(await waiting).toBe(2);
  const again = shared();
  await end(3);
  expect(await again).toBe(3);
});
