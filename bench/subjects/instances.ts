import { checkSettings } from '../../adapters/mikro-orm/change-log.ts';
import { changeLogOf } from '../../adapters/mikro-orm/change-log-port.ts';
import { OwnConnection } from '../../adapters/mikro-orm/own-connection.ts';
import { hostsOf } from '../../adapters/mikro-orm/postgres-address.ts';
import type { PgClient, PgPool } from '../../adapters/mikro-orm/postgres-driver.ts';
import { listenOnPostgres } from '../../adapters/mikro-orm/postgres-listener.ts';
import { connect, databaseDeadlines } from '../../adapters/mikro-orm/postgres-pool.ts';
import { parseDatabaseUrl } from '../../adapters/mikro-orm/postgres-url.ts';
import { StatementNames } from '../../adapters/mikro-orm/statement-name.ts';
import { Way } from '../../adapters/mikro-orm/way.ts';
import { systemClock, systemTimer } from '../../adapters/system/clock.ts';
import { systemIds } from '../../adapters/system/ids.ts';
import { MemoryTier } from '../../adapters/tiered/memory-tier.ts';
import { TieredCache } from '../../adapters/tiered/tiered-cache.ts';
import { Belief } from '../../application/caching/belief.ts';
import { Gate } from '../../application/caching/gate.ts';
import { sweepEveryMs } from '../../application/caching/limits.ts';
import { StatisticsCounter } from '../../application/caching/statistics.ts';
import { type Config, parseConfig } from '../../composition/compose.ts';
import { openReader } from '../../composition/resources.ts';
import type { Cache } from '../../domain/ports/cache.ts';
import type { ChangeLog } from '../../domain/ports/change-log.ts';
import type { Timer } from '../../domain/ports/runtime.ts';
import type { OpenSubject } from '../harness/subject.ts';
import { idsOf } from './people.ts';
import { openPool } from './postgres.ts';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const upkeepMs = 60_000;
const pauseMs = 500;

type OpenClient = (deadlineMs?: number) => Promise<PgClient>;

/** Connections as an instance makes them for the log, beside its pool. */
const clientsOf = async (postgresUrl: string): Promise<OpenClient> => {
  const address = parseDatabaseUrl(postgresUrl);
  if (!address.ok) throw new Error('a wrong address');
  const orm = connect(address.value, false, databaseDeadlines);
  const pool: PgPool = await orm.driver.getConnection().getNativeClient();
  const way = new Way({
    hosts: hostsOf(address.value),
    makeClient: () => new pool.Client(pool.options),
    pooling: 'none',
    names: new StatementNames(),
  });
  return (deadlineMs = databaseDeadlines.queryTimeoutMs) => way.open(deadlineMs, checkSettings(deadlineMs));
};

const openLog = (openClient: OpenClient, { cache: { journalBoundMs } }: Config): ChangeLog => {
  const own = () => new OwnConnection(() => openClient(journalBoundMs / 2));
  const [checks, receipts] = [own(), own()];
  return changeLogOf({
    checks: (work) => work(checks),
    receipts: (work) => work(receipts),
    upkeep: async (work) => {
      const apart = new OwnConnection(() => openClient(upkeepMs));
      try {
        return await work(apart);
      } finally {
        apart.close();
      }
    },
    listen: (wake) => listenOnPostgres(() => openClient(), wake, log),
  });
};

/**
 * What instances that serve nobody are to their database: each with its reader of the log, a gate that this opens, a
 * connection for the checks and one that listens. The upkeep of each minute is done when it is asked for.
 */
export const instances: OpenSubject = async ({ postgresUrl }) => {
  const config = parseConfig({
    JWT_SECRET: 'a secret of the benchmarks, 40 characters',
    DATABASE_URL: postgresUrl,
    INSTANCES: 'many',
  });
  if (!config.ok) throw new Error('a wrong configuration');
  const openClient = await clientsOf(postgresUrl);
  const caches: Cache[] = [];
  const upkeep: (() => Promise<void>)[] = [];
  const timer: Timer = {
    ...systemTimer,
    every: (ms, work) => {
      if (ms !== sweepEveryMs) return systemTimer.every(ms, work);
      upkeep.push(work);
      return { [Symbol.dispose]: () => undefined };
    },
  };
  let checks = 0;
  const openOne = async (): Promise<void> => {
    const changeLog = openLog(openClient, config.value);
    const counted: ChangeLog = {
      ...changeLog,
      check: (asked) => {
        checks++;
        return changeLog.check(asked);
      },
    };
    const judge = new Belief();
    const { cache: settings } = config.value;
    const gate = new Gate({ clock: systemClock, boundMs: settings.journalBoundMs, silentBoundMs: 0 });
    const { memoryMaxEntries: maxEntries } = settings;
    const memory = new MemoryTier({ clock: systemClock, gate, maxEntries, maxStalenessMs: 0 });
    // Of no kind: it would be asked to drop what it does not have.
    const cache = new TieredCache({ clock: systemClock, gate, memory, kinds: [], judge });
    const needs = { config: config.value, clock: systemClock, ids: systemIds };
    const statistics = new StatisticsCounter();
    caches.push(cache);
    await openReader({ ...needs, changeLog: counted, cache, belief: judge, timer, log, statistics })?.start();
  };
  return {
    start: async (count) => {
      for (let started = 0; started < count; started++) await openOne();
    },
    /** What each of them does once a minute. */
    upkeep: async () => {
      for (const work of upkeep) await work();
    },
    checks: async () => checks,
    /** How many could serve from their cache now. */
    open: async () => {
      const found = await Promise.all(caches.map((cache) => cache.health()));
      return found.filter(({ gate }) => gate === 'open').length;
    },
  };
};

/** The anchor: as many connections, and on each the least that can be asked, twice a second as at the start of an instance. */
export const selects: OpenSubject = async ({ postgresUrl }) => {
  const openClient = await clientsOf(postgresUrl);
  return {
    start: async (count) => {
      for (let started = 0; started < count; started++) {
        const client = await openClient();
        systemTimer.every(pauseMs, async () => void (await client.query('select 1')));
      }
    },
  };
};

const rowsAtOnce = 10;
const everyMs = 10;

/** Changes 1,000 rows a second, ten in each statement, for so many milliseconds; how many a second it were. */
export const changes: OpenSubject = async ({ postgresUrl, people }) => {
  const pool = openPool(postgresUrl, 1);
  const ids = idsOf(people);
  return {
    change: async (durationMs) => {
      const startMs = performance.now();
      let statements = 0;
      for (; statements * everyMs < durationMs; statements++) {
        const dueInMs = startMs + statements * everyMs - performance.now();
        if (dueInMs > 0) await systemTimer.sleep(dueInMs);
        const first = (statements * rowsAtOnce) % ids.length;
        await pool.query({
          name: 'change',
          text: 'update users set bio = $2 where id = any($1)',
          values: [ids.slice(first, first + rowsAtOnce), `number ${statements}`],
        });
      }
      return (statements * rowsAtOnce) / ((performance.now() - startMs) / 1000);
    },
  };
};
