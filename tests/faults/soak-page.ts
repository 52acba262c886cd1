import type { LogLine, Runtime } from './server.ts';

export type Soak = {
  readonly runtime: Runtime;
  readonly minutes: number;
  readonly requests: number;
  readonly samples: readonly {
    readonly atS: number;
    readonly residentMiB: number;
    readonly status: string;
  }[];
  readonly hang: { readonly fromMs: number; readonly toMs: number };
  readonly growthPercent: number;
  readonly maxGrowthPercent: number;
  readonly warmUpShare: number;
  readonly wrong: readonly string[];
  readonly refused: readonly string[];
  readonly lost: readonly string[];
  readonly slowestP99Ms: number;
  readonly log: readonly LogLine[];
  readonly verdict: { readonly isFlat: boolean; readonly isRight: boolean };
};

const maxRows = 40;
const seconds = (ms: number): number => Math.round(ms / 1000);
const some = (found: readonly string[]): string =>
  found.length === 0 ? '0' : `${found.length} (${[...new Set(found)].slice(0, 3).join('; ')})`;

/** docs/soak.md. */
export const soakPage = (soak: Soak): string => {
  const every = Math.ceil(soak.samples.length / maxRows);
  const rows = soak.samples.filter((_, n) => n % every === 0);
  const events = soak.log.map(
    ({ time, event, cause }) => `${time} ${event}${cause ? ` (${String(cause)})` : ''}`,
  );
  return `# Soak

${soak.minutes} minutes under load on ${soak.runtime}, ${new Date().toISOString().slice(0, 10)}: ${soak.requests} requests, Redis hung (SIGSTOP)
from ${seconds(soak.hang.fromMs)} s to ${seconds(soak.hang.toMs)} s. Made by \`node tests/faults/soak.ts\`.

- memory: ${soak.verdict.isFlat ? 'flat' : '**it grew**'}: ${soak.growthPercent.toFixed(1)} % from the end of the warm-up (the first ${soak.warmUpShare * 100} % of the time) to the end, by the line of best fit; at most ${soak.maxGrowthPercent} % is flat
- wrong answers ${some(soak.wrong)}, refusals ${some(soak.refused)}, lost writes ${some(soak.lost)}
- slowest p99 of any five seconds: ${Math.round(soak.slowestP99Ms)} ms

| second | resident MiB | cache |
| --- | --- | --- |
${rows.map(({ atS, residentMiB, status }) => `| ${atS} | ${residentMiB.toFixed(1)} | ${status} |`).join('\n')}

What the server logged:

\`\`\`
${events.join('\n')}
\`\`\`
`;
};
