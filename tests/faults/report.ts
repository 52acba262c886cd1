/**
 * Runs every row on both runtimes and writes docs/faults.md: `node tests/faults/report.ts [--short]`. Exits with 1 if a
 * row is not met.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensurePostgres, needRedis } from '../../scripts/servers.ts';
import type { Check } from './checks.ts';
import { type Finding, openSharedScene, runRow } from './running.ts';
import type { Runtime } from './server.ts';
import { rows } from './table.ts';
import { versions } from './versions.ts';

const runtimes: readonly Runtime[] = ['node', 'deno'];
const page = fileURLToPath(new URL('../../docs/faults.md', import.meta.url));
const isShort = parseArgs({ options: { short: { type: 'boolean' } } }).values.short === true;

const runAll = async (runtime: Runtime): Promise<readonly Finding[]> => {
  await using shared = openSharedScene(runtime);
  const findings: Finding[] = [];
  for (const row of rows) {
    const finding = await runRow(row, shared, { runtime, isWhole: !isShort, slack: 1 });
    process.stdout.write(`${runtime} ${isMet(finding) ? 'met    ' : 'NOT MET'} ${row.name}\n`);
    for (const { what, value, limit, isMet } of finding.checks.all) {
      if (!isMet) process.stdout.write(`        ${what}: ${value}, not ${limit}\n`);
    }
    if (finding.error !== undefined) process.stdout.write(`        ${finding.error}\n`);
    findings.push(finding);
  }
  return findings;
};

const isMet = ({ checks, error }: Finding): boolean => error === undefined && checks.isMet;

const inCell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** Zeros and yeses are what was expected; the numbers are worth the room. */
const shown = ({ checks, error }: Finding): string => {
  const interesting = ({ value, isMet }: Check): boolean => !isMet || !['0', 'yes', 'told'].includes(value);
  const parts = checks.all
    .filter(interesting)
    .map(({ what, value, limit, isMet }) =>
      isMet ? `${what} ${value}` : `**${what} ${value}, not ${limit}**`,
    );
  if (error !== undefined) parts.push('**it threw**');
  return inCell(`${error === undefined && checks.isMet ? '✓' : '✗'} ${parts.join('; ')}`);
};

process.env['TEST_REDIS_SERVER'] = needRedis();
const postgres = await ensurePostgres();
process.env['TEST_DATABASE_URL'] = postgres.url;
const madeWith = await versions(process.env['TEST_REDIS_SERVER']);
const byRuntime = new Map<Runtime, readonly Finding[]>();
for (const runtime of runtimes) byRuntime.set(runtime, await runAll(runtime));
await postgres.stop();

const lines = rows.map(({ fault, name }, n) => {
  const cells = runtimes.map((runtime) => {
    const finding = byRuntime.get(runtime)?.[n];
    return finding === undefined ? '' : shown(finding);
  });
  return `| ${inCell(fault)} | ${inCell(name)} | ${cells.join(' | ')} |`;
});
const all = [...byRuntime.values()].flat();
const limits = byRuntime.get('node')?.flatMap(({ checks }) => checks.all) ?? [];
const assertions = new Map(limits.map(({ what, limit }) => [what, limit]));
await mkdir(new URL('../../docs', import.meta.url), { recursive: true });
await writeFile(
  page,
  `# Faults

What users see in each fault, measured. Made by \`npm run faults\` on ${new Date().toISOString().slice(0, 10)}: ${madeWith}.
${all.filter(isMet).length} of ${all.length} runs met everything.

Each row is the real server as a process with a Redis and a PostgreSQL of its own, each behind a proxy that fails on
command, under load from a few users at a time. In every row, besides what is shown: no answer differs from that of the
database (byte by byte for users whom nobody changes, by version and value for the others), no read is older than the
promised bound, no status is one that the fault does not allow, and no acknowledged write is lost. The log of an outage
says when it began, why, and when it was over, in at most 40 lines. Times are compared with those of the same run: of
reads past the cache, and of requests that need neither Redis nor PostgreSQL. 500 log-ins at once share one event loop
with everybody else, and the one core beside it with Argon2: their bound is 100 ms, or 4 times what 500 of the cheapest
requests cost the others, whichever is more.

| fault | what users see | on Node | on Deno |
| --- | --- | --- | --- |
${lines.join('\n')}

## What is asserted

${[...assertions].map(([what, limit]) => `- ${what}: ${limit}`).join('\n')}
`,
);
// At once: connections that a fault left half-open would keep this process for minutes.
process.exit(all.every(isMet) ? 0 : 1);
