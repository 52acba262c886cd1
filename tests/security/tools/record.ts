import { readFile, writeFile } from 'node:fs/promises';

const file = new URL('../../../docs/security-runs.md', import.meta.url);

/** A row of a table that a run writes; `key` says of which run, so that the same one again replaces it. */
export type Row = { readonly key: string; readonly cells: readonly (string | number)[] };

/**
 * Writes what runs found into docs/security-runs.md: under `heading`, in place of what was there, a text and a table. Rows
 * of other keys that are there stay, so that a long run can be done in parts.
 */
export const record = async (
  heading: string,
  columns: readonly string[],
  rows: readonly Row[],
  textOf: (rows: readonly (readonly string[])[]) => string,
): Promise<void> => {
  const before = await readFile(file, 'utf8');
  const [head = '', ...sections] = before.split(/\n(?=## )/);
  const old = sections.find((section) => section.startsWith(`## ${heading}\n`)) ?? '';
  const fresh = rows.map(({ key, cells }) => [key, ...cells.map(String)]);
  const kept = tableOf(old).filter(
    (cells) => cells.length === columns.length && !fresh.some(([key]) => key === cells[0]),
  );
  const all = [...kept, ...fresh].sort(([a = ''], [b = '']) => a.localeCompare(b, 'en', { numeric: true }));
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const table = [line(columns), line(columns.map(() => '---')), ...all.map(line)].join('\n');
  const section = `## ${heading}\n\n${textOf(all)}\n\n${table}\n`;
  const others = sections.filter((each) => each !== old);
  await writeFile(
    file,
    `${[head.trimEnd(), ...others, section].map((part) => part.trimEnd()).join('\n\n')}\n`,
  );
};

/** The rows below the head of the table in a section. */
const tableOf = (section: string): readonly (readonly string[])[] =>
  section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );

export const today = (): string => new Date().toISOString().slice(0, 10);
