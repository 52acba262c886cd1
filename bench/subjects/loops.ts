/** Does so many operations one after the other. */
export const inTurn = async (operations: number, work: (n: number) => Promise<unknown>): Promise<void> => {
  for (let n = 0; n < operations; n++) await work(n);
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
