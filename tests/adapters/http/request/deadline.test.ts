import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Deadline } from '../../../../adapters/http/request/deadline.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Some work that ends when it is told to, and what its caller has heard so far. */
const begin = (deadline: Deadline) => {
  const work = Promise.withResolvers<string>();
  const heard: string[] = [];
  void deadline
    .meet(work.promise, performance.now(), () => 'late')
    .then((answer) => {
      heard.push(answer);
    });
  return { end: () => work.resolve('done'), heard };
};

test('Each gets what came first, its work or the end of its own time', async () => {
  const deadline = new Deadline(100);
  const first = begin(deadline);
  await vi.advanceTimersByTimeAsync(40);
  const second = begin(deadline);
  await vi.advanceTimersByTimeAsync(40);
  const third = begin(deadline);
  second.end();
  await vi.advanceTimersByTimeAsync(19);
  expect([first.heard, second.heard, third.heard]).toEqual([[], ['done'], []]);
  await vi.advanceTimersByTimeAsync(1);
  expect([first.heard, third.heard]).toEqual([['late'], []]);
  await vi.advanceTimersByTimeAsync(79);
  expect(third.heard).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(third.heard).toEqual(['late']);
});

test('Work that ends too late is heard of no more, and does not disturb the others', async () => {
  const deadline = new Deadline(100);
  const first = begin(deadline);
  await vi.advanceTimersByTimeAsync(50);
  const second = begin(deadline);
  await vi.advanceTimersByTimeAsync(50);
  first.end();
  await vi.advanceTimersByTimeAsync(0);
  expect(first.heard).toEqual(['late']);
  second.end();
  await vi.advanceTimersByTimeAsync(0);
  expect(second.heard).toEqual(['done']);
});

test('After a time with nothing to do the next one is late as soon as any', async () => {
  const deadline = new Deadline(100);
  begin(deadline).end();
  await vi.advanceTimersByTimeAsync(1000);
  const next = begin(deadline);
  await vi.advanceTimersByTimeAsync(99);
  expect(next.heard).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(next.heard).toEqual(['late']);
});

test('There is never more than one timer', async () => {
  const deadline = new Deadline(100);
  const all = Array.from({ length: 50 }, () => begin(deadline));
  expect(vi.getTimerCount()).toBe(1);
  for (const one of all) one.end();
  await vi.advanceTimersByTimeAsync(100);
  expect(vi.getTimerCount()).toBe(0);
});
