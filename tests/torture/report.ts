import type { Violation, ViolationKind } from './facts.ts';

/** What came of one scenario. */
export type Outcome = {
  readonly scenario: string;
  readonly reads: number;
  readonly writes: number;
  /** Of the answers: those that said they came from there. */
  readonly fromMemory: number;
  readonly fromRedis: number;
  readonly violations: readonly Violation[];
  readonly serverErrors: number;
  readonly unanswered: number;
  /** How often a writer woke the others, because its fences had not been confirmed. */
  readonly unconfirmed: number;
  /** Of the reads that were answered, in milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
};

/** The value below which a part of them is, in [0, 1]. */
export const quantile = (values: readonly number[], part: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
};

const counted: readonly (readonly [title: string, kind: ViolationKind])[] = [
  ['stale', 'stale'],
  ['old tokens', 'old token'],
  ['wrong owner', 'wrong owner'],
  ['lost writes', 'lost write'],
  ['wrong after', 'after quiescence'],
  ['refused', 'wrongly refused'],
  ['errors', 'error'],
];

/** One line a scenario, and a sum. */
export const table = (outcomes: readonly Outcome[]): string => {
  const count = ({ violations }: Outcome, kind: ViolationKind): number =>
    violations.filter((violation) => violation.kind === kind).length;
  const header = [
    ...['scenario', 'operations', 'reads', 'memory', 'redis', 'writes', 'unconfirmed'],
    ...counted.map(([title]) => title),
    ...['5xx', 'no answer', 'p50 ms', 'p99 ms', 'max ms'],
  ];
  const rows = outcomes.map((outcome) => [
    outcome.scenario,
    ...[outcome.reads + outcome.writes, outcome.reads, outcome.fromMemory, outcome.fromRedis].map(String),
    ...[outcome.writes, outcome.unconfirmed].map(String),
    ...counted.map(([, kind]) => `${count(outcome, kind)}`),
    ...[outcome.serverErrors, outcome.unanswered].map(String),
    ...[outcome.p50Ms, outcome.p99Ms, outcome.maxMs].map((ms) => ms.toFixed(1)),
  ]);
  const sums = header.map((_, column) => rows.reduce((sum, row) => sum + Number(row[column]), 0));
  const last = header.map((_, column) =>
    column === 0 ? 'all' : column > header.length - 4 ? '' : `${sums[column]}`,
  );
  const all = [header, ...rows, last];
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all
    .map((row) =>
      row
        .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
        .join('  '),
    )
    .join('\n');
};
