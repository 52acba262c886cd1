/**
 * A server under load for minutes, its Redis hung in the middle: `node tests/faults/soak.ts [--minutes 10] [--deno]`.
 * Writes docs/soak.md and exits with 1 if memory grew or an answer was wrong.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { percentile } from './checks.ts';
import { lostWrites, type Outcome, refusedOf, startLoad, wrongsOf } from './load.ts';
import { cacheHealth, openScene } from './scene.ts';
import { soakPage } from './soak-page.ts';
import { slopeOf } from './trend.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, deno: { type: 'boolean', default: false } },
});
const minutes = Number(values.minutes);
const runtime = values.deno ? 'deno' : 'node';

const sampleEveryMs = 5000;
/** Caches fill, code is compiled: what is steady begins after this share of the time. */
const warmUpShare = 0.25;
/** Growth from the start of the steady part to its end, as its line of best fit has it. */
const maxGrowthPercent = 10;

await using scene = await openScene({ runtime });
const { server, people, redis } = scene;
const samples: { readonly atS: number; readonly residentMiB: number; readonly status: string }[] = [];
const wrong: string[] = [];
const refused: string[] = [];
const timesMs: number[] = [];
let requests = 0;

const startMs = performance.now();
const elapsedMs = (): number => performance.now() - startMs;
const totalMs = minutes * 60_000;
const hang = { fromMs: totalMs * 0.45, toMs: totalMs * 0.6 };
let isHung = false;

/** Loads of a few seconds each, so that what they found can be counted and forgotten. */
const judge = (outcomes: readonly Outcome[]): void => {
  requests += outcomes.length;
  wrong.push(...wrongsOf(outcomes));
  refused.push(...refusedOf(outcomes));
  timesMs.push(
    percentile(
      outcomes.map(({ ms }) => ms),
      0.99,
    ),
  );
};

while (elapsedMs() < totalMs) {
  const load = startLoad(server.url, people, { pauseMs: 10 });
  await sleep(sampleEveryMs);
  judge(await load.stop());
  const now = elapsedMs();
  if (!isHung && now >= hang.fromMs && now < hang.toMs) {
    redis.hang();
    isHung = true;
  } else if (isHung && now >= hang.toMs) {
    redis.resume();
    isHung = false;
  }
  // Only the last of what was acknowledged matters; the list would be this process's own leak.
  for (const { acknowledged } of people.changing) acknowledged.splice(0, acknowledged.length - 200);
  const { status } = await cacheHealth(server);
  const sample = {
    atS: Math.round(now / 1000),
    residentMiB: server.residentBytes() / 2 ** 20,
    status: `${status}`,
  };
  samples.push(sample);
  process.stdout.write(`${sample.atS} s  ${sample.residentMiB.toFixed(1)} MiB  ${sample.status}\n`);
}
if (isHung) redis.resume();

const steady = samples.filter(({ atS }) => atS * 1000 >= totalMs * warmUpShare);
const slope = slopeOf(steady.map(({ atS, residentMiB }) => [atS, residentMiB]));
const first = steady[0]?.residentMiB ?? 0;
const spanS = (steady.at(-1)?.atS ?? 0) - (steady[0]?.atS ?? 0);
const growthPercent = first === 0 ? Number.POSITIVE_INFINITY : (100 * slope * spanS) / first;
const lost = await lostWrites(server.url, people);
const verdict = {
  isFlat: growthPercent <= maxGrowthPercent,
  isRight: wrong.length === 0 && refused.length === 0 && lost.length === 0,
};

const page = soakPage({
  runtime,
  minutes,
  requests,
  samples,
  hang,
  growthPercent,
  maxGrowthPercent,
  warmUpShare,
  wrong,
  refused,
  lost,
  slowestP99Ms: Math.max(...timesMs),
  log: server.lines,
  verdict,
});
await mkdir(new URL('../../docs', import.meta.url), { recursive: true });
await writeFile(new URL('../../docs/soak.md', import.meta.url), page);
process.stdout.write(page);
process.exitCode = verdict.isFlat && verdict.isRight ? 0 : 1;
