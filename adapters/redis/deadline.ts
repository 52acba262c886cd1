import { setImmediate } from 'node:timers';
import type { Clock } from '../../domain/ports/runtime.ts';
import { classify, Failed } from './errors.ts';

/** A timer that fires this much late tells of a stall of our own, not of Redis. */
const stallMs = 20;
/**
 * The reply, or why there is none: at the latest after the deadline, for node-redis waits for ever. `settled` hears of the
 * outcome in the same turn.
 * A process that was busy for longer than the deadline would find it passed while the reply waits unread in the socket. So
 * the decision falls after one more poll of the sockets (`setImmediate`). If the timer itself was late, Redis gets the
 * deadline once more: a command of just before the stall may not even have been sent.
 */
export const withDeadline = <T>(
  reply: Promise<T>,
  deadlineMs: number,
  clock: Clock,
  settled: (outcome: T | Failed) => void,
): Promise<T | Failed> =>
  new Promise((resolve) => {
    let pending = true;
    const settle = (outcome: T | Failed): void => {
      if (!pending) return;
      pending = false;
      clearTimeout(timer);
      settled(outcome);
      resolve(outcome);
    };
    const giveUp = (): void => {
      setImmediate(() => settle(Failed.with('deadline')));
    };
    const dueMs = clock.monotonicMs() + deadlineMs;
    let timer = setTimeout(() => {
      if (clock.monotonicMs() - dueMs > stallMs) timer = setTimeout(giveUp, deadlineMs);
      else giveUp();
    }, deadlineMs);
    reply.then(settle, (error) => settle(classify(error)));
  });
