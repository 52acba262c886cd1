import type { Benchmark, Row } from '../harness/benchmark.ts';
import { fleetsOf, openFleet } from '../harness/fleet.ts';
import { judge, percentileMs } from '../harness/judge.ts';
import type { Fact } from '../subjects/stores.ts';

const boundMs = 500;

export const zipf: Benchmark = {
  name: 'zipf',
  title: 'Zipf(0.99), 95 % reads, 4 processes',
  about:
    'Cold at the start, 16 callers in each process that never pause. The optimum is computed from the very operations of ' +
    'each run: a shared cache that forgets a user at each write and loads once. Stale: older than a write that was ' +
    'acknowledged before the read began.',
  run: async (context) => {
    const { short, population } = context;
    const operations = short ? 200 : 25_000;
    const workload = { readShare: 0.95, width: 16, operations, durationMs: 120_000, thinkMs: 0 };
    const rows: Row[] = [];
    const found = new Map<string, ReturnType<typeof judge>>();
    for (const [title, subject] of fleetsOf(context)) {
      await using fleet = await openFleet(context, subject, workload);
      const histories = await fleet.work();
      const judgement = judge(histories, boundMs);
      found.set(subject, judgement);
      const reads = histories.flatMap((history) => history.reads);
      rows.push({
        name: title,
        cells: [
          judgement.queriesPer1000Reads,
          judgement.optimum,
          title === 'Kith' ? (fencedOf(reads) / reads.length) * 1000 : '',
          judgement.stale,
          judgement.staleBeyond,
          judgement.stalestMs,
          percentileMs(reads, 0.99),
          judgement.failures,
        ],
      });
    }
    const own = found.get('kith');
    const bentocache = found.get('bentocache');
    const control = found.get('none')?.stale ?? Number.NaN;
    return {
      columns: [
        'queries per 1,000 reads',
        'the optimum',
        'of them behind fences',
        'stale reads',
        `stale over ${boundMs} ms`,
        'the stalest, ms',
        'read p99, ms',
        'failed',
      ],
      rows,
      verdicts:
        own === undefined
          ? []
          : [
              {
                target: 'P8',
                wanted: `queries of the optimum (${population} users): at most 1.1`,
                measured: (own.queriesPer1000Reads / own.optimum).toFixed(2),
                met: own.queriesPer1000Reads <= 1.1 * own.optimum,
              },
              ...(bentocache === undefined
                ? []
                : [
                    {
                      target: 'P8',
                      wanted: 'bentocache makes at least 2 times as many queries',
                      measured: (bentocache.queriesPer1000Reads / own.queriesPer1000Reads).toFixed(2),
                      met: bentocache.queriesPer1000Reads >= 2 * own.queriesPer1000Reads,
                    },
                  ]),
              {
                target: 'P9',
                wanted:
                  'no fault: 0 stale reads past the promise, and 0 without a cache, which cannot have any',
                measured: `${own.staleBeyond} (${own.stale} within it); without a cache ${control}`,
                // If the control is not clean, the measurement is wrong, and proves nothing for us either.
                met: own.staleBeyond === 0 && control === 0,
              },
            ],
    };
  },
};

/** Reads that were answered from the database and stored nowhere: a write was under way. */
const fencedOf = (reads: readonly Fact[]): number =>
  reads.filter(([, , , , source]) => source === 'miss').length;
