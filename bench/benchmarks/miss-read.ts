import { atLeast, type Benchmark, costColumns, costRow, find } from '../harness/benchmark.ts';
import { measureSubjects } from '../harness/contest.ts';

const own = 'Kith, the repository by id';

export const missRead: Benchmark = {
  name: 'miss-read',
  title: 'A read by id from PostgreSQL',
  about: '64 callers at a time on 10 connections; the CPU is the client process, not the database.',
  run: async (context) => {
    const measured = await measureSubjects(context, 'miss-read.ts', [
      ['pg, a prepared statement', 'prepared'],
      [own, 'repository'],
      ['Kith, getUser that misses in memory and fills', 'useCase'],
    ]);
    return {
      columns: costColumns,
      rows: measured.map(costRow),
      verdicts: atLeast('P4', 'of the anchor', 0.6, find(measured, own)?.ofAnchor.median),
    };
  },
};
