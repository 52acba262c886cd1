import type { Remote } from './remote.ts';

/** The middle of some numbers, and their ends. */
export type Spread = { readonly median: number; readonly min: number; readonly max: number };

export const spreadOf = (numbers: readonly number[]): Spread => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const half = sorted.length / 2;
  const median = Number.isInteger(half) ? (at(half - 1) + at(half)) / 2 : at(Math.floor(half));
  return { median, min: at(0), max: at(sorted.length - 1) };
};

/** Something whose operations cost the CPU of one process. */
export type Contestant = {
  readonly name: string;
  /** Does so many operations; the CPU that one of them cost, in microseconds. */
  readonly measure: (operations: number) => Promise<number>;
};

/**
 * A contestant whose `run` command does a number of operations by itself, in several processes that take turns: the same
 * code is compiled differently from process to process, which is worth up to a third of what takes less than a microsecond.
 */
export const runner = (name: string, remotes: readonly Remote[]): Contestant => {
  let turn = 0;
  return {
    name,
    measure: async (operations) => {
      const remote = remotes[turn++ % remotes.length];
      if (remote === undefined) throw new RangeError(`${name} has no process`);
      const { cpuBeforeUs, cpuAfterUs } = await remote.call('run', operations);
      return (cpuAfterUs - cpuBeforeUs) / operations;
    },
  };
};

/** `warmUpMs`: the CPU that each contestant may use before it counts, until its code is compiled. */
export type Pace = { readonly rounds: number; readonly roundMs: number; readonly warmUpMs: number };

export type Measured = {
  readonly name: string;
  /** CPU per operation in microseconds. */
  readonly cpuUs: Spread;
  /** How many operations cost as much as one of the anchor's, the first contestant, in the same round. */
  readonly ofAnchor: Spread;
};

/**
 * Measures all contestants in turn, round after round, so that whatever else the machine does falls on all of them. A
 * round is as many operations as take about `roundMs` of CPU once warm. Ratios are taken within a round.
 */
export const measure = async (
  contestants: readonly Contestant[],
  { rounds, roundMs, warmUpMs }: Pace,
): Promise<readonly Measured[]> => {
  const operations: number[] = [];
  for (const contestant of contestants)
    operations.push(await calibrate(contestant, roundMs * 1000, warmUpMs * 1000));
  const costs: number[][] = contestants.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, contestant] of contestants.entries())
      costs[index]?.push(await contestant.measure(operations[index] ?? 1));
  }
  const anchor = costs[0] ?? [];
  return contestants.map(({ name }, index) => {
    const own = costs[index] ?? [];
    return {
      name,
      cpuUs: spreadOf(own),
      ofAnchor: spreadOf(own.map((cost, round) => (anchor[round] ?? Number.NaN) / cost)),
    };
  });
};

const calibrate = async ({ measure }: Contestant, roundUs: number, warmUpUs: number): Promise<number> => {
  let operations = 64;
  for (let usedUs = 0; ; ) {
    const costUs = await measure(operations);
    usedUs += costUs * operations;
    if (usedUs >= warmUpUs && costUs * operations >= roundUs / 2)
      return Math.max(1, Math.round(roundUs / costUs));
    if (costUs * operations < roundUs) operations *= 4;
  }
};
