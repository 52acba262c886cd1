import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { within } from '../../../adapters/system/within.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const late = () => new Error('late');

it('Gives the outcome of work that ends in time, and keeps no timer', async () => {
  expect(await within(Promise.resolve(1), 100, late)).toBe(1);
  await expect(within(Promise.reject(new Error('failed')), 100, late)).rejects.toThrow('failed');
  expect(vi.getTimerCount()).toBe(0);
});

it('Throws when the work takes longer', async () => {
  const outcome = expect(within(new Promise(() => undefined), 100, late)).rejects.toThrow('late');
  await vi.advanceTimersByTimeAsync(99);
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  await outcome;
});
