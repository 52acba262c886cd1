import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MikroORM } from '@mikro-orm/pglite';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { type RawBuilder, sql } from 'kysely';
import { lockDataDirectory } from './data-directory.ts';
import { toFault } from './faults.ts';
import { migrations } from './migrations.ts';
import { ormOptions } from './orm-options.ts';
import { connect, type PostgresLimits, tlsOptions } from './postgres.ts';
import { boundQueries, type PgClient, type PgPool } from './postgres-driver.ts';
import type { PostgresAddress } from './postgres-url.ts';
import { rights } from './rights.ts';

/** What can be known of a database from outside, for whoever has to say whether Kith can work on it. */
export type DatabaseFacts = {
  /** As `server_version_num`: 150004 is 15.4. */
  readonly version: number;
  readonly isReplica: boolean;
  readonly isReadOnly: boolean;
  readonly isolation: string;
  readonly synchronousCommit: string;
  readonly fsync: string;
  /** `replica` switches the triggers of this role's sessions off. */
  readonly replicationRole: string;
  readonly maxConnections: number;
  readonly connections: number;
  readonly missingMigrations: readonly string[];
  /** Migrations that this version does not know: of a later one. */
  readonly unknownMigrations: readonly string[];
  readonly triggers: readonly TriggerFact[];
  /** `select on users` and the like, which the role lacks. */
  readonly missingRights: readonly string[];
  readonly pendingInvalidations: number;
  /** The age of the oldest of them; `null` when there is none. */
  readonly oldestInvalidationMs: number | null;
  readonly latenciesMs: readonly number[];
  /** How far the server's clock is ahead of ours. */
  readonly clockAheadMs: number;
  /** Whether a notification arrives; `null` if that was not tried. */
  readonly notifies: boolean | null;
};

export type TriggerFact = {
  readonly name: string;
  readonly table: string;
  readonly state: 'enabled' | 'disabled' | 'changed' | 'missing';
};

/** The first of these, of PostgreSQL's manual on pg_trigger.tgtype, added up. */
const row = 1;
const [onInsert, onDelete, onUpdate, onTruncate] = [4, 8, 16, 32] as const;

/** What 0001-initial makes. */
const triggers = [
  {
    name: 'kith_journal',
    table: 'users',
    calls: 'kith_journal_users',
    type: row + onInsert + onDelete + onUpdate,
  },
  {
    name: 'kith_journal',
    table: 'contacts',
    calls: 'kith_journal_contacts',
    type: row + onInsert + onDelete + onUpdate,
  },
  { name: 'kith_journal_truncate', table: 'users', calls: 'kith_journal_truncate', type: onTruncate },
  { name: 'kith_journal_truncate', table: 'contacts', calls: 'kith_journal_truncate', type: onTruncate },
  { name: 'kith_journal_wake', table: 'cache_journal', calls: 'kith_journal_wake', type: onInsert },
] as const;

const limits: PostgresLimits = {
  poolConnections: 1,
  connectionTimeoutMs: 3000,
  statementTimeoutMs: 5000,
  queryTimeoutMs: 6000,
  lockTimeoutMs: 1000,
  idleInTransactionTimeoutMs: 5000,
};

const latencySamples = 5;
const notificationMs = 1000;
/** Not the journal's: that would wake every instance. */
const probeChannel = 'kith_doctor';

/** Changes nothing. Throws a fault if the database does not answer. */
export const examinePostgres = async (address: PostgresAddress): Promise<DatabaseFacts> => {
  let orm: Awaited<ReturnType<typeof connect>> | undefined;
  try {
    orm = connect(address, await tlsOptions(address.tls), limits);
    const facts = await gather(orm.em);
    const pool: PgPool = await orm.driver.getConnection().getNativeClient();
    const newClient = (): PgClient => boundQueries(new pool.Client(pool.options), limits.queryTimeoutMs);
    return { ...facts, notifies: await isNotified(newClient).catch(() => false) };
  } catch (error) {
    throw toFault(error);
  } finally {
    await orm?.close(true);
  }
};

/**
 * `undefined` if there is none yet: looking does not make one. Throws `DataDirectoryInUse` while a server has it open.
 */
export const examineEmbedded = async (dataDir: string): Promise<DatabaseFacts | undefined> => {
  const path = join(dataDir, 'pglite');
  if (!existsSync(path)) return undefined;
  await using _lock = await lockDataDirectory(dataDir);
  const orm = new MikroORM({ ...ormOptions, dbName: path });
  try {
    return { ...(await gather(orm.em)), notifies: null };
  } catch (error) {
    throw toFault(error);
  } finally {
    await orm.close(true);
  }
};

