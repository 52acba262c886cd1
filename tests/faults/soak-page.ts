import type { LogLine, Runtime } from './server.ts';

export type Sample = {
  readonly atS: number;
  /** After garbage was collected, in and outside of the heap. */
  readonly liveMiB: number;
  readonly residentMiB: number;
  readonly status: string;
};

export type Verdict = { readonly isFlat: boolean; readonly isRight: boolean };

export type Soak = {
  readonly runtime: Runtime;
  readonly versions: string;
  readonly minutes: number;
  readonly requests: number;
  readonly samples: readonly Sample[];
  readonly hang: { readonly fromMs: number; readonly toMs: number };
  readonly live: { readonly growthPercent: number; readonly maxPercent: number };
  readonly resident: { readonly growthPercent: number; readonly maxPercent: number };
  readonly warmUpShare: number;
  readonly wrong: readonly string[];
  readonly refused: readonly string[];
  readonly lost: readonly string[];
  readonly slowestP99Ms: number;
  readonly log: readonly LogLine[];
  readonly verdict: Verdict;
};

const maxRows = 40;
const seconds = (ms: number): number => Math.round(ms / 1000);
const some = (found: readonly string[]): string =>
  found.length === 0 ? '0' : `${found.length} (${[...new Set(found)].slice(0, 3).join('; ')})`;
const growth = (what: string, { growthPercent, maxPercent }: Soak['live']): string =>
  `${what}: ${growthPercent <= maxPercent ? 'flat' : '**it grew**'}, ${growthPercent.toFixed(1)} % (at most ${maxPercent} %)`;

/** docs/soak.md. */
export const soakPage = (soak: Soak): string => {
  const every = Math.ceil(soak.samples.length / maxRows);
  const rows = soak.samples.filter((_, n) => n % every === 0);
  const { isFlat, isRight } = soak.verdict;
  const events = soak.log
    .filter(({ event }) => event !== 'heap')
    .map(({ time, event, cause }) => `${time} ${event}${cause ? ` (${String(cause)})` : ''}`);
  const command = `node tests/faults/soak.ts --minutes ${soak.minutes}${soak.runtime === 'deno' ? ' --deno' : ''}`;
  return `# Soak

${isFlat && isRight ? 'Passed' : '**Not passed**'}: ${soak.minutes} minutes under load on ${soak.runtime}, ${soak.requests} requests, Redis hung (SIGSTOP) from
${seconds(soak.hang.fromMs)} s to ${seconds(soak.hang.toMs)} s. Made by \`${command}\` on ${new Date().toISOString().slice(0, 10)}: ${soak.versions}.

- wrong answers ${some(soak.wrong)}, refusals ${some(soak.refused)}, lost writes ${some(soak.lost)}
- ${growth('what lives after a forced collection of garbage, in the heap and beside it', soak.live)}
- ${growth('resident memory', soak.resident)}
- slowest p99 of any five seconds, writes included: ${Math.round(soak.slowestP99Ms)} ms

Growth is that of the line of best fit: of what lives from the end of the warm-up (the first ${soak.warmUpShare * 100} % of the time), of
resident memory, which V8 raises in steps, from the end of the hang. A leak shows in what lives; the wide bound on
resident memory is there for leaks outside of the heap. A planted leak (\`--plant-leak\`) is to be found.

| second | live MiB | resident MiB | cache |
| --- | --- | --- | --- |
${rows.map(({ atS, liveMiB, residentMiB, status }) => `| ${atS} | ${liveMiB.toFixed(1)} | ${residentMiB.toFixed(1)} | ${status} |`).join('\n')}

What the server logged:

\`\`\`
${events.join('\n')}
\`\`\`
`;
};
