import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../tests/support/redis-server.ts';
import type { Benchmark } from '../harness/benchmark.ts';
import { type Spread, spreadOf } from '../harness/rounds.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Linux counts a process's CPU in hundredths of a second (proc(5), fields 14 and 15). */
const tickMs = 10;

type Start = { readonly wallMs: number; readonly cpuMs: number };

export const start: Benchmark = {
  name: 'start',
  title: 'From the start of the process until it listens',
  about: 'composition/main.ts, unbuilt. Wall time depends on what else the machine does; CPU does less so.',
  run: async ({ settings, short }) => {
    const times = short ? 1 : 5;
    const postgres = await startOften(times, { DATABASE_URL: settings.postgresUrl });
    const withRedis = await startOften(times, {
      DATABASE_URL: settings.postgresUrl,
      REDIS_URL: `redis://127.0.0.1:${settings.redisPort}`,
    });
    const embedded = await startOften(short ? 1 : 3, {});
    const verdict = (wanted: string, { wallMs }: Spreads, mostMs: number) => ({
      target: 'P11',
      wanted: `${wanted}: under ${mostMs / 1000} s`,
      measured: `${(wallMs.median / 1000).toFixed(2)} s (least ${(wallMs.min / 1000).toFixed(2)} s)`,
      met: wallMs.median < mostMs,
    });
    return {
      columns: ['wall time, ms', 'CPU, ms'],
      rows: [
        { name: 'on PostgreSQL', cells: [postgres.wallMs, postgres.cpuMs] },
        { name: 'on PostgreSQL and Redis', cells: [withRedis.wallMs, withRedis.cpuMs] },
        { name: 'on a fresh PGlite', cells: [embedded.wallMs, embedded.cpuMs] },
      ],
      verdicts: [verdict('on PostgreSQL', postgres, 1000), verdict('on a fresh PGlite', embedded, 6000)],
    };
  },
};

type Spreads = { readonly wallMs: Spread; readonly cpuMs: Spread };

const startOften = async (times: number, environment: Readonly<Record<string, string>>): Promise<Spreads> => {
  const starts: Start[] = [];
  for (let time = 0; time < times; time++) starts.push(await startOnce(environment));
  return {
    wallMs: spreadOf(starts.map(({ wallMs }) => wallMs)),
    cpuMs: spreadOf(starts.map(({ cpuMs }) => cpuMs)),
  };
};

const startOnce = async (environment: Readonly<Record<string, string>>): Promise<Start> => {
  const directory = await mkdtemp(join(tmpdir(), 'kith-bench-'));
  const own = {
    PORT: `${await freePort()}`,
    OPS_PORT: 'off',
    DATA_DIR: directory,
    LOG_LEVEL: 'silent',
    ...environment,
  };
  const startMs = performance.now();
  const runtime = 'Deno' in globalThis ? ['run', '--allow-all', '--quiet'] : [];
  const child = spawn(process.execPath, [...runtime, 'composition/main.ts'], {
    cwd: root,
    env: { PATH: process.env['PATH'], JWT_SECRET: 'a secret of the benchmarks, 40 characters', ...own },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  try {
    let said = '';
    for await (const chunk of child.stderr) {
      said += chunk;
      if (!said.includes('listening on')) continue;
      return { wallMs: performance.now() - startMs, cpuMs: cpuMsOf(child.pid ?? 0) };
    }
    throw new Error(`the server did not start: ${said}`);
  } finally {
    const gone = once(child, 'exit');
    if (child.exitCode === null) {
      child.kill('SIGKILL');
      await gone;
    }
    await rm(directory, { recursive: true, force: true });
  }
};

const cpuMsOf = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
};
