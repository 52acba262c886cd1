/**
 * The torture run: several servers, a real Redis and PostgreSQL of its own, faults of everything, clients that read and
 * write all the while, and a checker that holds what they saw against what Kith promises (consistency is told in
 * application/caching/protocol.ts). Exits with 1 if a promise was broken, with 2 if the run itself failed.
 */
import { writeFileSync } from 'node:fs';
import type { Violation } from './facts.ts';
import { isSame, judgeFile } from './judge.ts';
import { parseOptions, usage } from './options.ts';
import { type Outcome, table } from './report.ts';
import { run } from './run.ts';
import type { World } from './world.ts';

const maxShown = 5;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const showViolations = (violations: readonly Violation[]): void => {
  for (const { kind, text } of violations.slice(0, maxShown)) say(`  ${kind}: ${text}`);
  if (violations.length > maxShown) say(`  and ${violations.length - maxShown} more`);
};

const show = ({ scenario, reads, writes, violations }: Outcome, world: World): void => {
  say(`${scenario}: ${reads} reads, ${writes} writes, ${violations.length} violations`);
  showViolations(violations);
  if (violations.length === 0) return;
  world.keepLogs();
  say(`  the servers' logs are in ${world.logs}`);
};

/** From the file alone, which must say what the run said. */
const judgeAgain = async (file: string): Promise<number> => {
  const judgements = await judgeFile(file);
  for (const { conditions, violations } of judgements) {
    say(`${conditions.scenario}: ${violations.length} violations`);
    showViolations(violations);
  }
  if (!judgements.every(isSame)) throw new Error('the run itself had found something else');
  return judgements.some(({ violations }) => violations.length > 0) ? 1 : 0;
};

const main = async (): Promise<number> => {
  const options = parseOptions(process.argv.slice(2));
  if (options.judge !== undefined) return judgeAgain(options.judge);
  const { seed, minutes, processes, variant, json } = options;
  const what = variant === 'none' ? '' : `, the variant ${variant}`;
  say(`torture: seed ${seed}, ${minutes} minutes, ${processes} processes${what}`);
  say(`scenarios: ${options.scenarios.map(({ name }) => name).join(', ')}`);
  const outcomes = await run({ ...options, report: show });
  say(`\n${table(outcomes)}\nseed ${seed}`);
  if (json !== undefined)
    writeFileSync(json, `${JSON.stringify({ seed, minutes, variant, outcomes }, null, 2)}\n`);
  return outcomes.some(({ violations }) => violations.length > 0) ? 1 : 0;
};

/** The run itself failed: that proves nothing, neither way. */
const giveUp = (error: unknown): never => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n\n${usage}\n`);
  process.exit(2);
};

// The children go with us (children.ts), whoever ends us.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
process.on('unhandledRejection', giveUp);
try {
  process.exit(await main());
} catch (error) {
  giveUp(error);
}
