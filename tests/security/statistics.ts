/** Statistics of paired measurements that one slow moment does not decide. */

export const quantile = (values: readonly number[], at: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(at * (values.length - 1))] ?? Number.NaN;

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/**
 * The z of Wilcoxon's signed-rank test (1945): whether differences lie about zero. It looks at ranks, so that an outlier
 * counts for one pair; and pairs are of one moment, so that a load that comes and goes cancels out. Under 3 is what chance
 * does in 997 of 1,000 cases.
 */
export const signedRankZ = (differences: readonly number[]): number => {
  const ranked = differences.filter((each) => each !== 0).sort((a, b) => Math.abs(a) - Math.abs(b));
  const n = ranked.length;
  const positive = ranked.reduce((sum, each, index) => (each > 0 ? sum + index + 1 : sum), 0);
  return (positive - (n * (n + 1)) / 4) / Math.sqrt((n * (n + 1) * (2 * n + 1)) / 24);
};

/** A new array in random order. */
export const shuffled = <T>(items: readonly T[], chance: () => number): readonly T[] =>
  items
    .map((item) => [chance(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);
