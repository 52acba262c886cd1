/**
 * Whether the time of a refused log-in tells if the account exists: `node tests/security/tools/timing.ts [rounds]`. Known
 * names with a wrong password against unknown names, over HTTP, in random order, each name as often as the limit allows.
 * Prints Welch's z of the means and the z of Mann and Whitney's U; under 3 is what chance does.
 */
import process from 'node:process';
import { startServer } from '../server.ts';

const perName = 4;
const rounds = Number(process.argv[2] ?? 500);
const names = Math.ceil(rounds / perName);

await using server = await startServer('node', {
  LIMIT_LOGIN_PER_MINUTE: '0',
  LIMIT_REGISTER_PER_MINUTE: '0',
  ...(process.env['DATABASE_URL'] === undefined ? {} : { DATABASE_URL: process.env['DATABASE_URL'] }),
});

const post = async (path: string, body: object): Promise<number> => {
  const response = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  await response.arrayBuffer();
  return response.status;
};

const password = 'correct horse battery staple';
const run = Date.now().toString(36);
for (let n = 0; n < names; n++) {
  const status = await post('/auth/register', {
    email: `known${n}-${run}@example.com`,
    username: `known${n}-${run}`,
    password,
  });
  if (status !== 201) throw new Error(`registration ${n}: ${status}`);
}

type Sample = { readonly kind: 'known' | 'unknown'; readonly ms: number };
const plan = Array.from({ length: names * perName }, (_, n) => n % names).flatMap((n) => [
  { kind: 'known' as const, identifier: `known${n}-${run}` },
  { kind: 'unknown' as const, identifier: `stray${n}-${run}` },
]);
for (let n = plan.length - 1; n > 0; n--) {
  const other = Math.floor(Math.random() * (n + 1));
  const [a, b] = [plan[n], plan[other]];
  if (a !== undefined && b !== undefined) [plan[n], plan[other]] = [b, a];
}
const samples: Sample[] = [];
for (const { kind, identifier } of plan) {
  const startedMs = performance.now();
  const status = await post('/auth/login', { identifier, password: `wrong ${password}` });
  samples.push({ kind, ms: performance.now() - startedMs });
  if (status !== 401) throw new Error(`${kind}: ${status}`);
}

const of = (kind: Sample['kind']): readonly number[] =>
  samples.filter((sample) => sample.kind === kind).map(({ ms }) => ms);
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const variance = (values: readonly number[]): number => {
  const middle = mean(values);
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1);
};
const quantile = (values: readonly number[], at: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(at * (values.length - 1))] ?? Number.NaN;

const [known, unknown] = [of('known'), of('unknown')];
const welch =
  (mean(known) - mean(unknown)) /
  Math.sqrt(variance(known) / known.length + variance(unknown) / unknown.length);
const ranked = [...samples].sort((a, b) => a.ms - b.ms);
const rankSum = ranked.reduce((sum, { kind }, index) => (kind === 'known' ? sum + index + 1 : sum), 0);
const [n, m] = [known.length, unknown.length];
const u = rankSum - (n * (n + 1)) / 2;
const mannWhitney = (u - (n * m) / 2) / Math.sqrt((n * m * (n + m + 1)) / 12);

const line = (kind: string, values: readonly number[]): string =>
  `${kind}: n=${values.length} mean=${mean(values).toFixed(2)} ms p50=${quantile(values, 0.5).toFixed(2)} p95=${quantile(values, 0.95).toFixed(2)}`;
process.stdout.write(
  `${line('known name, wrong password', known)}\n${line('unknown name', unknown)}\nz (Welch, means) = ${welch.toFixed(2)}\nz (Mann-Whitney) = ${mannWhitney.toFixed(2)}\n`,
);
process.exitCode = Math.abs(welch) < 3 && Math.abs(mannWhitney) < 3 ? 0 : 1;
