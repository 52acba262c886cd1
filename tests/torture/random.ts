/** Chance from a seed: the same seed gives the same numbers (mulberry32, T. Ettinger). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.next() * bound);
  }

  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  /** Another stream that depends on this one's seed and a number only as far as it has got. */
  fork(): Random {
    return new Random(this.below(2 ** 32));
  }
}

/** Ranks in [0, size) after Zipf's law: rank r with a weight of 1 / (r + 1) ^ exponent. */
export const zipf = (size: number, exponent: number): ((random: Random) => number) => {
  const cumulated: number[] = [];
  let sum = 0;
  for (let rank = 0; rank < size; rank++) {
    sum += 1 / (rank + 1) ** exponent;
    cumulated.push(sum);
  }
  return (random) => {
    const at = random.next() * sum;
    const rank = cumulated.findIndex((limit) => at < limit);
    return rank < 0 ? size - 1 : rank;
  };
};
