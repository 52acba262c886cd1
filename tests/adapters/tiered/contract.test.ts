/** The cache as each kind of process has it: wired, configured and observed as it is in production. */

import { trace } from '@opentelemetry/api';
import { BasicTracerProvider } from '@opentelemetry/sdk-trace-base';
import { systemTimer } from '../../../adapters/system/clock.ts';
import { systemIds } from '../../../adapters/system/ids.ts';
import { Counts } from '../../../adapters/telemetry/counts.ts';
import { observeCache } from '../../../adapters/telemetry/observed-cache.ts';
import { findTracing, type Tracing } from '../../../adapters/telemetry/tracing.ts';
import { momentOn } from '../../../application/caching/ages.ts';
import { fenceTtlMs, leaseMs } from '../../../application/caching/limits.ts';
import { type Config, configFrom } from '../../../composition/config.ts';
import { observeRedis, openCache, openShared } from '../../../composition/resources.ts';
import type { SigningSecrets } from '../../../composition/signing-secret.ts';
import type { Cache } from '../../../domain/ports/cache.ts';
import type { Clock, Timer } from '../../../domain/ports/runtime.ts';
import { Secret } from '../../../domain/secret.ts';
import { type CacheUnderTest, describeCache } from '../../contracts/cache.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { believesAll as judge } from '../../support/proofs.ts';
import { openRedis } from '../../support/redis-server.ts';
import { openRestServer } from '../../support/rest-server.ts';
import { silentLog } from '../mikro-orm/support.ts';
import { ageKeys, MovableClock, until } from '../redis/fixture.ts';

const secrets: SigningSecrets = [new Secret('a secret of the test, 32 bytes or more')];

/** How a cache is looked at: not at all, with counts, or with counts and spans. */
type Observation = 'plain' | 'observed' | 'traced';

const observing = (clock: MovableClock | ManualClock, tracing: Tracing | undefined) => ({
  counts: new Counts(),
  clock,
  tracing,
});

/** The log was checked just now, so that the gate is open. */
const check = (cache: Cache, clock: Clock): void => {
  for (let times = 0; times < 2; times++) cache.checked('answered', momentOn(clock));
};

/** Memory alone: the whole cache of the only process, or of one among several whom only the log tells of the others. */
const openAlone = (config: Config, observation: Observation) => {
  const clock = new ManualClock();
  const cache = openCache({ config, shared: undefined, clock, ids: systemIds, judge });
  return {
    clock,
    cache: observation === 'plain' ? cache : observeCache(cache, observing(clock, undefined)),
  };
};

