/**
 * One run of `work` at a time, shared: all who ask during a run get the same next one, which begins after they asked. So an
 * answer is never older than the question, and a thousand questions of one moment cost two runs.
 */
export const sharing = <T>(work: () => Promise<T>): (() => Promise<T>) => {
  let running: Promise<T> | undefined;
  let next: Promise<T> | undefined;
  const start = (): Promise<T> => {
    next = undefined;
    const run = work().finally(() => {
      if (running === run) running = undefined;
    });
    running = run;
    return run;
  };
  return () => {
    if (running === undefined) return start();
    next ??= running.then(start, start);
    return next;
  };
};
