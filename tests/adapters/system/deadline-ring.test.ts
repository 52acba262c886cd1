import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DeadlineRing } from '../../../adapters/system/deadline-ring.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const open = () => new DeadlineRing(() => performance.now());
const at = (ms: number): number => performance.now() + ms;

test('Each is late at its own time and in the order of the ends, in whatever order they were added', async () => {
  const ring = open();
  const late: string[] = [];
  ring.add(at(50), () => late.push('50'));
  ring.add(at(10), () => late.push('10'));
  ring.add(at(30), () => late.push('30'));
  await vi.advanceTimersByTimeAsync(9);
  expect(late).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(late).toEqual(['10']);
  await vi.advanceTimersByTimeAsync(40);
  expect(late).toEqual(['10', '30', '50']);
});

test('One that was removed is never late, and may be removed again without harm to the others', async () => {
  const ring = open();
  const late: string[] = [];
  ring.add(at(10), () => late.push('first'));
  const second = ring.add(at(10), () => late.push('second'));
  ring.add(at(10), () => late.push('third'));
  second.remove();
  second.remove();
  await vi.advanceTimersByTimeAsync(10);
  expect(late).toEqual(['first', 'third']);
});

test('One that is late hears how late, and may wait once more, for longer or for less than those behind it', async () => {
  const ring = open();
  const late: (string | number)[] = [];
  ring.add(at(10), (overdueMs) => {
    late.push(overdueMs);
    ring.add(at(30), () => late.push('longer'));
    ring.add(at(5), () => late.push('less'));
  });
  ring.add(at(20), () => late.push('behind'));
  await vi.advanceTimersByTimeAsync(15);
  expect(late).toEqual([0, 'less']);
  await vi.advanceTimersByTimeAsync(25);
  expect(late).toEqual([0, 'less', 'behind', 'longer']);
});

test('There is never more than one timer, and none when nobody waits any more', async () => {
  const ring = open();
  for (const ms of [100, 40, 70, 200]) ring.add(at(ms), () => undefined);
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(50);
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(150);
  expect(vi.getTimerCount()).toBe(0);
});
