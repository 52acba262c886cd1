import { describe, expect, it } from 'vitest';
import { growthPercent } from './trend.ts';

const saw = (length: number, rise: number): readonly (readonly [number, number])[] =>
  Array.from({ length }, (_, n) => [n, 100 + rise * n + (n % 2 === 0 ? 3 : -3)]);

describe('the growth of what is sampled', () => {
  it('is that of the trend, whatever the noise', () => {
    expect(growthPercent(saw(100, 0))).toBeCloseTo(0, 0);
    expect(growthPercent(saw(100, 1))).toBeGreaterThan(90);
    expect(growthPercent(saw(100, -0.5))).toBeLessThan(-40);
  });

  it('is no number, so flat under no bound, where there is nothing to compare', () => {
    for (const points of [[], saw(1, 0)]) expect(growthPercent(points) <= 5).toBe(false);
  });
});
