import type { Benchmark } from '../harness/benchmark.ts';
import { openRemote } from '../harness/remote.ts';

export const memory: Benchmark = {
  name: 'memory',
  title: 'Memory',
  about: 'One process and MEMORY_MAX_ENTRIES of 10,000 read ever new users; the heap after a collection.',
  run: async ({ settings, short, minutes }) => {
    const step = short ? 500 : 40_000;
    await using remote = await openRemote({ file: 'churn.ts', name: 'churn' }, settings, ['--expose-gc']);
    const heaps: number[] = [];
    const counts: number[] = [];
    const startMs = performance.now();
    for (let round = 1, users = 0; round <= 5; round++) {
      let heap = Number.NaN;
      do {
        heap = Number((await remote.call('churn', step)).value);
        users += step;
      } while (performance.now() - startMs < ((minutes ?? 0) * 60_000 * round) / 5);
      heaps.push(heap);
      counts.push(users);
    }
    const [first = Number.NaN] = heaps;
    const growth = (heaps.at(-1) ?? Number.NaN) / first;
    return {
      columns: ['heap, MB'],
      rows: heaps.map((heap, round) => ({
        name: `after ${(counts[round] ?? 0).toLocaleString('en-US')} users`,
        cells: [heap],
      })),
      verdicts: [
        {
          target: 'P12',
          wanted:
            'bounded by MEMORY_MAX_ENTRIES: the heap grows by less than 5 % from the first fifth to the last',
          measured: `${((growth - 1) * 100).toFixed(1)} %`,
          met: growth < 1.05,
        },
      ],
    };
  },
};