const gather = async (em: SqlEntityManager): Promise<Omit<DatabaseFacts, 'notifies'>> => {
  const rows = async (text: RawBuilder<unknown>): Promise<readonly Row[]> =>
    (await text.execute(em.getKysely<unknown>())).rows.map(asRow);

  const latenciesMs: number[] = [];
  // The first question also pays for the connection.
  for (let sample = 0; sample <= latencySamples; sample++) {
    const askedMs = performance.now();
    await rows(sql`select 1`);
    if (sample > 0) latenciesMs.push(performance.now() - askedMs);
  }
  const askedMs = Date.now();
  const [server] = await rows(serverFacts);
  const answeredMs = Date.now();
  const applied = await appliedMigrations(rows);
  const known = migrations.map(({ name }) => name);
  return {
    version: numberIn(server, 'version'),
    isReplica: server?.['is_replica'] === true,
    isReadOnly: textIn(server, 'read_only') === 'on',
    isolation: textIn(server, 'isolation'),
    synchronousCommit: textIn(server, 'synchronous_commit'),
    fsync: textIn(server, 'fsync'),
    replicationRole: textIn(server, 'replication_role'),
    maxConnections: numberIn(server, 'max_connections'),
    connections: numberIn(server, 'connections'),
    missingMigrations: known.filter((name) => !applied.includes(name)),
    unknownMigrations: applied.filter((name) => !known.includes(name)),
    triggers: await triggerFacts(rows),
    missingRights: await missingRights(rows),
    ...(await journalFacts(rows)),
    latenciesMs,
    clockAheadMs: numberIn(server, 'now_ms') - (askedMs + answeredMs) / 2,
  };
};

type Rows = (text: RawBuilder<unknown>) => Promise<readonly Row[]>;

const serverFacts = sql`select
  current_setting('server_version_num')::int as version,
  pg_is_in_recovery() as is_replica,
  current_setting('transaction_read_only') as read_only,
  current_setting('default_transaction_isolation') as isolation,
  current_setting('synchronous_commit') as synchronous_commit,
  current_setting('fsync') as fsync,
  current_setting('session_replication_role') as replication_role,
  current_setting('max_connections')::int as max_connections,
  (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as connections,
  (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms`;

const exists = async (rows: Rows, table: string): Promise<boolean> =>
  (await rows(sql`select to_regclass(${table}) is not null as found`))[0]?.['found'] === true;

const appliedMigrations = async (rows: Rows): Promise<readonly string[]> =>
  (await exists(rows, 'kith_migrations')) && (await mayRead(rows, 'kith_migrations'))
    ? (await rows(sql`select name from kith_migrations order by id`)).map((each) => textIn(each, 'name'))
    : [];

const mayRead = async (rows: Rows, table: string): Promise<boolean> =>
  (await rows(sql`select has_table_privilege(${table}, 'select') as may`))[0]?.['may'] === true;

const triggerFacts = async (rows: Rows): Promise<readonly TriggerFact[]> => {
  const found = await rows(sql`
    select t.tgname as name, c.relname as "table", p.proname as calls, t.tgtype::int as type, t.tgenabled::text as enabled
    from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_proc p on p.oid = t.tgfoid
    where not t.tgisinternal
      and c.oid in (to_regclass('users'), to_regclass('contacts'), to_regclass('cache_journal'))`);
  return triggers.map(({ name, table, calls, type }) => {
    const trigger = found.find((each) => each['name'] === name && each['table'] === table);
    return { name, table, state: stateOf(trigger, calls, type) };
  });
};

const stateOf = (trigger: Row | undefined, calls: string, type: number): TriggerFact['state'] => {
  if (trigger === undefined) return 'missing';
  if (trigger['calls'] !== calls || trigger['type'] !== type) return 'changed';
  // O fires for everybody but replication, A always; D never and R only for replication.
  return trigger['enabled'] === 'O' || trigger['enabled'] === 'A' ? 'enabled' : 'disabled';
};

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

const journalFacts = async (
  rows: Rows,
): Promise<Pick<DatabaseFacts, 'pendingInvalidations' | 'oldestInvalidationMs'>> => {
  if (!(await exists(rows, 'cache_journal')) || !(await mayRead(rows, 'cache_journal')))
    return { pendingInvalidations: 0, oldestInvalidationMs: null };
  const [journal] = await rows(sql`select count(*)::int as total,
    (extract(epoch from clock_timestamp() - min(created_at)) * 1000)::float8 as oldest_ms from cache_journal`);
  const total = numberIn(journal, 'total');
  return {
    pendingInvalidations: total,
    oldestInvalidationMs: total === 0 ? null : numberIn(journal, 'oldest_ms'),
  };
};

/** By two connections, for a pooler between us and the server may give one to several. */
const isNotified = async (newClient: () => PgClient): Promise<boolean> => {
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

const textIn = (from: Row | undefined, name: string): string => String(from?.[name]);
