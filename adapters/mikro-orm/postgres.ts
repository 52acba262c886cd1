import type { MikroORM } from '@mikro-orm/postgresql';
import {
  defaultJournalBoundMs,
  maxTransactionMs as longestTransactionMs,
} from '../../application/caching/limits.ts';
import { Closed, DatabaseUnavailable, Overloaded } from '../../domain/faults.ts';
import type { Database } from '../../domain/ports/persistence.ts';
import type { Log } from '../../domain/ports/runtime.ts';
import { assemble } from './assemble.ts';
import { checkSettings } from './change-log.ts';
import { changeLogOf } from './change-log-port.ts';
import { DatabaseCircuit } from './circuit.ts';
import { toFault, toldOfDatabase } from './faults.ts';
import { lookAtHome } from './home.ts';
import { lendFrom } from './lent-connection.ts';
import { onPostgres } from './log-connection.ts';
import { migrate, patienceOfStartMs } from './migrate.ts';
import { OneDatabase } from './one-database.ts';
import { OwnConnection } from './own-connection.ts';
import { type PostgresAddress, placeOf } from './postgres-address.ts';
import { connectionsOf, type PgClient, type PgPool, warmUp } from './postgres-driver.ts';
import { listenOnPostgres } from './postgres-listener.ts';
import {
  connect,
  databaseDeadlines,
  defaultConnectTimeoutMs,
  type PostgresLimits,
  tlsOptions,
  warmConnections,
  wayTo,
} from './postgres-pool.ts';
import { warnOfRules } from './prove-rules.ts';
import { leadToOne } from './same-database.ts';
import { settingsOf } from './session.ts';
import type { Admission } from './statements.ts';
import { discard } from './way.ts';

export type PostgresConfig = {
  readonly address: PostgresAddress;
  /** The same database without a pooler in between, for what needs a connection of its own; `address` unless given. */
  readonly direct?: PostgresAddress | undefined;
  readonly limits?: Partial<PostgresLimits> | undefined;
  readonly maxTransactionMs?: number | undefined;
  /** How long a check of the log may take, in milliseconds; half of its bound. */
  readonly checkDeadlineMs?: number | undefined;
};

const firstWaitMs = 1500;
const maxRetryDelayMs = 2000;
/** For what nobody waits for: the upkeep of the log, each time on a connection that is made for it. */
const upkeepMs = 60_000;
/** More than the pool can serve while they wait. */
const maxWaiting = 1000;

/**
 * A PostgreSQL of version 13 or later. Resolves soon even if none answers: until the migrations have run, which is tried
 * again in the background for as long as it takes, everything throws `DatabaseUnavailable`.
 */
