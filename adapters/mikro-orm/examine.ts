import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MikroORM } from '@mikro-orm/pglite';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type RawBuilder, sql } from 'kysely';
import { isMadeHere } from './change-log.ts';
import { inDataDirectory, lockDataDirectory, mayBeUsed } from './data-directory.ts';
import { toFault } from './faults.ts';
import { type Home, lookAtHome } from './home.ts';
import { listInstances } from './instances.ts';
import { type LogConnection, onKysely } from './log-connection.ts';
import { checkTriggers, type LogTrigger } from './log-shape.ts';
import { migrationLockHolder } from './migrate.ts';
import { ormOptions } from './orm-options.ts';
import type { PostgresAddress } from './postgres-address.ts';
import { ask, boundQueries, type PgClient, type PgPool } from './postgres-driver.ts';
import { atPrimary, connect, examineLimits, type TlsOptions, tlsOptions } from './postgres-pool.ts';
import { checkRules, type RuleState } from './prove-rules.ts';
import { rights } from './rights.ts';
import { askPrimary } from './session.ts';

/** What can be known of a database from outside, for whoever has to say whether Kith can work on it. */
export type DatabaseFacts = {
  /** As `server_version_num`: 150004 is 15.4. */
  readonly version: number;
  /** How many of `askedForRole` reads were answered by a standby, asked as an instance asks. */
  readonly standbyAnswers: number;
  /** The same of reads of anybody else's: a pooler that splits them sends some of them there. */
  readonly splitReads: number;
  /** Whether it is a standby that takes what must go to a primary. */
  readonly isStandby: boolean;
  /** Whether a connection is one session: what is set in it is still set in the next statement; `null` if not tried. */
  readonly keepsSession: boolean | null;
  readonly encoding: string;
  /** Where our tables are, or will be; `null`: nowhere. */
  readonly schema: string | null;
  /** Tables of others in the place of ours. */
  readonly foreignTables: readonly string[];
  /** Columns of others in our tables that have to have a value and have no default: `users.tenant`. */
  readonly foreignColumns: readonly string[];
  readonly isReadOnly: boolean;
  readonly isolation: string;
  readonly synchronousCommit: string;
  readonly fsync: string;
  /** `replica` switches the triggers of this role's sessions off. */
  readonly replicationRole: string;
  readonly maxConnections: number;
  readonly connections: number;
  readonly missingMigrations: readonly string[];
  /** The process of PostgreSQL that holds up whoever would make them; `undefined`: none. */
  readonly migrationLockHolder: number | undefined;
  /** Migrations that this version does not know: of a later one. */
  readonly unknownMigrations: readonly string[];
  readonly triggers: readonly LogTrigger[];
  /** In which form each rule for values is held. */
  readonly rules: readonly RuleState[];
  /** `select on users` and the like, which the role lacks. */
  readonly missingRights: readonly string[];
  /** `null` where there is none, or none that this role may read. */
  readonly log: LogFacts | null;
  readonly instances: readonly InstanceFact[];
  readonly latenciesMs: readonly number[];
  /** How far the server's clock is ahead of ours. */
  readonly clockAheadMs: number;
  /** Whether a notification arrives; `null` if that was not tried. */
  readonly notifies: boolean | null;
};

export type LogFacts = {
  /** Counted to `maxCountedRows`. */
  readonly rows: number;
  /** `elsewhere`: it came with a copy of another database. `none`: a crash took its state, or nothing has begun it yet. */
  readonly made: 'here' | 'elsewhere' | 'none';
  /** The age of the newest noted snapshot, by the server's clock; `null`: there is none. */
  readonly newestNoteMs: number | null;
  /** The largest bound that any process has used, in milliseconds; `null`: none has. */
  readonly largestBoundMs: number | null;
};

/** A process that reads the log, or that ended without saying so. */
export type InstanceFact = {
  readonly boundMs: number;
  readonly protocol: number;
  /** Whether it gave a beat while the doctor looked on. */
  readonly isReading: boolean;
};

