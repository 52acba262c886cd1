/** Runs rows by hand: `node tests/faults/run.ts [--deno] [--whole] [part of a name ...]`. */
import process from 'node:process';
import { parseArgs } from 'node:util';
import { openSharedScene, runRow } from './running.ts';
import { rows } from './table.ts';

const { values, positionals } = parseArgs({
  options: { deno: { type: 'boolean' }, whole: { type: 'boolean' } },
  allowPositionals: true,
});
const runtime = values.deno === true ? 'deno' : 'node';
await using shared = openSharedScene(runtime);
for (const row of rows) {
  if (positionals.length > 0 && !positionals.some((part) => row.name.includes(part))) continue;
  const startMs = performance.now();
  const { checks, error } = await runRow(row, shared, { runtime, isWhole: values.whole === true, slack: 1 });
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  process.stdout.write(`${error === undefined && checks.isMet ? 'ok ' : 'NOT'} ${seconds} s  ${row.name}\n`);
  for (const { what, value, limit, isMet } of checks.all) {
    process.stdout.write(`        ${isMet ? '  ' : '! '}${what}: ${value}${isMet ? '' : ` (${limit})`}\n`);
  }
  if (error !== undefined) process.stdout.write(`        ! ${error}\n`);
}
