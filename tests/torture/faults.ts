import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from './people.ts';
import type { Random } from './random.ts';
import type { Mode } from './workload.ts';
import { postgresProxy, redisProxy, refusesAlone, type World } from './world.ts';

/** Something that goes wrong for `ms`, then is put right again. Resolves when it is. */
export type Fault = (world: World, random: Random, ms: number, mode: Mode, context: Context) => Promise<void>;

/** A proxy that fails for a while. */
const failing =
  (name: (world: World, random: Random) => string, fault: Parameters<World['proxies']['set']>[1]): Fault =>
  async ({ proxies, ...world }, random, ms) => {
    const proxy = name({ proxies, ...world }, random);
    await proxies.set(proxy, fault);
    await sleep(ms);
    await proxies.set(proxy, 'pass');
  };
const redisOfOne = ({ servers }: World, random: Random): string => redisProxy(random.pick(servers));
const postgresOfOne = ({ servers }: World, random: Random): string =>
  postgresProxy(random.pick(servers.filter(refusesAlone)));

/** Redis answers reads and refuses writes: the case where reads look healthy while invalidations fail. */
const refusals: readonly { readonly refuse: readonly string[]; readonly allow: readonly string[] }[] = [
  {
    refuse: ['CONFIG', 'SET', 'min-replicas-to-write', '1'],
    allow: ['CONFIG', 'SET', 'min-replicas-to-write', '0'],
  },
  { refuse: ['CONFIG', 'SET', 'maxmemory', '1'], allow: ['CONFIG', 'SET', 'maxmemory', '0'] },
  { refuse: ['REPLICAOF', '127.0.0.1', '1'], allow: ['REPLICAOF', 'NO', 'ONE'] },
  // No outage to a circuit breaker: only the gate sees that deletions are refused.
  { refuse: ['ACL', 'SETUSER', 'default', '-@write'], allow: ['ACL', 'SETUSER', 'default', '+@all'] },
];

export const nothing: Fault = async (_world, _random, ms) => {
  await sleep(ms);
};

export const redisKilled: Fault = async ({ redis }, _random, ms) => {
  await redis.kill();
  await sleep(ms);
  await redis.start();
};

/** Gone and back before anybody's deadline. */
export const redisRestarted: Fault = async ({ redis }) => {
  await redis.kill();
  await redis.start();
  await sleep(1000);
};

export const redisStopped: Fault = async ({ redis }, _random, ms) => {
  redis.hang();
  await sleep(ms);
  redis.resume();
};

/** Redis holds back every command, or only those that write, and runs them all when the pause is over. */
export const redisPaused: Fault = async ({ redis }, random, ms) => {
  await redis.command('CLIENT', 'PAUSE', `${Math.round(ms)}`, random.pick(['ALL', 'WRITE']));
  await sleep(ms);
  // It takes no command in a pause of all; this one waits for the end.
  await redis.command('PING');
};

export const redisFlushed: Fault = async ({ redis }, random, ms) => {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs) {
    await redis.command('FLUSHALL');
    await sleep(random.between(20, 300));
  }
};

export const redisCut: Fault = failing(redisOfOne, 'cut');
export const redisBlackHole: Fault = failing(redisOfOne, 'black-hole');
export const redisSlow: Fault = async ({ servers, proxies }, random, ms) => {
  const latencyMs = random.pick([5, 40, 300]);
  const slow = random.chance(0.5) ? servers : [random.pick(servers)];
  for (const server of slow) await proxies.set(redisProxy(server), { latencyMs });
  await sleep(ms);
  for (const server of slow) await proxies.set(redisProxy(server), 'pass');
};

export const redisReset: Fault = async ({ servers, proxies }, random, ms) => {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs) {
    await proxies.reset(redisProxy(random.pick(servers)));
    await sleep(random.between(20, 250));
  }
};

export const redisReadOnly: Fault = async ({ redis }, random, ms) => {
  const { refuse, allow } = random.pick(refusals);
  await redis.command(...refuse);
  await sleep(ms);
  await redis.command(...allow);
};

export const processStopped: Fault = async ({ servers }, random, ms) => {
  const server = random.pick(servers);
  server.stop();
  await sleep(Math.min(ms, 3000));
  server.resume();
};

export const processKilled: Fault = async ({ servers }, random, ms) => {
  const server = random.pick(servers);
  await server.kill();
  await sleep(Math.min(ms, 1000));
  await server.start();
};

export const postgresCut: Fault = failing(postgresOfOne, 'cut');
export const postgresBlackHole: Fault = failing(postgresOfOne, 'black-hole');
/** Every process of it; what was committed is there when it comes back. */
export const postgresKilled: Fault = async ({ postgres }, _random, ms) => {
  await postgres.kill();
  await sleep(ms);
  await postgres.start();
};

export const postgresStopped: Fault = async ({ postgres }, _random, ms) => {
  postgres.hang();
  await sleep(ms);
  postgres.resume();
};

export const rawSql: Fault = async (_world, _random, ms, mode) => {
  mode.rawSql = true;
  await sleep(ms);
  mode.rawSql = false;
};
