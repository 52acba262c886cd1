/** The outcome of the work, or an error if it takes longer than `ms`. The work itself goes on. */
export const within = async <T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> => {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
};
