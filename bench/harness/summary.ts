import type { Report, Row } from './benchmark.ts';
import type { Results } from './document.ts';

/** A line of the summary: a column of a benchmark, and which of its rows is whose. `undefined`: it has none. */
type Line = {
  readonly title: string;
  readonly benchmark: string;
  readonly column: string;
  readonly rows: readonly (string | undefined)[];
};

const whose = ['Kith', 'Bentocache', 'cacheable', 'DEL after the commit'];
const fleet = [
  'Kith',
  'bentocache, two tiers and bus',
  'cacheable, two tiers and CacheSync',
  'cache-aside, DEL after the commit',
];
const cut = fleet.map((name) => `${name}, cut`);

const lines: readonly Line[] = [
  {
    title: 'a hit in memory, us of CPU',
    benchmark: 'memory-hit',
    column: 'CPU per operation, us',
    rows: [
      'Kith, getUser by id, memory over Redis',
      'bentocache, two tiers, as installed',
      'cacheable, two tiers',
      undefined,
    ],
  },
  {
    title: 'a hit in Redis, us of CPU',
    benchmark: 'redis-hit',
    column: 'CPU per operation, us',
    rows: ['Kith, getUser by id', 'bentocache, Redis alone', 'cacheable, Redis alone', undefined],
  },
  {
    title: 'database queries per 1,000 reads, 4 processes',
    benchmark: 'zipf',
    column: 'queries per 1,000 reads',
    rows: fleet,
  },
  { title: 'stale reads, of 95,000', benchmark: 'zipf', column: 'stale reads', rows: fleet },
  { title: 'the stalest of them, ms', benchmark: 'zipf', column: 'the stalest, ms', rows: fleet },
  {
    title: 'one process cut off from Redis for 2 s: stale for over 2.5 s',
    benchmark: 'faults',
    column: 'stale over 2500 ms',
    rows: cut,
  },
  {
    title: 'users that are still wrong 4 s later',
    benchmark: 'faults',
    column: 'wrong at the end',
    rows: cut,
  },
  {
    title: 'the slowest read in the process that was cut off, ms',
    benchmark: 'faults',
    column: 'slowest read, ms',
    rows: cut,
  },
  { title: 'operations that failed', benchmark: 'faults', column: 'failed', rows: cut },
];

/** The few numbers that the README shows, by the names that they have in the tables. */
export const toSummary = ({ results }: Results): Report => ({
  columns: whose,
  rows: lines.map(({ title, benchmark, column, rows }): Row => {
    const report = results.find(({ name }) => name === benchmark)?.report;
    const index = report?.columns.indexOf(column) ?? -1;
    return {
      name: title,
      cells: rows.map((name) => {
        if (name === undefined) return '';
        const cell = report?.rows.find((row) => row.name === name)?.cells[index];
        if (cell === undefined) throw new Error(`${benchmark} has no ${name}, ${column}`);
        return typeof cell === 'object' ? cell.median : cell;
      }),
    };
  }),
  verdicts: [],
});
