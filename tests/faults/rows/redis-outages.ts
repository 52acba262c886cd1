import { setTimeout as sleep } from 'node:timers/promises';
import type { Row } from '../row.ts';
import { redisFault } from './redis-fault.ts';

const outage = 'dies, or hangs (SIGSTOP), under load';
const badNetwork = 'slow (500 ms), slow close, half-open TCP, RST storm, protocol garbage, `CLIENT PAUSE`';

/** Redis is away, or as good as away. */
export const redisOutages: readonly Row[] = [
  redisFault({
    fault: outage,
    name: 'a Redis that dies (SIGKILL) under load and comes back costs nobody an answer',
    inject: ({ redis }) => redis.kill(),
    heal: ({ redis }) => redis.start(),
  }),
  redisFault({
    fault: outage,
    name: 'a Redis that hangs (SIGSTOP) under load costs one deadline, then nothing',
    inject: ({ redis }) => redis.hang(),
    heal: ({ redis }) => redis.resume(),
  }),
  redisFault({
    fault: badNetwork,
    name: 'a Redis whose connections take 3 s to close is out of use before they are',
    inject: async ({ redis, toRedis }) => {
      toRedis.set({ closeMs: 3000 });
      await redis.kill();
    },
    heal: async ({ redis, toRedis }) => {
      toRedis.set('pass');
      await redis.start();
    },
  }),
  redisFault({
    fault: badNetwork,
    name: 'a Redis that takes 500 ms is out of use until it is quick again',
    inject: ({ toRedis }) => toRedis.set({ latencyMs: 500 }),
    heal: ({ toRedis }) => toRedis.set('pass'),
  }),
  redisFault({
    fault: badNetwork,
    name: 'half-open connections to Redis are noticed and made anew',
    inject: ({ toRedis }) => toRedis.set('black-hole'),
    heal: ({ toRedis }) => toRedis.set('pass'),
  }),
  redisFault({
    fault: badNetwork,
    name: 'a storm of resets on the way to Redis costs nobody an answer',
    inject: ({ toRedis }) => toRedis.reset(),
    during: async ({ toRedis }, ms) => {
      const endMs = performance.now() + ms;
      while (performance.now() < endMs) {
        toRedis.reset();
        await sleep(50);
      }
    },
    heal: () => undefined,
  }),
  redisFault({
    fault: badNetwork,
    name: 'a Redis that cannot be connected to is as good as none',
    inject: ({ toRedis }) => toRedis.set('cut'),
    heal: ({ toRedis }) => toRedis.set('pass'),
  }),
  redisFault({
    fault: badNetwork,
    name: 'protocol garbage from Redis is nobody’s answer',
    inject: ({ toRedis }) => toRedis.set('corrupt'),
    heal: ({ toRedis }) => toRedis.set('pass'),
  }),
  redisFault({
    fault: badNetwork,
    name: 'CLIENT PAUSE is a Redis that hangs',
    inject: ({ redis }) => redis.command('CLIENT', 'PAUSE', '2500', 'ALL'),
    // It takes no command, not even to end the pause.
    heal: ({ redis }) => redis.command('PING'),
  }),
];
