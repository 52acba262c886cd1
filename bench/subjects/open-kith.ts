import process from 'node:process';
import { memoryDatabase } from '../../adapters/memory/memory-database.ts';
import { openPostgres } from '../../adapters/mikro-orm/postgres.ts';
import { systemClock, systemTimer } from '../../adapters/system/clock.ts';
import { systemIds } from '../../adapters/system/ids.ts';
import { jsonLog } from '../../adapters/system/log.ts';
import { MemoryTier } from '../../adapters/tiered/memory-tier.ts';
import { TieredCache } from '../../adapters/tiered/tiered-cache.ts';
import { Belief } from '../../application/caching/belief.ts';
import { Gate } from '../../application/caching/gate.ts';
import { retentionMs } from '../../application/caching/limits.ts';
import { recordKinds } from '../../application/records/kinds.ts';
import { type Config, compose, type Kith, type Overrides, parseConfig } from '../../composition/compose.ts';
import { openShared } from '../../composition/resources.ts';
import type { Database } from '../../domain/ports/persistence.ts';
import type { Settings } from '../harness/subject.ts';
import { personAccount } from './people.ts';

export type Parts = {
  /** `memory`: the complete database in memory, with the people in it. */
  readonly database: 'memory' | 'postgres';
  /** `alone`: under a memory that proves nothing, so that every hit is one of Redis. */
  readonly redis: 'none' | 'tiered' | 'alone';
  readonly environment?: Readonly<Record<string, string>>;
  readonly overrides?: Overrides;
};

export type OpenKith = {
  readonly kith: Kith;
  /** How often the database was asked for a user. */
  readonly loads: () => number;
};

const log = jsonLog({ level: 'silent', clock: systemClock, write: () => undefined });

/** Kith as `composition/main.ts` makes it, but for a database that counts. */
export const openKith = async (settings: Settings, parts: Parts): Promise<OpenKith> => {
  const config = parseConfig({
    JWT_SECRET: 'a secret of the benchmarks, 40 characters',
    // A single process on the embedded default has its database to itself: nobody else can change anything in it.
    ...((parts.database === 'postgres' || parts.redis !== 'none') && { DATABASE_URL: settings.postgresUrl }),
    INSTANCES: parts.redis === 'none' ? 'one' : 'many',
    ...(parts.redis !== 'none' && { REDIS_URL: `redis://127.0.0.1:${settings.redisPort}` }),
    // Each process has its own database in memory, so its own values: one would not believe those of another.
    ...(parts.database === 'memory' && { CACHE_KEY_PREFIX: `kith-${process.pid}:` }),
    ...parts.environment,
  });
  if (!config.ok)
    throw new Error(config.error.map(({ name, expected }) => `${name}: ${expected}`).join('\n'));
  const { postgres } = config.value;
  const database =
    parts.database === 'postgres' && postgres !== undefined
      ? await openPostgres({ address: postgres }, log)
      : await filledDatabase(settings.people);
  const counted = countLoads(database);
  const cache = parts.redis === 'alone' ? { cache: await openRedisAlone(config.value, database) } : {};
  const kith = await compose(config.value, { database: counted.database, log, ...cache, ...parts.overrides });
  return { kith, loads: counted.loads };
};

const openRedisAlone = async (config: Config, database: Database): Promise<TieredCache> => {
  const { ttlsMs, journalBoundMs, memoryMaxEntries } = config.cache;
  const [first, ...others] = config.tokens.secrets;
  if (first === undefined) throw new Error('no secret');
  const runtime = { clock: systemClock, timer: systemTimer, ids: systemIds, log };
  // As an instance judges while nothing is being changed.
  await database.log.begin({ boundMs: journalBoundMs, retentionMs: retentionMs(config.cache.ttlsMs.user) });
  const proof = await database.reads.proof();
  if (proof === undefined) throw new Error('no proof');
  const judge = new Belief();
  judge.begin(proof.epoch, proof.snapshot);
  const shared = await openShared({ config, secrets: [first, ...others], judge, ...runtime });
  const gate = new Gate({ clock: systemClock, boundMs: journalBoundMs, silentBoundMs: 0 });
  return new TieredCache({
    clock: systemClock,
    gate,
    memory: new MemoryTier({
      clock: systemClock,
      gate,
      maxEntries: memoryMaxEntries,
      maxStalenessMs: 0,
    }),
    kinds: recordKinds(ttlsMs),
    judge,
    ...(shared && { shared }),
  });
};

const filledDatabase = async (people: number): Promise<Database> => {
  const database = memoryDatabase();
  await database.transactions.run(async (transaction) => {
    for (let n = 1; n <= people; n++) await transaction.users.insert(personAccount(n));
  });
  return database;
};

const countLoads = (database: Database): { database: Database; loads: () => number } => {
  let loads = 0;
  const { reads } = database;
  return {
    loads: () => loads,
    database: {
      ...database,
      reads: {
        ...reads,
        user: (key) => {
          loads++;
          return reads.user(key);
        },
      },
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    },
  };
};
