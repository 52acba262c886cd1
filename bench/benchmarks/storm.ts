import type { Benchmark, Row } from '../harness/benchmark.ts';
import { fleetsOf, openFleet } from '../harness/fleet.ts';
import { spreadOf } from '../harness/rounds.ts';

export const storm: Benchmark = {
  name: 'storm',
  title: 'A storm on one cold key',
  about: '4 processes with 1,000 callers each ask for one user at the same moment.',
  run: async (context) => {
    const rows: Row[] = [];
    let own = Number.NaN;
    for (const [title, subject] of fleetsOf(context)) {
      await using fleet = await openFleet(context, subject);
      const counts: number[] = [];
      for (let person = 0; person < (context.short ? 1 : 5); person++) {
        const loads = await Promise.all(
          fleet.members.map(async (member) => Number((await member.call('storm', person)).value)),
        );
        counts.push(loads.reduce((sum, count) => sum + count, 0));
      }
      const spread = spreadOf(counts);
      if (subject === 'kith') own = spread.max;
      rows.push({ name: title, cells: [spread] });
    }
    return {
      columns: ['database reads, of 4,000'],
      rows,
      verdicts: [
        {
          target: 'P7',
          wanted: 'at most one database read per process (1 in all when the others wait a few ms)',
          measured: `at most ${own}`,
          met: own <= 4,
        },
      ],
    };
  },
};
