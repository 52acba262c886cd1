import { setTimeout as sleep } from 'node:timers/promises';
import { openFaultProxy } from '../../support/fault-proxy.ts';
import { openRedis } from '../../support/redis-server.ts';
import { ask, fieldOf } from '../client.ts';
import { write } from '../load.ts';
import { populate } from '../people.ts';
import type { Row } from '../row.ts';
import { openStage, readiness, until } from '../scene.ts';
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
    name: 'with REDIS_WAIT_REPLICAS=1, a fail-over to a replica that lacks the last writes serves nothing old',
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
      // As long as it takes until the journal would have been replayed, if that did not need the replica.
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
