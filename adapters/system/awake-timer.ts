import { setImmediate } from 'node:timers';

const steps = 5;

/**
 * Calls `done` when `ms` have passed in which this process was awake, and returns what calls it off.
 *
 * A timer alone blames a server for what this process did: if the process was busy for the whole wait, the answer may lie
 * in the socket, unread, and a hand-shake of several round trips has not even gone on. So the wait is made of steps, and
 * each counts as its own length, however late its timer is: a busy time costs one step at most. At the end the sockets
 * are polled once more (`setImmediate`).
 */
export const afterAwake = (ms: number, done: () => void): (() => void) => {
  let left = steps;
  let isCalledOff = false;
  const step = (): void => {
    left--;
    if (left > 0) timer = setTimeout(step, ms / steps);
    else setImmediate(() => isCalledOff || done());
  };
  let timer = setTimeout(step, ms / steps);
  return () => {
    isCalledOff = true;
    clearTimeout(timer);
  };
};
