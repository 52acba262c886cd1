/**
 * `main.ts [--short] [--no-peers] [--no-save] [--minutes=10] [name ...]`: measures, prints the tables, and writes
 * bench/results/<runtime>.json. Benchmarks that are named replace their part of the last results. Where those of Node have
 * all benchmarks, docs/performance.md and a part of the README are made of them.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { ensurePostgres, needRedis } from '../scripts/servers.ts';
import { benchmarks } from './benchmarks.ts';
import type { Benchmark, Context, Report } from './harness/benchmark.ts';
import { between, readResults, withResults } from './harness/document.ts';
import { describeMachine } from './harness/machine.ts';
import { toSummary } from './harness/summary.ts';
import { toTable, toVerdicts } from './harness/table.ts';
import { arePeersInstalled, openWorld } from './harness/world.ts';

const names = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const short = process.argv.includes('--short');
const minutes = process.argv.find((argument) => argument.startsWith('--minutes='))?.split('=')[1];
const peers = !process.argv.includes('--no-peers') && arePeersInstalled();

const wanted: readonly Benchmark[] =
  names.length === 0 ? benchmarks : benchmarks.filter(({ name }) => names.includes(name));
const say = (text: string): void => void process.stdout.write(`${text}\n`);

process.env['TEST_REDIS_SERVER'] ??= needRedis();
const postgres = await ensurePostgres();
process.env['TEST_DATABASE_URL'] = postgres.url;
const machine = describeMachine();
say(
  Object.entries(machine)
    .map(([what, value]) => `${what} ${value}`)
    .join(', '),
);
if (!peers) say('without the peers: `npm ci` in bench/peers installs them');

const results: { name: string; title: string; about: string; report: Report }[] = [];
const runtime = machine['runtime']?.split(' ')[0]?.toLowerCase() ?? 'unknown';
const folder = new URL('./results/', import.meta.url);
mkdirSync(folder, { recursive: true });
const file = new URL(`${runtime}${short ? '-short' : ''}.json`, folder);
const before = readResults(file)?.results ?? [];

/** What there is so far, after each benchmark: a long run may be broken off. */
const save = (): void => {
  if (process.argv.includes('--no-save')) return;
  const merged = benchmarks.flatMap(
    ({ name }) => [...results, ...before].find((result) => result.name === name) ?? [],
  );
  writeFileSync(file, `${JSON.stringify({ machine, results: merged }, null, 2)}\n`);
  // The page is about whole runs.
  const [node, deno] = ['node', 'deno'].map((name) => readResults(new URL(`${name}.json`, folder)));
  if (short || node?.results.length !== benchmarks.length) return;
  const page = new URL('../docs/performance.md', import.meta.url);
  const whole = deno?.results.length === benchmarks.length ? deno : undefined;
  writeFileSync(page, withResults(readFileSync(page, 'utf8'), node, whole));
  const readme = new URL('../README.md', import.meta.url);
  writeFileSync(readme, between(readFileSync(readme, 'utf8'), [toTable(toSummary(node))]));
};

try {
  const population = short ? 200 : 10_000;
  await using world = await openWorld(population);
  const context: Context = {
    // So many that all of them and the pointers to them fit into a memory of 10,000 entries.
    settings: { ...world.settings, people: Math.min(population, 2_000) },
    population,
    pace: short ? { rounds: 2, roundMs: 5, warmUpMs: 0 } : { rounds: 15, roundMs: 250, warmUpMs: 4500 },
    short,
    minutes: minutes === undefined ? undefined : Number(minutes),
    peers,
    clean: () => world.clean(),
  };
  for (const { name, title, about, run } of wanted) {
    await world.clean();
    say(`\n## ${title} (${name})\n\n${about}\n`);
    const report = await run(context);
    say(toTable(report));
    results.push({ name, title, about, report });
    save();
  }
} finally {
  await postgres.stop();
}
say(`\n## Targets\n\n${toVerdicts({ measured: results.map(({ report }) => report) })}`);
