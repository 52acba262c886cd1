import { setImmediate } from 'node:timers/promises';

/**
 * Does so many operations one after the other. Every thousand of them the event loop turns, as it does in any program that
 * waits for something: where no timer can fire, no cache that looks after itself can do that.
 */
export const inTurn = async (operations: number, work: (n: number) => Promise<unknown>): Promise<void> => {
  for (let n = 0; n < operations; n++) {
    await work(n);
    if (n % 1000 === 999) await setImmediate();
  }
};

/** Does so many operations, `width` at a time. */
export const abreast = async (
  operations: number,
  width: number,
  work: (n: number) => Promise<unknown>,
): Promise<void> => {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < operations) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
};
