/**
 * MIGRATE: looks first. What is up to date is not locked, so that a lock that somebody holds keeps nobody from starting; what
 * is not is locked, looked at again, and brought up to date by one process at a time. Nothing is written where our tables
 * cannot be.
 */
import type { MikroORM } from '@mikro-orm/postgresql';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { sql } from 'kysely';
import { DatabaseUnavailable } from '../../domain/faults.ts';
import { isLockTimeout, toFault, Unsuitable } from './faults.ts';
import { type Home, lookAtHome, mustBeHabitable } from './home.ts';
import { type LogConnection, onKysely } from './log-connection.ts';
import type { PostgresAddress } from './postgres-address.ts';
import {
  atPrimary,
  connect,
  defaultConnectTimeoutMs,
  type PostgresLimits,
  type TlsOptions,
  tlsOptions,
} from './postgres-pool.ts';
import { proveRules } from './prove-rules.ts';
import { grantRights } from './rights.ts';
import { Row } from './row.ts';
import { runMigrations } from './run-migrations.ts';

/** Migrations may take long. `lockTimeoutMs` is how long one instance waits for another's. */
const migrationLimits: PostgresLimits = {
  poolConnections: 2,
  connectionTimeoutMs: defaultConnectTimeoutMs,
  statementTimeoutMs: 600_000,
  queryTimeoutMs: 610_000,
  lockTimeoutMs: 30_000,
  idleInTransactionTimeoutMs: 0,
};

/** Of one try of a migration: for so long it waits for a table, and everybody behind it. */
const lockOfTableMs = 500;

/** A start tells soon whom it waits for, and tries again by itself. */
export const patienceOfStartMs = 3000;

/** Any number, the same in every version: "kith" in ASCII. */
const migrationLock = 0x6b697468;

export type Migrated = {
  readonly schema: string;
  readonly applied: readonly string[];
  /** The rules that rows of before them may break (rules.ts), as far as this has looked: where something was applied. */
  readonly unprovedRules: readonly string[];
};

/**
 * Runs what is missing of the migrations, which `home` says, and says where our tables are and what it did itself. Throws the
 * driver's error or a fault.
 */
export const migrate = async (
  home: Home,
  address: PostgresAddress,
  ssl: TlsOptions,
  lockTimeoutMs: number,
): Promise<Migrated> => {
  mustBeHabitable(home);
  if (home.schema !== null && home.missing.length === 0)
    return { schema: home.schema, applied: [], unprovedRules: [] };
  const limits = { ...migrationLimits, lockTimeoutMs: lockOfTableMs };
  const schema = home.schema ?? (await withOrm(address, ssl, limits, (orm) => makeSchema(orm, address)));
  return withOrm({ ...address, schema }, ssl, limits, async (orm) => {
    const applied = await runMissing(orm, lockTimeoutMs);
    return { schema, applied, unprovedRules: applied.length === 0 ? [] : await proveRules(on(orm.em)) };
  });
};

/** The same for whoever migrates apart from serving, and what serving needs for `role`. Throws a fault. */
export const migratePostgres = async (
  configured: PostgresAddress,
  role?: string,
): Promise<Pick<Migrated, 'applied' | 'unprovedRules'>> => {
  try {
    const ssl = await tlsOptions(configured.tls);
    const address = await atPrimary(configured, ssl);
    const home = await withOrm(address, ssl, migrationLimits, (orm) => lookAtHome(on(orm.em)));
    const { schema, applied } = await migrate(home, address, ssl, migrationLimits.lockTimeoutMs);
    // Also where nothing was missing: rows may have been corrected since.
    const unprovedRules = await withOrm({ ...address, schema }, ssl, migrationLimits, (orm) =>
      proveRules(on(orm.em)),
    );
    if (role !== undefined) {
      await withOrm({ ...address, schema }, ssl, migrationLimits, (orm) =>
        orm.em.transactional((em) => grantRights(em, role)),
      );
    }
    return { applied, unprovedRules };
  } catch (error) {
    throw toFault(error);
  }
};

/** On a connection of its own, so that the lock is gone with the connection, however this ends. */
const runMissing = async (orm: MikroORM, lockTimeoutMs: number): Promise<readonly string[]> => {
  try {
    return await orm.em.transactional(async (em) => {
      await on(em).rows(`select set_config('lock_timeout', $1, true)`, [`${lockTimeoutMs}ms`]);
      await on(em).rows('select pg_advisory_xact_lock($1)', [migrationLock]);
      // Somebody else may have done it meanwhile.
      const home = await lookAtHome(on(em));
      mustBeHabitable(home);
      if (home.missing.length === 0) return [];
      return runMigrations(orm, Math.ceil(lockTimeoutMs / 1000));
    });
  } catch (error) {
    const pid = isLockTimeout(error) ? await migrationLockHolder(on(orm.em)) : undefined;
    if (pid === undefined) throw error;
    throw new DatabaseUnavailable(`the process ${pid} of PostgreSQL holds the lock of the migrations`);
  }
};

/** The process of PostgreSQL that migrates, or holds the lock for another reason; `undefined`: none. */
export const migrationLockHolder = async (connection: LogConnection): Promise<number | undefined> => {
  const [holder] = await connection.rows(whoHolds, [migrationLock]);
  return holder === undefined ? undefined : new Row('pg_locks', holder).integer('pid');
};

/** A key of 64 bits stands in two columns of 32. */
const whoHolds = `select pid from pg_locks
  where locktype = 'advisory' and granted and classid = 0 and objid = $1::bigint::oid and objsubid = 1
    and database = (select oid from pg_database where datname = current_database())`;

/** Only where it is missing: to make one takes a right that whoever serves need not have. */
const makeSchema = async (orm: MikroORM, { schema }: PostgresAddress): Promise<string> => {
  if (schema === undefined)
    throw new Unsuitable('the search path of this role has no schema: set DATABASE_SCHEMA');
  const found = await on(orm.em).rows('select from pg_namespace where nspname = $1', [schema]);
  if (found.length > 0) throw new DatabaseUnavailable(`this role may not use the schema ${schema}`);
  await sql`create schema ${sql.id(schema)}`.execute(orm.em.getKysely<unknown>());
  return schema;
};

const on = (em: SqlEntityManager): LogConnection => onKysely(em.getKysely<unknown>());

const withOrm = async <T>(
  address: PostgresAddress,
  ssl: TlsOptions,
  limits: PostgresLimits,
  work: (orm: MikroORM) => Promise<T>,
): Promise<T> => {
  const orm = connect(address, ssl, limits);
  try {
    return await work(orm);
  } finally {
    await orm.close(true);
  }
};
