import { createHmac } from 'node:crypto';
import process from 'node:process';
import { createHttp, type Http, type HttpOptions } from '../adapters/http/http.ts';
import type { NotReady } from '../adapters/http/route.ts';
import { publicRoutes } from '../adapters/http/routes/routes.ts';
import { MemoryCache } from '../adapters/memory/memory-cache.ts';
import { inDataDirectory } from '../adapters/mikro-orm/data-directory.ts';
import { addressLimits, type ScriptStore } from '../adapters/rate-limit/address-limits.ts';
import type { RedisBusNeeds, RedisBusOptions } from '../adapters/redis/bus.ts';
import type { RedisCacheOptions } from '../adapters/redis/redis-cache.ts';
import { systemTimer } from '../adapters/system/clock.ts';
import { jsonLog } from '../adapters/system/log.ts';
import { StartRefused } from '../adapters/system/messages.ts';
import { steadyLog } from '../adapters/system/steady-log.ts';
import type { Counts } from '../adapters/telemetry/counts.ts';
import type { Observing } from '../adapters/telemetry/observed-cache.ts';
import { observeShared } from '../adapters/telemetry/observed-redis.ts';
import { MemoryTier } from '../adapters/tiered/memory-tier.ts';
import { type SharedCache, TieredCache } from '../adapters/tiered/tiered-cache.ts';
import type { Application } from '../application/application.ts';
import {
  type Auditing,
  ConsistencyAudit,
  type ConsistencyAuditNeeds,
  unaudited,
} from '../application/caching/audit.ts';
import type { Judge } from '../application/caching/belief.ts';
import { Gate } from '../application/caching/gate.ts';
import { retentionMs } from '../application/caching/limits.ts';
import { LogReader, type LogReaderNeeds } from '../application/caching/log-reader.ts';
import type { RedisCounters } from '../application/operations/live-state.ts';
import { recordKinds } from '../application/records/kinds.ts';
import type { Cache, InvalidationBus } from '../domain/ports/cache.ts';
import type { ReceiptBus } from '../domain/ports/change-log.ts';
import type { Database } from '../domain/ports/persistence.ts';
import type { Clock, Ids, Log, Timer } from '../domain/ports/runtime.ts';
import type { RequestLimits } from '../domain/ports/security.ts';
import { Secret } from '../domain/secret.ts';
import type { Config } from './config.ts';
import { developmentSecret } from './development-secret.ts';
import { toldOfIssue } from './environment.ts';
import type { SigningSecrets } from './signing-secret.ts';

type Configured<Needs = unknown> = Needs & { readonly config: Config };

/** Writes one line for each event to standard output. */
export const openLog = ({ config, clock }: Configured<{ readonly clock: Clock }>): Log =>
  steadyLog(
    jsonLog({ level: config.logLevel, clock, write: (line) => process.stdout.write(line) }),
    systemTimer,
  );

/** The configured secrets, or the one that is made and kept for development. */
export const findSecrets = async ({
  config,
  log,
}: Configured<{ readonly log: Log }>): Promise<SigningSecrets> => {
  const [first, ...others] = config.tokens.secrets;
  if (first !== undefined) return [first, ...others];
  log.warn('development-secret', { directory: config.dataDirectory, hint: 'set JWT_SECRET in production' });
  return [await inDataDirectory(config.dataDirectory, () => developmentSecret(config.dataDirectory))];
};

/** A different key for each purpose (NIST SP 800-108): whoever learns one of them learns nothing about the others. */
export const derive = (secret: Secret<string>, purpose: string): Secret<'derived'> =>
  new Secret(createHmac('sha256', Secret.reveal(secret)).update(purpose).digest('base64url'));

// Only the driver that is configured is loaded: loading all of them would take twice as long.

export const openDatabase = async ({ config, log }: Configured<{ readonly log: Log }>): Promise<Database> => {
  if (config.postgres === undefined) {
    const { openEmbedded } = await import('../adapters/mikro-orm/embedded.ts');
    return openEmbedded({ dataDir: config.dataDirectory }, log);
  }
  const { openPostgres } = await import('../adapters/mikro-orm/postgres.ts');
  const checkDeadlineMs = config.cache.journalBoundMs / 2;
  return openPostgres({ address: config.postgres, direct: config.postgresDirect, checkDeadlineMs }, log);
};

/** Redis, with its bus where it has one. */
export type Shared = AsyncDisposable & {
  readonly cache: SharedCache;
  readonly bus: (InvalidationBus & ReceiptBus) | undefined;
  readonly scripts: ScriptStore;
  readonly counters: () => RedisCounters;
};

