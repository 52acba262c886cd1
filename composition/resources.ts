import { createHmac } from 'node:crypto';
import process from 'node:process';
import { MemoryCache } from '../adapters/memory/memory-cache.ts';
import { addressLimits } from '../adapters/rate-limit/address-limits.ts';
import { systemTimer } from '../adapters/system/clock.ts';
import { jsonLog } from '../adapters/system/log.ts';
import { steadyLog } from '../adapters/system/steady-log.ts';
import { observeShared } from '../adapters/telemetry/observed-redis.ts';
import { MemoryTier } from '../adapters/tiered/memory-tier.ts';
import { TieredCache } from '../adapters/tiered/tiered-cache.ts';
import type { Cache } from '../domain/ports/cache.ts';
import type { Database } from '../domain/ports/persistence.ts';
import type { Log } from '../domain/ports/runtime.ts';
import type { RequestLimits } from '../domain/ports/security.ts';
import { Secret } from '../domain/secret.ts';
import { developmentSecret } from './development-secret.ts';
import type { Services, Shared, SigningSecrets } from './services.ts';

type Needs<Name extends keyof Services> = Pick<Services, Name>;

/** Everything goes to standard output, one line an event, where whoever runs the process collects it. */
export const openLog = ({ config, clock }: Needs<'config' | 'clock'>): Log =>
  steadyLog(
    jsonLog({ level: config.logLevel, clock, write: (line) => process.stdout.write(line) }),
    systemTimer,
  );

/** The configured secrets, or the one that is made and kept for development. */
export const findSecrets = async ({ config, log }: Needs<'config' | 'log'>): Promise<SigningSecrets> => {
  const [first, ...others] = config.tokens.secrets;
  if (first !== undefined) return [first, ...others];
  log.warn('development-secret', { directory: config.dataDirectory, hint: 'set JWT_SECRET in production' });
  return [await developmentSecret(config.dataDirectory)];
};

// Drivers are loaded when they are chosen: what is not used is half of what a start would read.

export const openDatabase = async ({ config, log }: Needs<'config' | 'log'>): Promise<Database> => {
  if (config.postgres === undefined) {
    const { openEmbedded } = await import('../adapters/mikro-orm/embedded.ts');
    return openEmbedded({ dataDir: config.dataDirectory }, log);
  }
  const { openPostgres } = await import('../adapters/mikro-orm/postgres.ts');
  return openPostgres({ address: config.postgres }, log);
};

/** Redis connects in the background: that it is down is no reason not to start. */
export const openShared = async ({
  config,
  secrets,
  ...needs
}: Needs<'config' | 'secrets' | 'clock' | 'timer' | 'ids' | 'log'>): Promise<Shared | undefined> => {
  if (config.redis === undefined) return undefined;
  const { RedisBus } = await import('../adapters/redis/bus.ts');
  const { RedisCache, redisDefaults } = await import('../adapters/redis/redis-cache.ts');
  const { location, poolTimeoutMs, ...settings } = config.redis;
  const { keyPrefix, ttlsMs, maxStalenessMs } = config.cache;
  const hmacKey = derive(secrets[0], 'kith cache key names');
  const startWaitMs = Math.min(poolTimeoutMs, redisDefaults.startWaitMs);
  const cache = new RedisCache(
    { ...redisDefaults, ...settings, address: location, hmacKey, keyPrefix, ttlsMs, startWaitMs },
    needs,
  );
  const bus = new RedisBus({ address: location, keyPrefix, maxStalenessMs }, needs);
  await cache.start();
  return {
    cache,
    bus,
    scripts: cache,
    counters: () => cache.counters(),
    async [Symbol.asyncDispose]() {
      await Promise.all([bus[Symbol.asyncDispose](), cache[Symbol.asyncDispose]()]);
    },
  };
};

/** Redis with what is asked of it counted, timed and traced. Whoever opened it closes it. */
export const observeRedis = ({
  shared,
  ...observing
}: Needs<'shared' | 'counts' | 'clock' | 'tracing'>): Shared | undefined => {
  if (shared === undefined) return undefined;
  const { cache } = shared;
  return {
    ...shared,
    cache: {
      caches: observeShared(cache.caches, observing),
      inUse: () => cache.inUse(),
      acceptsWrites: () => cache.acceptsWrites(),
      clear: () => cache.clear(),
      health: () => cache.health(),
      [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
};

/** Over Redis where there is one. */
export const openLimits = ({
  config,
  shared,
  secrets,
}: Needs<'config' | 'shared' | 'secrets'>): RequestLimits =>
  addressLimits({
    perMinute: { 'log-in': config.http.logInsPerMinute, registration: config.http.registrationsPerMinute },
    hmacKey: derive(secrets[0], 'kith request limits'),
    keyPrefix: config.cache.keyPrefix,
    store: shared?.scripts,
  });

/** Memory over Redis; memory alone, for a process that shares its database with none; or memory that trusts itself briefly. */
export const openCache = ({
  config,
  shared,
  clock,
  ids,
}: Needs<'config' | 'shared' | 'clock' | 'ids'>): Cache => {
  const { memoryMaxEntries: maxEntries, memoryMaxBytes: maxBytes } = config.cache;
  const { ttlsMs, maxStalenessMs, journalBoundMs } = config.cache;
  if (shared === undefined && config.instances === 'one')
    return new MemoryCache({ clock, ids, maxEntries, maxBytes, ttlsMs });
  const memory = new MemoryTier(clock, maxEntries, maxStalenessMs, maxBytes);
  return new TieredCache({
    clock,
    memory,
    ttlsMs,
    maxStalenessMs,
    journalBoundMs,
    ...(shared && { shared }),
  });
};

/** A key of its own for each purpose (NIST SP 800-108): what one of them gives away says nothing about another. */
export const derive = (secret: Secret<string>, purpose: string): Secret<'derived'> =>
  new Secret(createHmac('sha256', Secret.reveal(secret)).update(purpose).digest('base64url'));
