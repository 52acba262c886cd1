import { redisDefaults } from '../../adapters/redis/redis-cache.ts';
import { type CacheUnderTest, describeCache } from '../contracts/cache.ts';
import { openRedis, type RedisServer } from '../support/redis-server.ts';
import { MovableClock, openCache } from './fixture.ts';

/** Time passes in Redis by taking it off the time limit of every key. */
const age = `for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key) - ARGV[1]
  if left > 0 then redis.call('PEXPIRE', key, left) else redis.call('DEL', key) end
end`;

const open = (poolSize: number) => async (): Promise<CacheUnderTest> => {
  const server: RedisServer = await openRedis();
  const clock = new MovableClock();
  const cache = await openCache(server.address, { poolSize, commandTimeoutMs: 1000 }, clock);
  return {
    caches: cache.caches,
    leaseMs: redisDefaults.leaseMs,
    fenceTtlMs: redisDefaults.fenceTtlMs,
    userTtlMs: redisDefaults.ttlsMs.users,
    advance: async (ms) => {
      await server.command('EVAL', age, '0', `${Math.round(ms)}`);
      clock.move(ms);
    },
    [Symbol.asyncDispose]: async () => {
      await cache[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
};

describeCache('RedisCache', open(1));
describeCache('RedisCache with four connections', open(4));