type SharedNeeds = Configured<{
  readonly secrets: SigningSecrets;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly ids: Ids;
  readonly log: Log;
  readonly judge: Judge;
}>;

/** A start waits no longer than this for Redis, whatever REDIS_POOL_TIMEOUT says. */
const maxStartWaitMs = 1000;

type Reached = Pick<RedisCacheOptions, 'open' | 'way' | 'poolSize'> & {
  readonly openBus?: (options: Omit<RedisBusOptions, 'open'>, needs: RedisBusNeeds) => Shared['bus'];
};

/** The way to Redis: by connections, or by requests, which nobody can be told anything by. */
const reachRedis = async (
  { location, poolSize, commandTimeoutMs }: NonNullable<Config['redis']>,
  clock: Clock,
): Promise<Reached> => {
  if (location.source === 'UPSTASH_REDIS_REST_URL') {
    const { RestClient } = await import('../adapters/redis/rest/rest-client.ts');
    const { byRest } = await import('../adapters/redis/way.ts');
    return { open: () => new RestClient(location, commandTimeoutMs, clock), way: byRest, poolSize: 1 };
  }
  const { openClient } = await import('../adapters/redis/client.ts');
  const { RedisBus } = await import('../adapters/redis/bus.ts');
  const open = () => openClient(location);
  return { open, poolSize, openBus: (options, needs) => new RedisBus({ open, ...options }, needs) };
};

/** Redis connects in the background, so Kith starts also while Redis is down. */
export const openShared = async ({ config, secrets, ...needs }: SharedNeeds): Promise<Shared | undefined> => {
  if (config.redis === undefined) return undefined;
  const { RedisCache } = await import('../adapters/redis/redis-cache.ts');
  const { poolTimeoutMs, commandTimeoutMs, waitReplicas } = config.redis;
  const { keyPrefix, ttlsMs, maxStalenessMs } = config.cache;
  const { openBus, ...reached } = await reachRedis(config.redis, needs.clock);
  const hmacKey = derive(secrets[0], 'kith cache key names');
  const startWaitMs = Math.min(poolTimeoutMs, maxStartWaitMs);
  const cache = new RedisCache(
    {
      ...reached,
      commandTimeoutMs,
      waitReplicas,
      kinds: recordKinds(ttlsMs),
      hmacKey,
      keyPrefix,
      startWaitMs,
    },
    needs,
  );
  const bus = openBus?.({ keyPrefix, maxStalenessMs }, needs);
  await cache.start();
  return {
    cache,
    bus,
    scripts: cache,
    counters: () => cache.counters(),
    async [Symbol.asyncDispose]() {
      await Promise.all([bus?.[Symbol.asyncDispose](), cache[Symbol.asyncDispose]()]);
    },
  };
};

