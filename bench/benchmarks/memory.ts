import type { Benchmark } from '../harness/benchmark.ts';
import { openRemote } from '../harness/remote.ts';

export const memory: Benchmark = {
  name: 'memory',
  title: 'Memory',
  about: 'One process and MEMORY_MAX_ENTRIES of 10,000 read ever new users; the heap after a collection.',
  run: async ({ settings, short }) => {
    const step = short ? 500 : 40_000;
    await using remote = await openRemote({ file: 'churn.ts', name: 'churn' }, settings, [
      'Deno' in globalThis ? '--v8-flags=--expose-gc' : '--expose-gc',
    ]);
    const heaps: number[] = [];
    for (let round = 0; round < 5; round++) heaps.push(Number((await remote.call('churn', step)).value));
    const [first = Number.NaN] = heaps;
    const growth = (heaps.at(-1) ?? Number.NaN) / first;
    return {
      columns: ['heap, MB'],
      rows: heaps.map((heap, round) => ({
        name: `after ${((round + 1) * step).toLocaleString('en-US')} users`,
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
