import { RestClient } from '../../../../adapters/redis/rest/rest-client.ts';
import { byRest } from '../../../../adapters/redis/way.ts';
import { fenceTtlMs, leaseMs } from '../../../../application/caching/limits.ts';
import { users } from '../../../../application/records/user.ts';
import { type CacheUnderTest, describeCache } from '../../../contracts/cache.ts';
import { openRestServer } from '../../../support/rest-server.ts';
import { ageKeys, MovableClock, openCache } from '../fixture.ts';

/** Generous, for a busy machine: a server that is gone refuses at once. */
const deadlineMs = 10_000;

const open = async (): Promise<CacheUnderTest> => {
  const server = await openRestServer();
  const clock = new MovableClock();
  const connect = () =>
    openCache(
      server.redis.address,
      {
        open: () => new RestClient(server.address, deadlineMs, clock),
        way: byRest,
        commandTimeoutMs: deadlineMs,
      },
      clock,
    );
  const [cache, another] = [await connect(), await connect()];
  return {
    caches: cache,
    another,
    leaseMs,
    fenceTtlMs,
    userTtlMs: users.ttlMs,
    outage: { begin: () => server.close(), deadlineMs },
    advance: async (ms) => {
      await ageKeys(server.redis, ms);
      clock.move(ms);
    },
    [Symbol.asyncDispose]: async () => {
      for (const opened of [cache, another, server]) await opened[Symbol.asyncDispose]();
    },
  };
};

describeCache('RedisCache over REST', open);
