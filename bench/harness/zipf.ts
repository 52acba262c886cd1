import type { Random } from '../../tests/torture/random.ts';

/** Ranks in [0, size) after Zipf's law: rank r with a weight of 1 / (r + 1) ^ exponent. Found by bisection. */
export const zipf = (size: number, exponent: number): ((random: Random) => number) => {
  const cumulated = new Float64Array(size);
  let sum = 0;
  for (let rank = 0; rank < size; rank++) {
    sum += 1 / (rank + 1) ** exponent;
    cumulated[rank] = sum;
  }
  return (random) => {
    const at = random.next() * sum;
    let low = 0;
    let high = size - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulated[middle] ?? 0) <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
};
