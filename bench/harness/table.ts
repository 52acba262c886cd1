import type { Report, Verdict } from './benchmark.ts';
import type { Spread } from './rounds.ts';

type Cell = string | number | Spread;

const significant = (value: number): string => {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US');
  return Number(value.toPrecision(3)).toString();
};

/** A number, or a median with its ends. */
const show = (cell: Cell): string => {
  if (typeof cell === 'string') return cell;
  if (typeof cell === 'number') return significant(cell);
  return `${significant(cell.median)} (${significant(cell.min)}-${significant(cell.max)})`;
};

/** A report as a table in Markdown, which is also what a terminal gets. */
export const toTable = ({ columns, rows }: Report): string => {
  const lines = [['', ...columns], ...rows.map(({ name, cells }) => [name, ...cells.map(show)])];
  const widths = lines[0]?.map((_, column) => Math.max(3, ...lines.map((line) => line[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths?.[column] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = lines;
  return [line(head), line(head.map(() => '---')), ...body.map(line)].join('\n');
};

/** What became of the targets, on one runtime or on several of which each has measured them all. */
export const toVerdicts = (runs: Readonly<Record<string, readonly Report[]>>): string => {
  const verdicts = Object.values(runs).map((reports) => reports.flatMap((report) => report.verdicts));
  return toTable({
    columns: ['target', ...Object.keys(runs).flatMap((runtime) => [runtime, 'met'])],
    rows: (verdicts[0] ?? []).map(({ target, wanted }, index) => ({
      name: target,
      cells: [wanted, ...verdicts.flatMap((run) => cellsOf(run[index]))],
    })),
    verdicts: [],
  });
};

const cellsOf = (verdict: Verdict | undefined): readonly string[] =>
  verdict === undefined ? ['', ''] : [verdict.measured, verdict.met ? 'yes' : '**no**'];
