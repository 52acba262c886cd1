import { expect, it } from 'vitest';
import { median, shuffled, signedRankZ } from './statistics.ts';

/** Mulberry32: the same chance at each run. */
const chanceOf = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
};

/** 500 pairs as of a busy machine: a load that drifts, a noise of some milliseconds, now and then a pause of 200. */
const differences = (effectMs: number, seed: number): readonly number[] => {
  const chance = chanceOf(seed);
  return Array.from({ length: 500 }, (_, n) => {
    const measured = (ms: number): number =>
      ms + 30 * Math.sin(n / 40) + 5 * (chance() + chance() + chance()) + (chance() < 0.02 ? 200 : 0);
    return measured(40 + effectMs) - measured(40);
  });
};

it('finds a difference of a millisecond under noise of many, and none where there is none', () => {
  for (let seed = 1; seed <= 20; seed++) {
    expect(Math.abs(signedRankZ(differences(0, seed)))).toBeLessThan(3.5);
    expect(signedRankZ(differences(1.5, seed))).toBeGreaterThan(3);
    expect(signedRankZ(differences(-1.5, seed))).toBeLessThan(-3);
  }
});

it('agrees with a table: of 8 differences, ranks 1 to 8, one of rank 2 negative', () => {
  expect(signedRankZ([1, -2, 3, 4, 5, 6, 7, 8])).toBeCloseTo((34 - 18) / Math.sqrt(51), 10);
  expect(median([3, 1, 2])).toBe(2);
  expect([...shuffled([1, 2, 3], chanceOf(1))].sort()).toEqual([1, 2, 3]);
});
