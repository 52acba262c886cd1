import { describe, expect, it } from 'vitest';
import { draw, scenarios } from './scenarios.ts';

const seeds = Array.from({ length: 600 }, (_, seed) => seed);

describe('the scenarios of a torture run', () => {
  it('are all of them where there is time, and as many as a minute has time for otherwise', () => {
    expect(draw(1, 10)).toEqual(scenarios);
    expect(draw(1, 1).length).toBeLessThan(scenarios.length / 2);
    expect(draw(1, 0.05)).toHaveLength(1);
  });

  it('are the same for the same seed', () => {
    expect(draw(5, 1)).toEqual(draw(5, 1));
  });

  it('are each drawn about as often as any other', () => {
    const drawn = seeds.map((seed) => draw(seed, 1));
    const expected = (seeds.length * draw(1, 1).length) / scenarios.length;
    for (const scenario of scenarios) {
      const times = drawn.filter((one) => one.includes(scenario)).length;
      expect(times, scenario.name).toBeGreaterThan(expected * 0.6);
      expect(times, scenario.name).toBeLessThan(expected * 1.4);
    }
  });
});
