/**
 * A server under load for minutes, its Redis hung in the middle:
 * `node tests/faults/soak.ts [--minutes 10] [--deno] [--plant-leak] [--page docs/soak.md]`.
 * Exits with 0 if memory stayed flat and every answer was right, with 1 if not. Writes the page, by default docs/soak.md
 * (with --plant-leak none).
 */
import { writeFile } from 'node:fs/promises';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensurePostgres, needRedis } from '../../scripts/servers.ts';
import { percentile } from './checks.ts';
import { lostWrites, type Outcome, refusedOf, startLoad, wrongsOf } from './load.ts';
import { cacheHealth, openScene, until } from './scene.ts';
import type { ServerProcess } from './server.ts';
import { type Sample, soakPage } from './soak-page.ts';
import { growthPercent } from './trend.ts';
import { versions } from './versions.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    deno: { type: 'boolean', default: false },
    'plant-leak': { type: 'boolean', default: false },
    page: { type: 'string' },
  },
});
const minutes = Number(values.minutes);
const runtime = values.deno ? 'deno' : 'node';
const isPlanted = values['plant-leak'];
const page =
  values.page ?? (isPlanted ? undefined : fileURLToPath(new URL('../../docs/soak.md', import.meta.url)));

const sampleEveryMs = 5000;
/** Caches fill, code is compiled: what is steady begins after this share of the time. */
const warmUpShare = 0.25;
const maxLiveGrowthPercent = 5;
const maxResidentGrowthPercent = 10;

/** What is alive in the server, after it collected garbage at our signal. */
const sampleMemory = async (server: ServerProcess): Promise<{ live: number; resident: number }> => {
  const heaps = () => server.lines.filter(({ event }) => event === 'heap');
  const before = heaps().length;
  server.signal('SIGUSR2');
  if ((await until(() => heaps().length > before, 5000)) === undefined)
    throw new Error('the heap probe did not answer');
  const last = heaps().at(-1);
  return { live: Number(last?.['liveBytes']), resident: Number(last?.['residentBytes']) };
};

const soak = async (redisServer: string): Promise<boolean> => {
  await using scene = await openScene({
    runtime,
    preload: fileURLToPath(new URL('heap-probe.ts', import.meta.url)),
    exposeGc: true,
    environment: { KITH_SOAK_LEAK: isPlanted ? '1' : '0' },
  });
  const { server, people, redis } = scene;
  const samples: Sample[] = [];
  const wrong: string[] = [];
  const refused: string[] = [];
  const p99s: number[] = [];
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
    const timesMs = outcomes.map(({ ms }) => ms);
    p99s.push(percentile(timesMs, 0.99));
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
    const [{ status }, { live, resident }] = await Promise.all([cacheHealth(server), sampleMemory(server)]);
    const sample = {
      atS: Math.round(now / 1000),
      liveMiB: live / 2 ** 20,
      residentMiB: resident / 2 ** 20,
      status: `${status}`,
    };
    samples.push(sample);
    const memory = `${sample.liveMiB.toFixed(2)} MiB live, ${sample.residentMiB.toFixed(1)} MiB resident`;
    process.stdout.write(`${sample.atS} s  ${memory}  ${sample.status}\n`);
  }
  if (isHung) redis.resume();

  const steady = samples.filter(({ atS }) => atS * 1000 >= totalMs * warmUpShare);
  const live = {
    growthPercent: growthPercent(steady.map(({ atS, liveMiB }) => [atS, liveMiB])),
    maxPercent: maxLiveGrowthPercent,
  };
  const resident = {
    growthPercent: growthPercent(
      samples.filter(({ atS }) => atS * 1000 >= hang.toMs).map(({ atS, residentMiB }) => [atS, residentMiB]),
    ),
    maxPercent: maxResidentGrowthPercent,
  };
  const lost = await lostWrites(server.url, people);
  const verdict = {
    isFlat: [live, resident].every((growth) => growth.growthPercent <= growth.maxPercent),
    isRight:
      wrong.length === 0 &&
      refused.length === 0 &&
      lost.length === 0 &&
      // It hung at all, and that is over.
      samples.some(({ status }) => status === 'degraded') &&
      samples.at(-1)?.status === 'healthy',
  };
  const text = soakPage({
    runtime,
    versions: await versions(redisServer),
    minutes,
    requests,
    samples,
    hang,
    live,
    resident,
    warmUpShare,
    wrong,
    refused,
    lost,
    slowestP99Ms: Math.max(...p99s),
    log: server.lines,
    verdict,
  });
  if (page !== undefined) await writeFile(page, text);
  process.stdout.write(text);
  return verdict.isFlat && verdict.isRight;
};

const redisServer = needRedis();
process.env['TEST_REDIS_SERVER'] = redisServer;
const postgres = await ensurePostgres();
process.env['TEST_DATABASE_URL'] = postgres.url;
const isPassed = await soak(redisServer);
await postgres.stop();
// At once: connections that a fault left half-open would keep this process for minutes.
process.exit(isPassed ? 0 : 1);