export const openPostgres = async (config: PostgresConfig, log: Log): Promise<Database> => {
  const { address, direct = address, maxTransactionMs = longestTransactionMs } = config;
  const { checkDeadlineMs = defaultJournalBoundMs / 2 } = config;
  const limits = { ...databaseDeadlines, ...config.limits };
  const ssl = await tlsOptions(address.tls);
  const directSsl = await tlsOptions(direct.tls);
  const at = placeOf(address);
  let schema = address.schema;
  const circuit = new DatabaseCircuit({
    probe: async () => discard(await openPooled()),
    discardIdle: () => connections.discard(),
    log,
  });
  const orm = connect({ connectTimeoutMs: defaultConnectTimeoutMs, ...address }, ssl, limits, {
    answered: () => circuit.answered(),
    schema: () => schema,
    mustBeIt: (client) => one.mustBeIt(client),
    shared: () =>
      log.warn('connections-shared', {
        reason: 'statements of others are on them, as behind a pooler in transaction mode',
        advice: 'set DATABASE_POOLER=transaction, and DATABASE_DIRECT_URL to the way past the pooler',
      }),
  });
  const pool: PgPool = await orm.driver.getConnection().getNativeClient();
  const connections = connectionsOf(pool);
  // The pool follows to where the primary was found, and learns how long it takes to get there.
  const pooledWay = wayTo(pool, address, ssl, {
    // Before that there may be no tables.
    mustBeIt: async (client) => (state === 'ready' ? one.mustBeIt(client) : undefined),
    found: ({ host, port }, tookMs) => {
      const { connectTimeoutMs = defaultConnectTimeoutMs } = address;
      const connectionTimeoutMillis = Math.min(connectTimeoutMs, limits.connectionTimeoutMs + 2 * tookMs);
      Object.assign(pool.options, { host, port, connectionTimeoutMillis });
    },
  });
  // Outside of the pool, whose every slot may be waiting for a server that hangs.
  const directWay = wayTo(pool, direct, directSsl);
  const openPooled = (): Promise<PgClient> =>
    pooledWay.open(limits.queryTimeoutMs, settingsOf(limits, schema));
  const openDirect = (deadlineMs: number): Promise<PgClient> =>
    directWay.open(deadlineMs, checkSettings(deadlineMs, schema));

  const forChecks = new OwnConnection(() => openDirect(checkDeadlineMs));
  const forReceipts = new OwnConnection(() => openDirect(checkDeadlineMs));
  let wakeReader = (): void => undefined;
  const one = new OneDatabase({
    readForMs: 2 * checkDeadlineMs,
    keepOnly: connections.keepOnly,
    lookAgain: () => {
      forChecks.renew();
      forReceipts.renew();
      wakeReader();
    },
  });

  let state: 'starting' | 'ready' | 'closed' = 'starting';
  let isListening = false;
  const closing = Promise.withResolvers<void>();
  const tried = Promise.withResolvers<void>();
  const notNow = (): DatabaseUnavailable =>
    state === 'closed' ? new Closed() : new DatabaseUnavailable('the database is starting');
  const admit: Admission = (work) => {
    if (state !== 'ready') return Promise.reject(notNow());
    if (pool.waitingCount >= maxWaiting) {
      return Promise.reject(new Overloaded('too many wait for a connection to the database'));
    }
    return circuit.admit(work);
  };

  const whenReady = <T>(work: () => Promise<T>): Promise<T> =>
    state === 'ready' ? work() : Promise.reject(notNow());

  /** Sees that both ways lead to one database, and what is there. Throws the driver's error or a fault. */
  const look = async () => {
    const opened: PgClient[] = [];
    try {
      const pooled = await openPooled();
      opened.push(pooled);
      if (direct === address) return { home: await lookAtHome(onPostgres(pooled)), found: pooled };
      const past = await openDirect(limits.queryTimeoutMs);
      opened.push(past);
      if (!(await leadToOne(past, pooled)))
        throw new DatabaseUnavailable('DATABASE_DIRECT_URL leads to another database than DATABASE_URL');
      return { home: await lookAtHome(onPostgres(past)), found: past };
    } finally {
      // Node 22, on which the built package runs, has no `DisposableStack`.
      opened.forEach(discard);
    }
  };

  const becomeReady = async (): Promise<void> => {
    let reported: string | undefined;
    for (let delayMs = 100; state === 'starting'; delayMs = Math.min(delayMs * 2, maxRetryDelayMs)) {
      try {
        const { home, found } = await look();
        const primary = { ...direct, host: found.host, port: found.port };
        const migrated = await migrate(home, primary, directSsl, patienceOfStartMs);
        schema = migrated.schema;
        warnOfRules(log, migrated.unprovedRules);
        await warmUp(pool, Math.min(warmConnections, limits.poolConnections));
        if (state === 'starting') state = 'ready';
        log.info('database-ready', { kind: 'postgresql' });
      } catch (error) {
        const reason = toFault(error).message;
        const { code } = toldOfDatabase(error, at);
        // Once a reason: an outage of an hour is not a thousand lines.
        if (reason !== reported) log.warn('database-not-ready', { code, at, reason });
        reported = reason;
        tried.resolve();
        await Promise.race([sleep(delayMs), closing.promise]);
      }
    }
  };
  const becoming = becomeReady();
  await Promise.race([becoming, tried.promise, sleep(firstWaitMs)]);

  return assemble({
    em: orm.em,
    events: log,
    admit,
    lend: lendFrom(pool),
    maxTransactionMs,
    log: changeLogOf({
      checks: (work) => whenReady(() => work(forChecks)),
      receipts: (work) => whenReady(() => work(forReceipts)),
      upkeep: (work) =>
        whenReady(async () => {
          const apart = new OwnConnection(() => openDirect(upkeepMs));
          try {
            return await work(apart);
          } finally {
            apart.close();
          }
        }),
      answered: (identity) => one.answered(identity),
      listen: (wake) => {
        wakeReader = () => wake(undefined);
        // Nobody is heard where a connection is another session in each transaction: the checks alone bring the news.
        if (direct.pooling === 'transaction') return Promise.resolve(deaf);
        const open = () => openDirect(limits.queryTimeoutMs);
        return listenOnPostgres(open, wake, log, (now) => {
          isListening = now;
        });
      },
    }),
    status: () => ({
      circuit: circuit.isOpen ? 'open' : 'closed',
      isListening,
      connections: pool.totalCount,
      idleConnections: pool.idleCount,
      waiting: pool.waitingCount,
    }),
    async close() {
      if (state === 'closed') return;
      state = 'closed';
      circuit[Symbol.dispose]();
      forChecks.close();
      forReceipts.close();
      closing.resolve();
      // A migration under way ends by itself; it is not worth waiting for.
      await Promise.race([end(orm, pool), sleep(maxRetryDelayMs)]);
    },
  });
};

const deaf: AsyncDisposable = { [Symbol.asyncDispose]: () => Promise.resolve() };

/** Kysely ends a pool only if a statement of its own went through it: the warm connections would keep the process. */
const end = async (orm: MikroORM, pool: PgPool): Promise<void> => {
  await orm.close(true);
  if (!pool.ending) await pool.end();
};

/** Keeps the process alive: with no server at the start, nothing else may. */
const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
