/** The value of `work`, or of `late()` if that takes longer than `ms`. `work` must not reject; it is not stopped. */
export const withDeadline = <T>(work: Promise<T>, ms: number, late: () => T): Promise<T> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve(late()), ms);
    void work.then((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
