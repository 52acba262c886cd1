import { readFile } from 'node:fs/promises';
import { MikroORM } from '@mikro-orm/postgresql';
import { type Kysely, sql } from 'kysely';
import {
  defaultJournalBoundMs,
  maxTransactionMs as longestTransactionMs,
} from '../../application/caching/limits.ts';
import { DatabaseUnavailable, Overloaded } from '../../domain/faults.ts';
import type { Database } from '../../domain/ports/persistence.ts';
import type { Log } from '../../domain/ports/runtime.ts';
import { Secret } from '../../domain/secret.ts';
import { assemble } from './assemble.ts';
import { changeLogOf } from './change-log-port.ts';
import { DatabaseCircuit } from './circuit.ts';
import { toFault } from './faults.ts';
import { ormOptions } from './orm-options.ts';
import { OwnConnection } from './own-connection.ts';
import {
  askOnce,
  boundQueries,
  forgiveStalls,
  idleConnectionsOf,
  improveQueries,
  type PgClient,
  type PgPool,
  warmUp,
} from './postgres-driver.ts';
import { listenOnPostgres } from './postgres-listener.ts';
import type { PostgresAddress, Tls } from './postgres-url.ts';
import { grantRights } from './rights.ts';
import { leadToOne } from './same-database.ts';
import type { Admission } from './statements.ts';

export type PostgresConfig = {
  readonly address: PostgresAddress;
  /** The same database without a pooler in between, for what needs a connection of its own; `address` unless given. */
  readonly direct?: PostgresAddress | undefined;
  readonly limits?: Partial<PostgresLimits> | undefined;
  readonly maxTransactionMs?: number | undefined;
  /** How long a check of the log may take, in milliseconds; half of its bound. */
  readonly checkDeadlineMs?: number | undefined;
};

/**
 * No wait in pg is bounded by default. `queryTimeoutMs` is the client's and fires when the server hangs; together with
 * the wait for a connection it stays under the 2 s within which a user is told that the database is away.
 */
export type PostgresLimits = {
  readonly poolConnections: number;
  readonly connectionTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly queryTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
};

/** The deadlines of an instance that serves; how they relate to the others is in application/caching/limits.ts. */
export const databaseDeadlines: PostgresLimits = {
  poolConnections: 10,
  connectionTimeoutMs: 500,
  statementTimeoutMs: 1300,
  queryTimeoutMs: 1400,
  lockTimeoutMs: 1200,
  idleInTransactionTimeoutMs: 5000,
};

/** For migrations, which may take long, and for the lock behind which one instance waits for another's. */
const migrationLimits: PostgresLimits = {
  poolConnections: 2,
  connectionTimeoutMs: 500,
  statementTimeoutMs: 600_000,
  queryTimeoutMs: 610_000,
  lockTimeoutMs: 30_000,
  idleInTransactionTimeoutMs: 0,
};

/** For an operator who looks or helps, and who waits longer than a user. */
export const examineLimits: PostgresLimits = {
  poolConnections: 1,
  connectionTimeoutMs: 3000,
  statementTimeoutMs: 5000,
  queryTimeoutMs: 6000,
  lockTimeoutMs: 1000,
  idleInTransactionTimeoutMs: 5000,
};

/** Any number, the same in every version: "kith" in ASCII. */
const migrationLock = 0x6b697468;
const firstWaitMs = 1500;
const maxRetryDelayMs = 2000;
/**
 * Connections that are made at the start and kept: a first rush then waits for few to be made, each a process of the
 * server. Those beyond are closed after a minute of rest, instead of the ten seconds of pg, after which each rush is the
 * first.
 */
