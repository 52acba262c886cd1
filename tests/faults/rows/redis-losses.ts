import { setTimeout as sleep } from 'node:timers/promises';
import { openFaultProxy } from '../../support/fault-proxy.ts';
import { openRedis } from '../../support/redis-server.ts';
import { ask, fieldOf } from '../client.ts';
import { refusedOf, startLoad, write, wrongsOf } from '../load.ts';
import { populate } from '../people.ts';
import type { Row } from '../row.ts';
import { openStage, readiness, until, untilDegraded, untilHealthy } from '../scene.ts';
import { startServer } from '../server.ts';
import { redisFault } from './redis-fault.ts';

const fault =
  'restart without data, FLUSHALL by hand, eviction, fail-over to a replica that lacks the last writes';

const repeat = async (ms: number, pauseMs: number, work: () => Promise<unknown>): Promise<void> => {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs) {
    await work();
    await sleep(pauseMs);
  }
};

/** Redis lost what it was told: fences and leases too. */
export const redisLosses: readonly Row[] = [
  redisFault({
    fault,
    name: 'a Redis that restarts empty leaves nothing old, and is filled again',
    degrades: false,
    inject: async ({ redis }) => {
      await redis.kill();
      await redis.start();
    },
    during: ({ redis }, ms) =>
      repeat(ms, 400, async () => {
        await redis.kill();
        await redis.start();
      }),
    heal: () => undefined,
  }),
  redisFault({
    fault,
    name: 'FLUSHALL by hand, ten times a second, leaves nothing old',
    degrades: false,
    inject: ({ redis }) => redis.command('FLUSHALL'),
    during: ({ redis }, ms) => repeat(ms, 100, () => redis.command('FLUSHALL')),
    heal: () => undefined,
  }),
  redisFault({
    fault,
    name: 'a Redis that evicts at random, fences too, leaves nothing old',
    degrades: false,
    inject: async ({ redis }) => {
      const used = /used_memory:(\d+)/.exec(String(await redis.command('INFO', 'memory')))?.[1];
      await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random');
      await redis.command('CONFIG', 'SET', 'maxmemory', `${Number(used) + 4000}`);
    },
    heal: async ({ redis }) => {
      await redis.command('CONFIG', 'SET', 'maxmemory', '0');
      await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    },
  }),
  {
    fault,
    name: 'a Redis that comes back empty to 64 readers at once sends few of them to the database',
    isForReportOnly: true,
    run: async ({ checks, scene: shared }) => {
      const { server, people, redis } = await shared();
      await untilHealthy(server, 10_000);
      const load = startLoad(server.url, people, { readers: 64, writers: 0, pauseMs: 1 });
      await sleep(500);
      await redis.kill();
      await untilDegraded(server, 5000);
      await sleep(500);
      await redis.start();
      const healthyMs = await untilHealthy(server, 10_000);
      const fromMs = performance.now();
      await sleep(1000);
      const outcomes = await load.stop();
      const reads = outcomes.filter(({ kind, startedAtMs }) => kind === 'cached' && startedAtMs >= fromMs);
      const missed = reads.filter(({ cacheStatus }) => !cacheStatus.includes('hit'));
      const records = people.settled.reduce((sum, { truth }) => sum + truth.size, people.changing.length);
      checks.holds('healthy again', healthyMs !== undefined);
      checks.none('wrong answers', wrongsOf(outcomes));
      checks.none('refusals', refusedOf(outcomes));
      checks.atLeast('reads in the second after it', reads.length, 5 * records);
      // One fills a record; those who ask in that moment do not wait for it.
      checks.atMost(`of them at the database, for ${records} records`, missed.length, 3 * records);
    },
  },
  {
    fault,
    name: 'with REDIS_WAIT_REPLICAS=1, a fail-over to a replica that lacks the last writes serves nothing old',
    isForReportOnly: true,
    run: async ({ runtime, checks, opened }) => {
      const stage = await openStage({ runtime, redisSettings: ['--repl-diskless-sync-delay', '0'] }, opened);
      const link = opened.use(await openFaultProxy({ host: '127.0.0.1', port: stage.redis.port }));
      const replica = opened.use(await openRedis(['--replicaof', `127.0.0.1 ${link.port}`]));
      await until(
        async () => `${await replica.command('INFO', 'replication')}`.includes('status:up'),
        10_000,
      );
      const environment = { ...stage.environment, REDIS_WAIT_REPLICAS: '1' };
      const server = opened.use(await startServer({ runtime, environment }));
      await readiness(server, 10_000);
      const scene = { ...stage, server, people: await populate(server.url, 1, 1) };
      const user = scene.people.changing[0];
      if (user === undefined) throw new Error('nobody to change');
      const me = `${scene.server.url}/me`;
      await until(async () => (await ask(me, { token: user.token })).cacheStatus.includes('hit'), 5000);
      await sleep(300);
      link.set('black-hole');
      const changed = await write(scene.server.url, user);
      checks.is('write without its replica', changed.status, 200);
      // Longer than the bound, within which whoever read on would know of the change by the log.
      await sleep(3000);
      await scene.redis.kill();
      await replica.command('REPLICAOF', 'NO', 'ONE');
      scene.toRedis.lead(replica.port);
      const other = opened.use(await startServer({ runtime, environment }));
      // Not until it is healthy: without a replica no invalidation is confirmed, so this Redis is not read from.
      await readiness(other, 5000);
      const version = Number(fieldOf(changed.text, 'version'));
      const old: string[] = [];
      await sleep(2600);
      for (const server of [scene.server, other]) {
        for (let n = 0; n < 20; n++) {
          const { status, text } = await ask(`${server.url}/me`, { token: user.token });
          const found = Number(fieldOf(text, 'version'));
          if (status !== 200 || found < version) old.push(`${status}: ${found} after ${version}`);
        }
      }
      checks.none('old or no answers after it', old);
    },
  },
];
