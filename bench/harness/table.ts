import type { Report } from './benchmark.ts';
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

export const toVerdicts = (reports: readonly Report[]): string =>
  toTable({
    columns: ['target', 'measured', 'met'],
    rows: reports
      .flatMap(({ verdicts }) => verdicts)
      .map(({ target, wanted, measured, met }) => ({
        name: target,
        cells: [wanted, measured, met ? 'yes' : '**no**'],
      })),
    verdicts: [],
  });
