/**
 * Whether the time of a refused log-in tells something: `node tests/security/tools/timing.ts [rounds]`, on PGlite, or on
 * the PostgreSQL of DATABASE_URL. A round asks once for each way to be refused, in random order and each from an address
 * that was never there before; each way is then compared with an unknown name, round by round. Writes the result into
 * docs/security-runs.md. Ends with 1 if one |z| reaches 3.
 */
import { loadavg } from 'node:os';
import process from 'node:process';
import { startServer } from '../server.ts';
import { median, quantile, shuffled, signedRankZ } from '../statistics.ts';
import { record, today } from './record.ts';

const rounds = Number(process.argv[2] ?? 500);
/** The first rounds warm up what the others measure. */
const warmUps = 20;
/** Each name is guessed at less often than the limit over all origins allows (50). */
const perName = 25;
const names = Math.ceil((rounds + warmUps) / perName);
const run = Date.now().toString(36);

const { DATABASE_URL } = process.env;
await using server = await startServer('node', {
  LIMIT_LOGIN_PER_MINUTE: '0',
  LIMIT_REGISTER_PER_MINUTE: '0',
  TRUST_PROXY: '127.0.0.1',
  ...(DATABASE_URL === undefined ? {} : { DATABASE_URL }),
});

const post = async (path: string, body: object, origin: string, token = '') => {
  const startedMs = performance.now();
  const response = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-forwarded-for': origin,
      ...(token && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, text, ms: performance.now() - startedMs };
};

const password = 'correct horse battery staple';
const ways = {
  'wrong password': `wrong ${password}`,
  'empty password': '',
  'too long a password': 'x'.repeat(600),
  'deactivated, right password': password,
  'unknown name': `wrong ${password}`,
} as const;
type Way = keyof typeof ways;
const all: readonly Way[] = [
  'wrong password',
  'empty password',
  'too long a password',
  'deactivated, right password',
  'unknown name',
];
const nameOf = (way: Way, n: number): string => `${way.slice(0, 3)}${n}-${run}`.replace(' ', '');

for (const way of all.filter((each) => each !== 'unknown name')) {
  for (let n = 0; n < names; n++) {
    const username = nameOf(way, n);
    const home = '198.51.100.1';
    const { status, text } = await post(
      '/auth/register',
      { email: `${username}@example.com`, username, password },
      home,
    );
    if (status !== 201) throw new Error(`registration of ${username}: ${status}`);
    const token = /"access_token":"([^"]+)"/.exec(text)?.[1] ?? '';
    if (way.startsWith('deactivated')) await post('/me/deactivate', { password }, home, token);
  }
}

const measured: Record<Way, number[]> = {
  'wrong password': [],
  'empty password': [],
  'too long a password': [],
  'deactivated, right password': [],
  'unknown name': [],
};
let asked = 0;
for (let round = 0; round < rounds + warmUps; round++) {
  for (const way of shuffled(all, Math.random)) {
    const origin = `10.${(++asked >> 16) & 255}.${(asked >> 8) & 255}.${asked & 255}`;
    const body = { identifier: nameOf(way, round % names), password: ways[way] };
    const { status, ms } = await post('/auth/login', body, origin);
    if (status !== 401) throw new Error(`${way}: ${status}`);
    if (round >= warmUps) measured[way].push(ms);
  }
}

const database = DATABASE_URL === undefined ? 'PGlite' : 'PostgreSQL';
const unknown = measured['unknown name'];
const rows = all.map((way) => {
  const times = measured[way];
  const differences = times.map((ms, round) => ms - (unknown[round] ?? Number.NaN));
  const z = way === 'unknown name' ? undefined : signedRankZ(differences);
  return { way, times, z, difference: median(differences) };
});
for (const { way, times, z, difference } of rows) {
  process.stdout.write(
    `${database}, ${way}: p50 ${median(times).toFixed(2)} ms, p95 ${quantile(times, 0.95).toFixed(2)} ms, difference ${difference.toFixed(3)} ms, z ${z?.toFixed(2) ?? '-'}\n`,
  );
}
const load = loadavg()[0]?.toFixed(1) ?? '';
await record(
  'Timing of log-in',
  ['case', 'rounds', 'p50 (ms)', 'p95 (ms)', 'median difference (ms)', 'z', 'load', 'run on'],
  rows.map(({ way, times, z, difference }) => ({
    key: `${database}: ${way}`,
    cells: [
      rounds,
      median(times).toFixed(2),
      quantile(times, 0.95).toFixed(2),
      z === undefined ? '' : difference.toFixed(3),
      z === undefined ? '' : z.toFixed(2),
      load,
      today(),
    ],
  })),
  () =>
    `\`node tests/security/tools/timing.ts ${rounds}\`, and the same with \`DATABASE_URL\`, over HTTP on loopback. Each way to be refused against an unknown name: a round asks once for each, in random order, from addresses that were never there before, and the differences within a round are tested (Wilcoxon's signed ranks: one slow moment counts for one pair, and a load that comes and goes cancels out). |z| < 3 is what chance does. "load" is the machine's load average over 2 cores at the end of the run.`,
);
process.exitCode = rows.every(({ z = 0 }) => Math.abs(z) < 3) ? 0 : 1;