export const askedForRole = 20;
export const maxCountedRows = 1_000_000;
/** Long enough for several beats of a process with the usual bound. */
const maxWatchMs = 5000;

const latencySamples = 5;
const notificationMs = 1000;
/** Not the log's: that would wake every instance. */
const probeChannel = 'kith_doctor';

/** Changes nothing. Throws a fault if the database does not answer. */
export const examinePostgres = async (address: PostgresAddress): Promise<DatabaseFacts> => {
  try {
    const ssl = await tlsOptions(address.tls);
    // Where there is no primary, the first host is what there is to be looked at.
    const at = await atPrimary(address, ssl).catch(() => ({ ...address, others: undefined }));
    // In transactions, so that nothing is set for whoever gets a pooler's connection next.
    const there = { ...at, pooling: 'transaction' } as const;
    await using looking = connectFor(there, ssl);
    const home = await lookAtHome(onKysely(looking.orm.em.getKysely<unknown>()));
    await using opened = connectFor({ ...there, schema: home.schema ?? at.schema }, ssl);
    const { orm } = opened;
    const facts = await gather(orm.em, home);
    const pool: PgPool = await orm.driver.getConnection().getNativeClient();
    const newClient = (): PgClient =>
      boundQueries(new pool.Client(pool.options), examineLimits.queryTimeoutMs);
    const sampled = await sample(newClient, facts);
    return {
      ...facts,
      ...sampled,
      keepsSession: await keepsSession(newClient),
      notifies: await isNotified(newClient).catch(() => false),
    };
  } catch (error) {
    throw toFault(error);
  }
};

const connectFor = (address: PostgresAddress, ssl: TlsOptions) => {
  const orm = connect(address, ssl, examineLimits);
  return { orm, [Symbol.asyncDispose]: () => orm.close(true) };
};

/** On a connection as it is made, of which nothing is asked but what is asked here. */
const sample = async (
  newClient: () => PgClient,
  { isStandby, isReadOnly }: Pick<DatabaseFacts, 'isStandby' | 'isReadOnly'>,
): Promise<Pick<DatabaseFacts, 'standbyAnswers' | 'splitReads' | 'latenciesMs'>> => {
  const client = newClient();
  client.on('error', () => undefined);
  try {
    await client.connect();
    const latenciesMs: number[] = [];
    // The first one finds the server's process new.
    for (let asked = 0; asked <= latencySamples; asked++) {
      const askedMs = performance.now();
      await client.query('select 1');
      if (asked > 0) latenciesMs.push(performance.now() - askedMs);
    }
    if (isStandby) return { latenciesMs, standbyAnswers: askedForRole, splitReads: askedForRole };
    // What takes no writes tells nothing by that.
    const ofStandby = async (): Promise<number> => (isReadOnly ? 0 : countReadOnly(client));
    const splitReads = await ofStandby();
    askPrimary(client);
    return { latenciesMs, splitReads, standbyAnswers: await ofStandby() };
  } finally {
    client.connection.stream.destroy();
  }
};

/** Not by pg_is_in_recovery(): whoever splits reads takes it for one that may write, and asks the primary. */
const countReadOnly = async (client: PgClient): Promise<number> => {
  let found = 0;
  for (let asked = 0; asked < askedForRole; asked++) {
    if ((await ask(client, readOnly))['read_only'] === 'on') found++;
  }
  return found;
};

const readOnly = `select current_setting('transaction_read_only') as read_only`;

/** A pooler in transaction mode gives one of two another session while the other is in a transaction. */
export const keepsSession = async (newClient: () => PgClient): Promise<boolean> => {
  const [client, other] = [newClient(), newClient()];
  const pidOf = async (asked: PgClient): Promise<unknown> =>
    (await ask(asked, 'select pg_backend_pid() as pid'))['pid'];
  try {
    for (const each of [client, other]) {
      each.on('error', () => undefined);
      await each.connect();
    }
    const before = await pidOf(client);
    await other.query('begin');
    await pidOf(other);
    const after = await pidOf(client);
    await other.query('rollback');
    return before === after;
  } finally {
    for (const each of [client, other]) each.connection.stream.destroy();
  }
};