const warmConnections = 3;
const idleTimeoutMs = 60_000;
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
  const ssl = await tlsOptions(address.tls);
  const limits = { ...databaseDeadlines, ...config.limits };
  const circuit = new DatabaseCircuit({
    probe: () => askOnce(newClient()),
    discardIdle: () => idle.discard(),
    log,
  });
  const orm = connect(address, ssl, limits, () => circuit.answered());
  const pool: PgPool = await orm.driver.getConnection().getNativeClient();
  const idle = idleConnectionsOf(pool);
  // Outside of the pool, whose every slot may be waiting for a server that hangs.
  const clientOptions = { ...pool.options, ...addressOptions(direct), ssl: await tlsOptions(direct.tls) };
  const newClient = (deadlineMs: number = limits.queryTimeoutMs): PgClient =>
    boundQueries(new pool.Client(clientOptions), deadlineMs);

  const ownConnection = () => new OwnConnection(() => newClient(checkDeadlineMs), checkDeadlineMs);
  const forChecks = ownConnection();
  const forReceipts = ownConnection();

  let state: 'starting' | 'ready' | 'closed' = 'starting';
  let isListening = false;
  const closing = Promise.withResolvers<void>();
  const tried = Promise.withResolvers<void>();
  const admit: Admission = (work) => {
    if (state !== 'ready') return Promise.reject(new DatabaseUnavailable(`the database is ${state}`));
    if (pool.waitingCount >= maxWaiting) {
      return Promise.reject(new Overloaded('too many wait for a connection to the database'));
    }
    return circuit.admit(work);
  };

  const whenReady = <T>(work: () => Promise<T>): Promise<T> =>
    state === 'ready' ? work() : Promise.reject(new DatabaseUnavailable(`the database is ${state}`));

  const becomeReady = async (): Promise<void> => {
    let reported: string | undefined;
    for (let delayMs = 100; state === 'starting'; delayMs = Math.min(delayMs * 2, maxRetryDelayMs)) {
      try {
        if (direct !== address) {
          const pooled = boundQueries(new pool.Client(pool.options), limits.queryTimeoutMs);
          await mustBeSame(newClient(), pooled);
        }
        await migrate(direct, clientOptions.ssl);
        await warmUp(pool, Math.min(warmConnections, limits.poolConnections));
        if (state === 'starting') state = 'ready';
        log.info('database-ready', { kind: 'postgresql' });
      } catch (error) {
        const reason = toFault(error).message;
        // Once a reason: an outage of an hour is not a thousand lines.
        if (reason !== reported) log.warn('database-not-ready', { reason });
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
    admit,
    maxTransactionMs,
    log: changeLogOf({
      checks: (work) => whenReady(() => work(forChecks)),
      receipts: (work) => whenReady(() => work(forReceipts)),
      upkeep: (work) =>
        whenReady(async () => {
          const apart = new OwnConnection(() => newClient(upkeepMs), upkeepMs);
          try {
            return await work(apart);
          } finally {
            apart.close();
          }
        }),
      listen: (wake) =>
        listenOnPostgres(newClient, wake, log, (now) => {
          isListening = now;
        }),
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

/** Throws where two ways lead to two databases: the log of the one would tell nothing of changes in the other. */
const mustBeSame = async (...clients: readonly [PgClient, PgClient]): Promise<void> => {
  for (const client of clients) client.on('error', () => undefined);
  try {
    await Promise.all(clients.map((client) => client.connect()));
    if (!(await leadToOne(...clients)))
      throw new DatabaseUnavailable('DATABASE_DIRECT_URL leads to another database than DATABASE_URL');
  } finally {
    for (const client of clients) client.connection.stream.destroy();
  }
};

/** Kysely ends a pool only if a statement of its own went through it: the warm connections would keep the process. */
const end = async (orm: MikroORM, pool: PgPool): Promise<void> => {
  await orm.close(true);
  if (!pool.ending) await pool.end();
};

/** Runs what is missing of the migrations, one instance at a time, and says what that was. */
const migrate = async (address: PostgresAddress, ssl: TlsOptions): Promise<readonly string[]> => {
  const orm = connect(address, ssl, migrationLimits);
  try {
    // Before: what the migrations run on does not see what this transaction makes.
    if (address.schema !== undefined) await makeSchema(orm.em.getKysely<unknown>(), address.schema);
    // On a connection of its own, so that the lock is gone with the connection, however this ends.
    return await orm.em.transactional(async (em) => {
      await sql`select pg_advisory_xact_lock(${migrationLock})`.execute(em.getKysely<unknown>());
      return (await orm.migrator.up()).map(({ name }) => name);
    });
  } finally {
    await orm.close(true);
  }
};

/** Only where it is missing: to make one takes a right that whoever serves need not have. */
const makeSchema = async (kysely: Kysely<unknown>, schema: string): Promise<void> => {
  const { rows } = await sql`select from pg_namespace where nspname = ${schema}`.execute(kysely);
  if (rows.length === 0) await sql`create schema ${sql.id(schema)}`.execute(kysely);
};

/** The same for whoever migrates apart from serving, and what serving needs for `role`. Throws a fault. */
export const migratePostgres = async (
  address: PostgresAddress,
  role?: string,
): Promise<readonly string[]> => {
  try {
    const ssl = await tlsOptions(address.tls);
    const applied = await migrate(address, ssl);
    if (role !== undefined) await grant(address, ssl, role);
    return applied;
  } catch (error) {
    throw toFault(error);
  }
};

const grant = async (address: PostgresAddress, ssl: TlsOptions, role: string): Promise<void> => {
  const orm = connect(address, ssl, migrationLimits);
  try {
    await orm.em.transactional((em) => grantRights(em, role));
  } finally {
    await orm.close(true);
  }
};

/** Makes the pool; nothing is sent before the first statement. */
export const connect = (
  address: PostgresAddress,
  ssl: TlsOptions,
  limits: PostgresLimits,
  answered: () => void = () => undefined,
): MikroORM => {
  const { password } = address;
  return new MikroORM({
    ...ormOptions,
    host: address.host,
    port: address.port,
    dbName: address.database,
    ...(address.schema === undefined ? {} : { schema: address.schema }),
    user: address.user,
    password: password === null ? '' : Secret.reveal(password),
    driverOptions: {
      ssl,
      max: limits.poolConnections,
      min: Math.min(warmConnections, limits.poolConnections),
      idleTimeoutMillis: idleTimeoutMs,
      application_name: 'kith',
      ...searchPathOf(address),
      connectionTimeoutMillis: limits.connectionTimeoutMs,
      statement_timeout: limits.statementTimeoutMs,
      lock_timeout: limits.lockTimeoutMs,
      idle_in_transaction_session_timeout: limits.idleInTransactionTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: 5000,
      onPoolCreated: (created: PgPool) => {
        improveQueries(created, limits.queryTimeoutMs, answered);
        forgiveStalls(created, limits.connectionTimeoutMs);
      },
    },
  });
};

/** How a client of `pg` is told where to go. */
const addressOptions = (address: PostgresAddress): object => ({
  host: address.host,
  port: address.port,
  database: address.database,
  user: address.user,
  password: address.password === null ? '' : Secret.reveal(address.password),
  ...searchPathOf(address),
});

/** The name is one that needs no quotes: composition/config.ts. */
const searchPathOf = ({ schema }: PostgresAddress): { readonly options?: string } =>
  schema === undefined ? {} : { options: `-c search_path=${schema}` };

type TlsOptions = false | { readonly rejectUnauthorized: boolean; readonly ca?: string };

export const tlsOptions = async (tls: Tls): Promise<TlsOptions> => {
  if (tls.mode === 'off') return false;
  if (tls.mode === 'unverified') return { rejectUnauthorized: false };
  if (tls.caFile === null) return { rejectUnauthorized: true };
  return { rejectUnauthorized: true, ca: await readFile(tls.caFile, 'utf8') };
};

/** Keeps the process alive: with no server at the start, nothing else may. */
const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
