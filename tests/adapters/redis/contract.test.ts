import { fenceTtlMs, leaseMs } from '../../../application/caching/limits.ts';
import { users } from '../../../application/records/user.ts';
import { type CacheUnderTest, describeCache } from '../../contracts/cache.ts';
import { openRedis } from '../../support/redis-server.ts';
import { ageKeys, MovableClock, openCache } from './fixture.ts';

const open = (poolSize: number) => async (): Promise<CacheUnderTest> => {
  const server = await openRedis();
  const clock = new MovableClock();
  const connect = () => openCache(server.address, { poolSize, commandTimeoutMs: 1000 }, clock);
  const [cache, another] = [await connect(), await connect()];
  return {
    caches: cache,
    another,
    leaseMs,
    fenceTtlMs,
    userTtlMs: users.ttlMs,
    outage: { begin: () => server.kill(), deadlineMs: 1000 },
    advance: async (ms) => {
      await ageKeys(server, ms);
      clock.move(ms);
    },
    [Symbol.asyncDispose]: async () => {
      for (const opened of [cache, another, server]) await opened[Symbol.asyncDispose]();
    },
  };
};

describeCache('RedisCache', open(1));
describeCache('RedisCache with four connections', open(4));