/**
 * `undefined` if there is no database yet; it does not make one. Throws `DataDirectoryInUse` while a server has it
 * open.
 */
export const examineEmbedded = async (dataDir: string): Promise<DatabaseFacts | undefined> => {
  const path = join(dataDir, 'pglite');
  await inDataDirectory(dataDir, () => mayBeUsed(dataDir));
  if (!existsSync(path)) return undefined;
  await using _lock = await lockDataDirectory(dataDir);
  const orm = new MikroORM({ ...ormOptions, dbName: path });
  try {
    const alone = { standbyAnswers: 0, splitReads: 0, latenciesMs: [], keepsSession: null, notifies: null };
    const home = await lookAtHome(onKysely(orm.em.getKysely<unknown>()));
    return { ...(await gather(orm.em, home)), ...alone };
  } catch (error) {
    throw toFault(error);
  } finally {
    await orm.close(true);
  }
};

type Sampled = 'standbyAnswers' | 'splitReads' | 'latenciesMs' | 'keepsSession' | 'notifies';

const gather = async (em: SqlEntityManager, home: Home): Promise<Omit<DatabaseFacts, Sampled>> => {
  const rows = async (text: RawBuilder<unknown>): Promise<readonly Row[]> =>
    (await text.execute(em.getKysely<unknown>())).rows.map(asRow);

  const askedMs = Date.now();
  const [server] = await rows(serverFacts);
  const answeredMs = Date.now();
  const connection = onKysely(em.getKysely<unknown>());
  const isStandby = server?.['is_standby'] === true;
  return {
    version: numberIn(server, 'version'),
    isStandby,
    isReadOnly: textIn(server, 'read_only') === 'on',
    isolation: textIn(server, 'isolation'),
    synchronousCommit: textIn(server, 'synchronous_commit'),
    fsync: textIn(server, 'fsync'),
    replicationRole: textIn(server, 'replication_role'),
    maxConnections: numberIn(server, 'max_connections'),
    connections: numberIn(server, 'connections'),
    encoding: home.encoding,
    schema: home.schema,
    foreignTables: home.foreignTables,
    foreignColumns: await foreignColumns(em, rows),
    missingMigrations: home.missing,
    migrationLockHolder: home.missing.length === 0 ? undefined : await migrationLockHolder(connection),
    unknownMigrations: home.unknown,
    triggers: await checkTriggers(connection),
    rules: await checkRules(connection),
    missingRights: await missingRights(rows),
    // Unlogged tables cannot be read on a standby.
    log: isStandby ? null : await logFacts(rows),
    instances: isStandby ? [] : await instanceFacts(rows, connection),
    clockAheadMs: numberIn(server, 'now_ms') - (askedMs + answeredMs) / 2,
  };
};

type Rows = (text: RawBuilder<unknown>) => Promise<readonly Row[]>;

const serverFacts = sql`select
  current_setting('server_version_num')::int as version,
  current_setting('transaction_read_only') as read_only,
  pg_is_in_recovery() as is_standby,
  (select reset_val from pg_settings where name = 'default_transaction_isolation') as isolation,
  current_setting('synchronous_commit') as synchronous_commit,
  current_setting('fsync') as fsync,
  current_setting('session_replication_role') as replication_role,
  current_setting('max_connections')::int as max_connections,
  (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as connections,
  (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms`;

const exists = async (rows: Rows, table: string): Promise<boolean> =>
  (await rows(sql`select to_regclass(${table}) is not null as found`))[0]?.['found'] === true;

const mayRead = async (rows: Rows, table: string): Promise<boolean> =>
  (await rows(sql`select has_table_privilege(${table}, 'select') as may`))[0]?.['may'] === true;

const missingRights = async (rows: Rows): Promise<readonly string[]> => {
  const missing: string[] = [];
  for (const [table, needed] of Object.entries(rights)) {
    if (!(await exists(rows, table))) continue;
    for (const right of needed) {
      const [answer] = await rows(sql`select has_table_privilege(${table}, ${right}) as may`);
      if (answer?.['may'] !== true) missing.push(`${right} on ${table}`);
    }
  }
  return missing;
};

