import type { RedisCache, RedisCacheOptions } from '../../../../adapters/redis/redis-cache.ts';
import { RestClient } from '../../../../adapters/redis/rest/rest-client.ts';
import type { RestAddress } from '../../../../adapters/redis/rest/rest-url.ts';
import { byRest } from '../../../../adapters/redis/way.ts';
import type { Judge } from '../../../../application/caching/belief.ts';
import { users as userKind } from '../../../../application/records/user.ts';
import { believesAll } from '../../../support/proofs.ts';
import { openRestServer, type RestServer } from '../../../support/rest-server.ts';
import { kept, type LogLine, MovableClock, openCache, openLog } from '../fixture.ts';

/** Generous, for a busy machine; where a deadline has to end something, a test says a shorter one. */
const usualDeadlineMs = 10_000;
/** A lease that nobody misses, however long the machine takes. */
const patientLeaseMs = 60_000;

export const restOptions = (
  address: RestAddress,
  clock: MovableClock,
  commandTimeoutMs: number = usualDeadlineMs,
): Pick<RedisCacheOptions, 'open' | 'way' | 'commandTimeoutMs' | 'leaseMs'> => ({
  open: () => new RestClient(address, commandTimeoutMs, clock),
  way: byRest,
  commandTimeoutMs,
  leaseMs: patientLeaseMs,
});

export type RestSetUp = {
  readonly server: RestServer;
  readonly cache: RedisCache;
  readonly clock: MovableClock;
  readonly lines: readonly LogLine[];
};

/** A server and a started cache over it, both gone after the test. */
export const setUp = async (commandTimeoutMs?: number, judge: Judge = believesAll): Promise<RestSetUp> => {
  const server = kept(await openRestServer());
  const clock = new MovableClock();
  const { log, lines } = openLog();
  const options = restOptions(server.address, clock, commandTimeoutMs);
  const cache = kept(await openCache(server.redis.address, options, clock, log, judge));
  return { server, cache, clock, lines };
};

export const stateOf = async (cache: RedisCache, key: string): Promise<string> =>
  (await cache.of(userKind).read(key)).state;