const openOnly = (observation: Observation) => async (): Promise<CacheUnderTest> => {
  const config = configFrom({ INSTANCES: 'one' });
  const { clock, cache } = openAlone(config, observation);
  return {
    caches: cache,
    whole: cache,
    leaseMs,
    fenceTtlMs,
    userTtlMs: config.cache.ttlsMs.user,
    advance: (ms) => clock.advance(ms),
    [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
  };
};

const openByLog = (observation: Observation) => async (): Promise<CacheUnderTest> => {
  const config = configFrom({ INSTANCES: 'many' });
  const { clock, cache } = openAlone(config, observation);
  const another = openCache({ config, shared: undefined, clock, ids: systemIds, judge });
  const checkBoth = () => [cache, another].forEach((each) => void check(each, clock));
  checkBoth();
  return {
    caches: cache,
    whole: cache,
    another: another,
    coordinates: false,
    leaseMs: config.cache.ttlsMs.user * 1.1,
    fenceTtlMs,
    userTtlMs: config.cache.ttlsMs.user,
    advance: async (ms) => {
      await clock.advance(ms);
      checkBoth();
    },
    [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
  };
};

/** A timer of which what repeats comes when the test says so. */
const beatingTimer = (): { readonly timer: Timer; readonly beat: () => Promise<unknown> } => {
  const works = new Set<() => Promise<void>>();
  const every: Timer['every'] = (_ms, work) => {
    works.add(work);
    return { [Symbol.dispose]: () => void works.delete(work) };
  };
  return { timer: { ...systemTimer, every }, beat: () => Promise.all([...works].map((work) => work())) };
};

/** Memory over a real Redis with its bus, for two processes. */
const openShares = (observation: Observation) => async (): Promise<CacheUnderTest> => {
  if (observation === 'traced') trace.setGlobalTracerProvider(new BasicTracerProvider());
  const tracing = findTracing();
  trace.disable();
  if ((tracing !== undefined) !== (observation === 'traced')) throw new Error('spans were not as expected');
  const server = await openRedis();
  const clock = new MovableClock();
  const { timer, beat } = beatingTimer();
  const config = configFrom({
    REDIS_HOST: server.address.host,
    REDIS_PORT: `${server.port}`,
    REDIS_COMMAND_TIMEOUT_MS: '1000',
  });
  const opened: AsyncDisposable[] = [server];
  const connect = async (): Promise<Cache> => {
    const shared = await openShared({ config, secrets, clock, timer, ids: systemIds, log: silentLog, judge });
    if (shared === undefined) throw new Error('there is no Redis');
    opened.push(shared);
    const needs = observing(clock, tracing);
    if (observation === 'plain') return openCache({ config, shared, clock, ids: systemIds, judge });
    const cache = openCache({
      config,
      shared: observeRedis({ shared, ...needs }),
      clock,
      ids: systemIds,
      judge,
    });
    return observeCache(cache, needs);
  };
  const caches = [await connect(), await connect()] as const;
  const [cache, another] = caches;
  /** The log was checked just now, and the bus proves that all was heard: reads go by memory, then by Redis. */
  const isProved = async (each: Cache): Promise<boolean> => {
    await beat();
    return (await each.health()).stalenessMs !== null;
  };
  const prove = async (): Promise<void> => {
    for (const each of caches) {
      check(each, clock);
      await until(() => isProved(each), 2000);
    }
  };
  await prove();
  return {
    caches: cache,
    whole: cache,
    another: another,
    staleAfterFenceMs: config.cache.maxStalenessMs,
    leaseMs,
    fenceTtlMs,
    userTtlMs: config.cache.ttlsMs.user,
    outage: { begin: () => server.kill(), deadlineMs: config.redis?.commandTimeoutMs ?? 0 },
    advance: async (ms) => {
      await ageKeys(server, ms);
      clock.move(ms);
      await prove();
    },
    [Symbol.asyncDispose]: async () => {
      for (const each of opened.reverse()) await each[Symbol.asyncDispose]();
    },
  };
};

/**
 * Memory over Upstash by REST, for two processes: each hears of the other from the log alone, whose check drops what the
 * other changed. Here the check of the other one drops everything.
 */
const openOverRest = async (): Promise<CacheUnderTest> => {
  const server = await openRestServer();
  const clock = new MovableClock();
  const config = configFrom({
    UPSTASH_REDIS_REST_URL: server.address.url,
    UPSTASH_REDIS_REST_TOKEN: Secret.reveal(server.address.token),
    // A server that is gone refuses at once.
    REDIS_COMMAND_TIMEOUT_MS: '3000',
    // The gate stays open from one check to the next, however busy the machine is.
    JOURNAL_BOUND_MS: '60000',
  });
  const opened: AsyncDisposable[] = [server];
  const connect = async (): Promise<Cache> => {
    const needs = { clock, timer: systemTimer, ids: systemIds, log: silentLog, judge };
    const shared = await openShared({ config, secrets, ...needs });
    if (shared === undefined) throw new Error('there is no Redis');
    opened.push(shared);
    const cache = openCache({
      ...{ config, clock, ids: systemIds, judge },
      shared: observeRedis({ shared, ...observing(clock, undefined) }),
    });
    check(cache, clock);
    await until(async () => !(await cache.health()).degraded, 15_000);
    return cache;
  };
  const caches = [await connect(), await connect()] as const;
  const [cache, another] = caches;
  return {
    caches: cache,
    whole: cache,
    another,
    // The next check comes when time passes.
    staleAfterFenceMs: 1,
    leaseMs,
    fenceTtlMs,
    userTtlMs: config.cache.ttlsMs.user,
    outage: { begin: () => server.close(), deadlineMs: config.redis?.commandTimeoutMs ?? 0 },
    advance: async (ms) => {
      await ageKeys(server.redis, ms);
      clock.move(ms);
      for (const each of caches) {
        if (each === another) each.forget();
        check(each, clock);
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const each of opened.reverse()) await each[Symbol.asyncDispose]();
    },
  };
};

describeCache('Memory for the only process', openOnly('plain'));
describeCache('Memory for the only process, observed', openOnly('observed'));
describeCache('Memory for one of several processes without Redis', openByLog('plain'));
describeCache('Memory for one of several processes without Redis, observed', openByLog('observed'));
describeCache('Memory over Upstash by REST', openOverRest);
describeCache('Memory over Redis', openShares('plain'));
describeCache('Memory over Redis, observed', openShares('observed'));
describeCache('Memory over Redis, observed and traced', openShares('traced'));
