import { setImmediate } from 'node:timers';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Deadlines } from '../../../adapters/redis/deadline.ts';

/** The clock, which is moved by hand. A stall of the process is a clock that moves while no timer can fire. */
let nowMs = 0;
const clock = { monotonicMs: () => nowMs };

beforeEach(() => {
  nowMs = 1000;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Lets time pass, and the sockets be polled once more, which is when it is decided who is late. */
const pass = async (ms: number): Promise<void> => {
  for (let n = 0; n < ms; n++) {
    nowMs++;
    await vi.advanceTimersByTimeAsync(1);
  }
  await new Promise((resolve) => setImmediate(resolve));
};

const stall = async (ms: number): Promise<void> => {
  nowMs += ms;
  await vi.advanceTimersByTimeAsync(ms);
  await new Promise((resolve) => setImmediate(resolve));
};

/** A command: `reply` answers it, and `heard` is what its caller and the guard were told. */
const send = (deadlines: Deadlines, ms: number) => {
  const reply = Promise.withResolvers<string>();
  const heard: string[] = [];
  const told: string[] = [];
  const name = (outcome: unknown): string => (typeof outcome === 'string' ? outcome : 'failed');
  void deadlines
    .meet(reply.promise, ms, (outcome) => void told.push(name(outcome)))
    .then((outcome) => void heard.push(name(outcome)));
  return { reply: () => reply.resolve('reply'), heard, told };
};

test('Each command fails at its own deadline, also one that began later and has less time', async () => {
  const deadlines = new Deadlines(clock);
  const long = send(deadlines, 100);
  await pass(10);
  const short = send(deadlines, 30);
  await pass(29);
  expect([long.heard, short.heard]).toEqual([[], []]);
  await pass(2);
  expect([long.heard, short.heard]).toEqual([[], ['failed']]);
  await pass(57);
  expect(long.heard).toEqual([]);
  await pass(3);
  expect(long.heard).toEqual(['failed']);
});

test('A reply in time is the outcome, and nobody is told twice', async () => {
  const deadlines = new Deadlines(clock);
  const [first, second] = [send(deadlines, 100), send(deadlines, 100)];
  second.reply();
  await pass(50);
  expect([first.told, second.told]).toEqual([[], ['reply']]);
  await pass(60);
  first.reply();
  await pass(200);
  expect([first.heard, second.heard]).toEqual([['failed'], ['reply']]);
  expect([first.told, second.told]).toEqual([['failed'], ['reply']]);
});

test('After a stall of our own everybody who is late gets the whole deadline once more, and only once', async () => {
  const deadlines = new Deadlines(clock);
  const [answered, silent] = [send(deadlines, 100), send(deadlines, 100)];
  await stall(500);
  expect([answered.heard, silent.heard]).toEqual([[], []]);
  answered.reply();
  await pass(98);
  expect([answered.heard, silent.heard]).toEqual([['reply'], []]);
  await stall(500);
  expect(silent.heard).toEqual(['failed']);
});

test('A reply that lies in the socket when the deadline passes is read before the decision', async () => {
  const deadlines = new Deadlines(clock);
  const command = send(deadlines, 100);
  for (let n = 0; n < 101; n++) {
    nowMs++;
    vi.advanceTimersByTime(1);
  }
  command.reply();
  await new Promise((resolve) => setImmediate(resolve));
  expect(command.heard).toEqual(['reply']);
});

test('There is never more than one timer, however many commands come and go', async () => {
  const deadlines = new Deadlines(clock);
  for (let round = 0; round < 20; round++) {
    const commands = [send(deadlines, 100), send(deadlines, 40), send(deadlines, 70)];
    expect(vi.getTimerCount()).toBe(1);
    for (const { reply } of commands) reply();
    await pass(3);
  }
  await pass(100);
  expect(vi.getTimerCount()).toBe(0);
});
