import { setTimeout as sleep } from 'node:timers/promises';
import { openFaultProxy } from '../../support/fault-proxy.ts';
import { ask, fieldOf } from '../client.ts';
import { refusedOf, startLoad, write, wrongsOf } from '../load.ts';
import { populate } from '../people.ts';
import type { Row } from '../row.ts';
import {
  cacheHealth,
  isReady,
  openScene,
  openStage,
  readiness,
  until,
  untilDegraded,
  untilHealthy,
} from '../scene.ts';
import { startServer } from '../server.ts';
import { warm } from './database-fault.ts';

/** Redis is not there yet, does not let us in, or is not there for one of us. */
export const redisAccess: readonly Row[] = [
  {
    fault: 'Redis down at start',
    name: 'a server whose Redis is down starts, is ready, and uses Redis once it is there',
    run: async ({ runtime, checks, scene: shared }) => {
      await using opened = new AsyncDisposableStack();
      const stage = await openStage({ runtime, startRedis: false }, opened);
      const server = opened.use(await startServer({ runtime, environment: stage.environment }));
      const usualMs = (await shared()).server.startMs;
      checks.atMostMs('up after', server.startMs, Math.max(2000, 3 * usualMs), '2 s, or 3 usual starts');
      checks.is('ready', (await ask(`${server.url}/health/ready`)).status, 200);
      checks.is('cache', (await cacheHealth(server)).status, 'degraded');
      const people = await populate(server.url, 2, 0);
      const load = startLoad(server.url, people);
      await sleep(500);
      await stage.redis.start();
      const startedAtMs = performance.now();
      const healthyMs = await untilHealthy(server, 6000);
      await sleep(300);
      const outcomes = await load.stop();
      const hit = outcomes.find(({ cacheStatus }) => /detail=redis|stored/.test(cacheStatus));
      const hitMs = hit === undefined ? Number.POSITIVE_INFINITY : hit.startedAtMs + hit.ms - startedAtMs;
      checks.atMostMs('in use after', Math.max(hitMs, healthyMs ?? Number.POSITIVE_INFINITY), 3000);
      checks.none('wrong answers', wrongsOf(outcomes));
      checks.none('refusals', refusedOf(outcomes));
    },
  },
  {
    fault: 'auth failure or rotated password',
    name: 'a Redis that refuses our password is none; a password that becomes right is picked up',
    run: async ({ runtime, checks }) => {
      await using opened = new AsyncDisposableStack();
      const stage = await openStage({ runtime }, opened);
      await stage.redis.command('ACL', 'SETUSER', 'kith', 'on', '>old', '~*', '&*', '+@all');
      const environment = {
        ...stage.environment,
        REDIS_URL: `redis://kith:new@127.0.0.1:${stage.toRedis.port}`,
      };
      const server = opened.use(await startServer({ runtime, environment }));
      await readiness(server, 5000);
      checks.is('cache', (await cacheHealth(server)).status, 'degraded');
      const people = await populate(server.url, 3, 1);
      const load = startLoad(server.url, people);
      await sleep(500);
      await stage.redis.command('ACL', 'SETUSER', 'kith', '>new');
      checks.atMostMs('in use after', (await untilHealthy(server, 6000)) ?? Number.POSITIVE_INFINITY, 3000);
      // Rotated under us: those who are connected stay, until they have to connect again.
      await stage.redis.command('ACL', 'SETUSER', 'kith', 'resetpass', '>newer');
      await stage.redis.command('CLIENT', 'KILL', 'USER', 'kith');
      checks.atMostMs(
        'degraded after',
        (await untilDegraded(server, 6000)) ?? Number.POSITIVE_INFINITY,
        2000,
      );
      await sleep(300);
      await stage.redis.command('ACL', 'SETUSER', 'kith', '>new');
      checks.atMostMs(
        'in use again after',
        (await untilHealthy(server, 6000)) ?? Number.POSITIVE_INFINITY,
        3000,
      );
      const outcomes = await load.stop();
      checks.none('wrong answers', wrongsOf(outcomes));
      checks.none('refusals', refusedOf(outcomes));
      checks.holds('no password in the log', !/newer|kith:new|>new/.test(server.output));
    },
  },
  {
    fault: 'one instance cut off from Redis, others not',
    name: 'an instance that lost Redis reads right, and the others are behind by the bound at most',
    run: async ({ runtime, checks, pace }) => {
      await using scene = await openScene({ runtime });
      await using alone = await openFaultProxy({ host: '127.0.0.1', port: scene.redis.port });
      await using cutOff = await scene.startAnother({ REDIS_URL: `redis://127.0.0.1:${alone.port}` });
      await untilHealthy(cutOff, 5000);
      const { people, server } = scene;
      // Everybody writes through the one that is cut off; readers are on both.
      const [first, second] = [startLoad(cutOff.url, people), startLoad(server.url, people, { writers: 0 })];
      await sleep(500);
      alone.set('cut');
      checks.atMostMs(
        'degraded after',
        (await untilDegraded(cutOff, 6000)) ?? Number.POSITIVE_INFINITY,
        2000,
      );
      await sleep(pace(2500, 8000));
      const own: string[] = [];
      const user = people.changing[0];
      await first.stop();
      for (let n = 0; user !== undefined && n < 20; n++) {
        const written = await write(cutOff.url, user);
        const read = await ask(`${cutOff.url}/me`, { token: user.token });
        const [version, found] = [written, read].map(({ text }) => Number(fieldOf(text, 'version')));
        if (version !== found) own.push(`${found} after ${version}`);
      }
      alone.set('pass');
      checks.holds('healthy again', (await untilHealthy(cutOff, 5000)) !== undefined);
      const outcomes = [...first.outcomes, ...(await second.stop())];
      checks.none('own writes not read', own);
      checks.none('wrong answers', wrongsOf(outcomes));
      checks.none('refusals', refusedOf(outcomes));
    },
  },
  {
    fault: 'Redis and database both gone',
    name: 'with Redis and PostgreSQL gone at once it is 503 within 2 s, and never 401 for a valid token',
    run: async ({ checks, pace, scene: shared }) => {
      const scene = await shared();
      const { server, people, toRedis, toDatabase } = scene;
      await untilHealthy(server, 10_000);
      await warm(scene);
      const load = startLoad(server.url, people);
      await sleep(400);
      toRedis.set('black-hole');
      toDatabase.set('black-hole');
      await sleep(pace(3000, 6000));
      toRedis.set('pass');
      toDatabase.set('pass');
      const healthyMs = await until(
        async () => (await cacheHealth(server)).status === 'healthy' && (await isReady(server)),
        10_000,
      );
      await readiness(server, 10_000);
      await sleep(300);
      const outcomes = await load.stop();
      checks.none('wrong answers', wrongsOf(outcomes));
      const refused = outcomes.filter(({ status }) => status !== 200);
      checks.is('refused with', [...new Set(refused.map(({ status }) => status))].join(), '503');
      checks.atMostMs('slowest answer', Math.max(...outcomes.map(({ ms }) => ms)), 2000);
      checks.atMostMs('healthy after', healthyMs ?? Number.POSITIVE_INFINITY, 3000);
    },
  },
];
