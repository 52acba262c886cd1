import type { Benchmark } from '../harness/benchmark.ts';
import { watchIdle } from '../harness/idle-instance.ts';
import { measureOnPostgres } from '../harness/instances-on-postgres.ts';
import { measureOnRedis } from '../harness/instances-on-redis.ts';

const columns = ['a second', '% of a core', 'times the anchor', 'ms', 'buffers'];

export const instances: Benchmark = {
  name: 'instances',
  title: 'What instances cost that serve nobody',
  about:
    'An instance with PostgreSQL and Redis, started as always and left alone; its statements are counted by a proxy, its ' +
    'commands by MONITOR. Then 100 instances, of which only what they do to the servers is real: readers of the log with ' +
    'their two connections each, on a PostgreSQL of their own (without fsync and autovacuum), and a subscription with its ' +
    'pings each, on a Redis of their own. 1,000 changes a second are 100 statements of 10 rows, one after the other, and ' +
    'for Redis 1,000 users whose two records are fenced and released, by 20 instances. CPU is that of all processes of the ' +
    'server. The anchor asks `select 1` on 100 connections, 200 times a second.',
  run: async (context) => {
    // For as long as the others take, so that what it does once a minute is in it.
    await using idle = await watchIdle(context);
    const onPostgres = await measureOnPostgres(context);
    const onRedis = await measureOnRedis(context);
    const parts = [await idle.result(), onPostgres, onRedis];
    return {
      columns,
      rows: parts.flatMap(({ rows }) => rows),
      verdicts: parts.flatMap(({ verdicts }) => verdicts),
    };
  },
};