const foreignColumns = async (em: SqlEntityManager, rows: Rows): Promise<readonly string[]> => {
  const found: string[] = [];
  for (const { tableName, props } of em.getMetadata().getAll().values()) {
    const ours = props.flatMap(({ fieldNames }) => fieldNames);
    const wanting = await rows(sql`select attname::text as name from pg_attribute
      where attrelid = to_regclass(${tableName}) and attnum > 0 and not attisdropped and attnotnull
        and not atthasdef and attidentity = '' and not (attname::text = any(${ours}::text[])) order by 1`);
    found.push(...wanting.map((row) => `${tableName}.${textIn(row, 'name')}`));
  }
  return found;
};

const mayReadAll = async (rows: Rows, tables: readonly string[]): Promise<boolean> => {
  for (const table of tables) {
    if (!(await exists(rows, table)) || !(await mayRead(rows, table))) return false;
  }
  return true;
};

const logFacts = async (rows: Rows): Promise<LogFacts | null> => {
  if (!(await mayReadAll(rows, ['change_log', 'log_state', 'log_notes', 'log_bounds']))) return null;
  const [log] = await rows(sql`select
    (select count(*)::int from (select from change_log limit ${maxCountedRows}) counted) as total,
    case when s.one is null then 'none' when ${sql.raw(isMadeHere)} then 'here' else 'elsewhere' end as made,
    (select extract(epoch from clock_timestamp() - max(noted_at)) * 1000 from log_notes)::float8 as note_ms,
    (select j_ms from log_bounds) as bound_ms
    from (select) as always left join log_state s on true`);
  const made = textIn(log, 'made');
  return {
    rows: numberIn(log, 'total'),
    made: made === 'here' || made === 'elsewhere' ? made : 'none',
    newestNoteMs: numberOrNull(log, 'note_ms'),
    largestBoundMs: numberOrNull(log, 'bound_ms'),
  };
};

/** Looks twice: one that died stays in the list for an hour, but gives no beat. */
const instanceFacts = async (rows: Rows, connection: LogConnection): Promise<readonly InstanceFact[]> => {
  if (!(await mayReadAll(rows, ['instances']))) return [];
  const before = await listInstances(connection);
  if (before.length === 0) return [];
  const watchMs = Math.max(...before.map(({ boundMs }) => boundMs)) / 2;
  await new Promise((resolve) => setTimeout(resolve, Math.min(watchMs, maxWatchMs)));
  const beats = new Map(before.map(({ id, beat }) => [id, beat]));
  return (await listInstances(connection)).map(({ id, beat, boundMs, protocol }) => ({
    boundMs,
    protocol,
    isReading: beats.get(id) !== beat,
  }));
};

/** By two connections, for a pooler between us and the server may give one to several. */
export const isNotified = async (newClient: () => PgClient): Promise<boolean> => {
  const [ear, mouth] = [newClient(), newClient()];
  const heard = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => heard.resolve(false), notificationMs);
  try {
    for (const client of [ear, mouth]) {
      client.on('error', () => heard.resolve(false));
      await client.connect();
    }
    ear.on('notification', () => heard.resolve(true));
    await ear.query(`listen ${probeChannel}`);
    await mouth.query(`notify ${probeChannel}`);
    return await heard.promise;
  } finally {
    clearTimeout(timer);
    for (const client of [ear, mouth]) {
      client.end().catch(() => undefined);
      client.connection.stream.destroy();
    }
  }
};

type Row = Readonly<Record<string, unknown>>;

const asRow = (value: unknown): Row =>
  typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};

const numberIn = (from: Row | undefined, name: string): number => Number(from?.[name]);

const numberOrNull = (from: Row | undefined, name: string): number | null =>
  from?.[name] === null ? null : numberIn(from, name);

const textIn = (from: Row | undefined, name: string): string => String(from?.[name]);