/** Redis, with every command counted, timed and traced. Disposing of this closes nothing: `openShared` does. */
export const observeRedis = ({
  shared,
  ...observing
}: Observing & { readonly shared: Shared | undefined }): Shared | undefined => {
  if (shared === undefined) return undefined;
  const { cache } = shared;
  return {
    ...shared,
    cache: {
      ...observeShared(cache, observing),
      inUse: () => cache.inUse(),
      acceptsWrites: () => cache.acceptsWrites(),
      clear: () => cache.clear(),
      health: () => cache.health(),
      [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
};

type LimitsNeeds = Configured<{ readonly shared: Shared | undefined; readonly secrets: SigningSecrets }>;

/** The limits per address, which all instances share if there is a Redis. */
export const openLimits = ({ config, shared, secrets }: LimitsNeeds): RequestLimits =>
  addressLimits({
    perMinute: { 'log-in': config.http.logInsPerMinute, registration: config.http.registrationsPerMinute },
    hmacKey: derive(secrets[0], 'kith request limits'),
    keyPrefix: config.cache.keyPrefix,
    store: shared?.scripts,
  });

type CacheNeeds = Configured<{
  readonly shared: Shared | undefined;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly judge: Judge;
}>;

/**
 * Whether anybody else may change what this process caches, or write what it reads from a cache. Only an embedded database
 * without Redis is changed by this process alone: a host that brings another one says with INSTANCES what it is.
 */
const isShared = ({ postgres, redis, instances }: Config): boolean =>
  postgres !== undefined || redis !== undefined || instances === 'many';

/** How old memory may be on ordinary days: without a bus there is nothing sooner than the log. */
export const memoryBoundMs = ({
  config,
  shared,
}: Configured<{ readonly shared: Shared | undefined }>): number =>
  isShared(config) && shared?.bus === undefined ? config.cache.journalBoundMs : config.cache.maxStalenessMs;

/** Memory over Redis if there is one, or memory alone; for the only process its whole cache, which needs no log. */
export const openCache = ({ config, shared, clock, ids, judge }: CacheNeeds): Cache => {
  const { memoryMaxEntries: maxEntries, memoryMaxBytes: maxBytes } = config.cache;
  const { journalBoundMs, serveWithoutDatabaseMs } = config.cache;
  const kinds = recordKinds(config.cache.ttlsMs);
  if (!isShared(config)) return new MemoryCache({ kinds, clock, ids, maxEntries, maxBytes });
  const gate = new Gate({ clock, boundMs: journalBoundMs, silentBoundMs: serveWithoutDatabaseMs });
  // Without a bus there is nothing sooner than the log.
  const maxStalenessMs = shared?.bus === undefined ? Number.POSITIVE_INFINITY : config.cache.maxStalenessMs;
  const memory = new MemoryTier({ clock, gate, maxEntries, maxBytes, maxStalenessMs });
  return new TieredCache({ kinds, clock, memory, gate, judge, ...(shared && { shared }) });
};

type ReaderNeeds = Configured<Omit<LogReaderNeeds, 'boundMs' | 'retentionMs'>>;

/** Whoever reads the log; nobody where nobody else changes anything. */
export const openReader = ({ config, ...needs }: ReaderNeeds): LogReader | undefined =>
  isShared(config)
    ? new LogReader({
        ...needs,
        boundMs: config.cache.journalBoundMs,
        retentionMs: retentionMs(Math.max(...Object.values(config.cache.ttlsMs))),
      })
    : undefined;

type AuditNeeds = Configured<Omit<ConsistencyAuditNeeds, 'counts' | 'chance' | 'share' | 'boundMs'>> & {
  readonly counts: Counts;
};

/**
 * Whoever holds answers against the database. Where nobody else changes anything there is no log that is kept for long
 * enough, and each statement of the embedded database would hold up everybody: what is cached there depends on this process
 * alone.
 */
export const openAudit = ({ config, counts, ...needs }: AuditNeeds): Auditing => {
  const { auditShare: share, journalBoundMs: boundMs } = config.cache;
  if (share === 0 || !isShared(config)) return unaudited;
  return new ConsistencyAudit({ ...needs, counts: counts.audits, chance: Math.random, share, boundMs });
};

/** Whether this process has not ended its start, is about to stop and takes no new work, or was closed. */
export class Draining {
  #holds = 0;
  #isOn = false;
  #isClosed = false;

  start(): void {
    this.#isOn = true;
  }

  /** Not ready until what it returns is called. */
  hold(): () => void {
    this.#holds++;
    let isHeld = true;
    return () => {
      if (isHeld) this.#holds--;
      isHeld = false;
    };
  }

  whyNotReady(): NotReady | undefined {
    if (this.#isOn) return 'shutting-down';
    return this.#holds > 0 ? 'starting' : undefined;
  }

  close(): void {
    this.#isOn = true;
    this.#isClosed = true;
  }

  isClosed(): boolean {
    return this.#isClosed;
  }
}

type HttpNeeds = Configured<
  Required<Pick<HttpOptions, 'log' | 'limits' | 'observe' | 'operations'>> & {
    readonly application: Application;
    readonly draining: Draining;
  }
>;

export const openHttp = ({ config, application, draining, ...needs }: HttpNeeds): Http => {
  const { basePath } = config.http;
  // Whoever takes the base away in front of us would send `/me` for what we take for the base.
  if (publicRoutes.some(({ path }) => path.split('/')[1] === basePath.split('/')[1])) {
    const expected = 'a path that does not begin like one of the API';
    throw new StartRefused(toldOfIssue({ name: 'BASE_PATH', expected }));
  }
  return createHttp(application, {
    ...needs,
    // Faster than our own ids, which can be sorted by time: nobody sorts requests by their ids.
    ids: { uuid: () => crypto.randomUUID() },
    corsOrigins: config.http.corsOrigins,
    trustedProxies: config.http.trustedProxies,
    basePath,
    whyNotReady: () => draining.whyNotReady(),
    isClosed: () => draining.isClosed(),
  });
};
