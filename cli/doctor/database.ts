import { askedForRole, type DatabaseFacts, maxCountedRows } from '../../adapters/mikro-orm/examine.ts';
import type { DirectFacts } from '../../adapters/mikro-orm/examine-direct.ts';
import type { LogTrigger } from '../../adapters/mikro-orm/log-shape.ts';
import type { RuleState } from '../../adapters/mikro-orm/prove-rules.ts';
import type { Pooling } from '../../adapters/mikro-orm/session.ts';
import { bad, type Finding, good, inMs, median, warning } from './finding.ts';

const oldestVersion = 130_000;
/**
 * The connections of one instance: ten of its pool, one each of the checks, the receipts and the listener, the probe of the
 * circuit, and the upkeep of the log.
 */
const connectionsOfInstance = 15;
const slowMs = 20;
/** Above this, a transaction of several statements takes longer than the deadlines of the adapter allow. */
const tooSlowMs = 200;
/** While an instance runs, somebody notes a snapshot each minute. */
const oldNoteMs = 600_000;

/** The findings about any database. */
export const databaseFindings = (facts: DatabaseFacts): readonly Finding[] => [
  ...migrationFindings(facts),
  ...foreignColumnFindings(facts),
  ...triggerFindings(facts),
  ...ruleFindings(facts),
  ...logFindings(facts),
  ...instanceFindings(facts),
];

/**
 * The findings about a PostgreSQL server, with those about any database. `pooling`: what was said of a pooler. `direct`: the
 * way past it, if there is one.
 */
export const postgresFindings = (
  facts: DatabaseFacts,
  pooling: Pooling,
  direct?: DirectFacts,
): readonly Finding[] => [
  versionFinding(facts),
  roleFinding(facts),
  encodingFinding(facts),
  poolerFinding(facts, pooling, direct),
  durabilityFinding(facts),
  isolationFinding(facts),
  connectionsFinding(facts),
  latencyFinding(facts),
  notificationFinding(direct ?? facts),
  ...(direct === undefined ? [] : [directFinding(direct)]),
  rightsFinding(facts),
  ...databaseFindings(facts),
];

const versionFinding = ({ version }: DatabaseFacts): Finding => {
  const found = `PostgreSQL ${Math.floor(version / 10_000)}.${version % 10_000}`;
  return version >= oldestVersion
    ? good('database version', found)
    : bad('database version', found, 'upgrade to PostgreSQL 13 or later');
};

const encodingFinding = ({ encoding }: DatabaseFacts): Finding =>
  encoding === 'UTF8'
    ? good('database encoding', encoding)
    : bad(
        'database encoding',
        `${encoding}, which cannot hold what people type`,
        "make a database with encoding 'UTF8' template template0: no instance starts with this one",
      );

const poolerFinding = ({ keepsSession }: DatabaseFacts, pooling: Pooling, direct?: DirectFacts): Finding => {
  const check = 'pooler';
  const isSaid = pooling === 'transaction';
  if (keepsSession !== false)
    return isSaid
      ? warning(
          check,
          'none, or one in session mode',
          'set DATABASE_POOLER=none: a read is then one round trip instead of three',
        )
      : good(check, 'none, or one in session mode');
  const found = 'a pooler in transaction mode';
  if (!isSaid)
    return bad(
      check,
      `${found}, which nothing says`,
      'set DATABASE_POOLER=transaction, and DATABASE_DIRECT_URL to the way past it: limits that are set on one connection reach other clients of the pooler, and hold by chance',
    );
  return direct === undefined
    ? warning(
        check,
        `${found}, and no way past it`,
        'let DATABASE_DIRECT_URL lead to PostgreSQL itself: nobody is woken through a pooler, and the checks of the log wait for its connections',
      )
    : good(check, found);
};

const roleFinding = ({ standbyAnswers, splitReads, isReadOnly }: DatabaseFacts): Finding => {
  if (standbyAnswers === askedForRole)
    return bad('database role', 'this is a standby', 'let DATABASE_URL name the primary');
  if (standbyAnswers > 0)
    return bad(
      'database role',
      `${standbyAnswers} of ${askedForRole} answers came from a standby`,
      'let DATABASE_URL name the primary, past a pooler that sends reads elsewhere: what a standby answers may be old, and is cached nowhere',
    );
  if (isReadOnly)
    return bad(
      'database role',
      'transactions are read-only',
      'set default_transaction_read_only to off for this role',
    );
  const split = splitReads === 0 ? '' : `; a pooler splits reads, but not ours, which ask for the primary`;
  return good('database role', `a primary that takes writes${split}`);
};

const durabilityFinding = ({ fsync, synchronousCommit }: DatabaseFacts): Finding => {
  const check = 'database durability';
  if (fsync !== 'on') return bad(check, 'fsync is off', 'set fsync = on: a crash may destroy the database');
  if (synchronousCommit === 'off')
    return warning(
      check,
      'synchronous_commit is off',
      'set it to on: a crash may undo acknowledged writes that caches have seen',
    );
  return good(check, `fsync on, synchronous_commit ${synchronousCommit}`);
};

/** Whatever it is: each connection and each transaction says its own. */
const isolationFinding = ({ isolation }: DatabaseFacts): Finding =>
  good(
    'database isolation',
    isolation === 'read committed' ? isolation : `${isolation}; Kith says read committed itself`,
  );

const connectionsFinding = ({ maxConnections, connections }: DatabaseFacts): Finding => {
  const found = `${connections} of ${maxConnections} in use; an instance takes up to ${connectionsOfInstance}`;
  return maxConnections - connections >= connectionsOfInstance
    ? good('database connections', found)
    : warning('database connections', found, 'raise max_connections, or run fewer instances');
};

const latencyFinding = ({ latenciesMs }: DatabaseFacts): Finding => {
  const ms = median(latenciesMs);
  if (ms <= slowMs) return good('database latency', inMs(ms));
  const advice =
    'bring the server and its database together: every miss and every write waits this long, several times';
  return (ms > tooSlowMs ? bad : warning)('database latency', inMs(ms), advice);
};

const notificationFinding = ({ notifies }: Pick<DatabaseFacts, 'notifies'>): Finding =>
  notifies === true
    ? good('database notifications', 'they arrive')
    : warning(
        'database notifications',
        'NOTIFY is not heard',
        'let DATABASE_DIRECT_URL lead past the pooler in transaction mode: changes whose fences failed are now seen only by the next check of the log, a quarter of JOURNAL_BOUND_MS later',
      );

/** The log is read, migrations are made and notifications are heard there. */
const directFinding = ({ isSame, isStandby, isReadOnly, keepsSession }: DirectFacts): Finding => {
  const check = 'direct connection';
  // First: a standby is another server.
  if (isStandby) return bad(check, 'it leads to a standby', 'let DATABASE_DIRECT_URL name the primary');
  if (!isSame)
    return bad(
      check,
      'it leads to another database',
      'let DATABASE_DIRECT_URL name the server and the database of DATABASE_URL, and no copy: no instance starts with two',
    );
  if (isReadOnly)
    return bad(
      check,
      'transactions are read-only',
      'set default_transaction_read_only to off for its role: a check of the log writes a beat',
    );
  if (!keepsSession)
    return bad(
      check,
      'it leads through a pooler in transaction mode',
      'let DATABASE_DIRECT_URL lead past it, to PostgreSQL itself',
    );
  return good(check, 'the same database, and sessions of its own');
};

const rightsFinding = ({ missingRights }: DatabaseFacts): Finding =>
  missingRights.length === 0
    ? good('database rights', 'all that serving needs')
    : bad(
        'database rights',
        `missing: ${missingRights.join(', ')}`,
        'grant them; docs/security.md has the list',
      );

const migrationFindings = ({
  missingMigrations,
  migrationLockHolder: holder,
  unknownMigrations,
  schema,
  foreignTables,
}: DatabaseFacts): readonly Finding[] => {
  if (schema === null)
    return [bad('migrations', 'the search path of this role has no schema', 'set DATABASE_SCHEMA')];
  if (foreignTables.length > 0)
    return [
      bad(
        'migrations',
        `the schema ${schema} has tables that are not Kith's: ${foreignTables.join(', ')}`,
        'set DATABASE_SCHEMA to another schema, which is made',
      ),
    ];
  const findings: Finding[] = [];
  const missing = `missing: ${missingMigrations.join(', ')}`;
  if (missingMigrations.length > 0)
    findings.push(
      holder === undefined
        ? bad('migrations', missing, 'run kith migrate')
        : bad(
            'migrations',
            `${missing}; the process ${holder} of PostgreSQL holds their lock`,
            `wait, if it makes them, else select pg_terminate_backend(${holder}); then run kith migrate`,
          ),
    );
  if (unknownMigrations.length > 0)
    findings.push(
      warning(
        'migrations',
        `of a later version: ${unknownMigrations.join(', ')}`,
        'run the version of Kith that made them',
      ),
    );
  return findings.length > 0 ? findings : [good('migrations', 'all applied')];
};

/** Each insert of ours would fail, and say no more than a SQLSTATE. */
const foreignColumnFindings = ({ foreignColumns }: DatabaseFacts): readonly Finding[] =>
  foreignColumns.map((column) =>
    bad(
      'columns',
      `${column} is not Kith's, and has to have a value`,
      `alter table ${column.replace('.', ' alter column ')} set default ..., or drop not null: without it nothing is inserted (23502)`,
    ),
  );

const triggerFindings = ({
  triggers,
  replicationRole,
  missingMigrations,
}: DatabaseFacts): readonly Finding[] => {
  // The migration that is missing makes them.
  if (missingMigrations.some((name) => name <= '0005-contact-lists')) return [];
  const findings = triggers.filter(({ state }) => state !== 'always').map(triggerFinding);
  if (replicationRole === 'replica')
    findings.push(
      bad(
        'triggers',
        'session_replication_role is replica, so foreign keys are not kept',
        'alter role ... reset session_replication_role',
      ),
    );
  return findings.length > 0 ? findings : [good('triggers', `all ${triggers.length} always fire`)];
};

/** Without those of the log no instance serves from a cache. */
const triggerFinding = ({ table, name, state, isNeeded }: LogTrigger): Finding => {
  const isThere = state === 'ordinary' || state === 'disabled';
  const advice = isThere
    ? `alter table ${table} enable always trigger ${name}`
    : `make it as ${isOfLog(name) ? '0003-change-log' : '0005-contact-lists'} in adapters/mikro-orm does`;
  const meanwhile = isNeeded
    ? ': until then no instance serves from a cache'
    : isOfLog(name)
      ? ': until then SQL that leaves the version leaves the ETag, too'
      : ': until then the number of contacts and searches miss what is changed';
  const found = `${name} on ${table} is ${state}`;
  return (isNeeded ? bad : warning)('triggers', found, `${advice}${meanwhile}`);
};

/** The constraints that refuse what the domain refuses. */
const ruleFindings = ({ rules, missingMigrations }: DatabaseFacts): readonly Finding[] => {
  // The migration that is missing makes them.
  if (missingMigrations.some((name) => name <= '0006-rules')) return [];
  const check = 'stored values';
  const named = (state: RuleState['state']): readonly string[] =>
    rules.filter((rule) => rule.state === state).map(({ name }) => name);
  const [unproved, missing] = [named('new-values'), named('missing')];
  const findings: Finding[] = [];
  if (missing.length > 0)
    findings.push(
      warning(
        check,
        `nothing holds ${missing.join(', ')}`,
        'make the constraints as 0006-rules in adapters/mikro-orm/migrations.ts does: until then SQL may write what the rules refuse',
      ),
    );
  if (unproved.length > 0)
    findings.push(
      warning(
        check,
        `of new values only: ${unproved.join(', ')}`,
        'see what older values break with kith doctor --rows, correct them, and run kith migrate, which then makes constraints of these',
      ),
    );
  return findings.length > 0 ? findings : [good(check, `all keep the ${rules.length} rules`)];
};
const isOfLog = (name: string): boolean => name === 'kith_version' || name.startsWith('kith_log');

const logFindings = ({ log, instances }: DatabaseFacts): readonly Finding[] => {
  // What there is none of, or none to be read, is a matter of migrations, rights or the role.
  if (log === null) return [];
  const { rows, made, newestNoteMs } = log;
  const found = rows === maxCountedRows ? `${rows} rows or more` : `${rows} ${rows === 1 ? 'row' : 'rows'}`;
  if (made === 'elsewhere')
    return [
      warning(
        'log',
        `${found}, made for another database`,
        'nothing, if this is a copy: the first instance that starts here empties the log, and believes nothing that was cached before',
      ),
    ];
  if (made === 'none') return [good('log', `${found}, not begun: the next start does`)];
  const isRead = instances.some(({ isReading }) => isReading);
  // None at all is how it is in the first minute.
  if (isRead && newestNoteMs !== null && newestNoteMs > oldNoteMs)
    return [
      warning(
        'log',
        `${found}, last noted ${inMinutes(newestNoteMs)} ago`,
        'look for log-not-swept in the log of an instance: until it is noted again, no row is deleted',
      ),
    ];
  const noted = newestNoteMs === null ? 'not noted yet' : `last noted ${inMinutes(newestNoteMs)} ago`;
  return [good('log', `${found}, ${noted}`)];
};

const inMinutes = (ms: number): string => `${Math.max(0, Math.floor(ms / 60_000))} min`;

const instanceFindings = ({ log, instances }: DatabaseFacts): readonly Finding[] => {
  if (log === null) return [];
  const check = 'instances';
  const reading = instances.filter(({ isReading }) => isReading);
  const ended = instances.length - reading.length;
  const more = ended === 0 ? '' : `, and ${ended} that ended without saying so`;
  const found = `${reading.length} ${reading.length === 1 ? 'reads' : 'read'} the log${more}`;
  const bounds = distinct(reading.map(({ boundMs }) => boundMs));
  const protocols = distinct(reading.map(({ protocol }) => protocol));
  const findings: Finding[] = [];
  if (bounds.length > 1)
    findings.push(
      warning(
        check,
        `${found}, with JOURNAL_BOUND_MS ${bounds.join(' and ')}`,
        'give all the same: security writes of each wait for the largest',
      ),
    );
  if (protocols.length > 1)
    findings.push(
      warning(
        check,
        `${found}, of protocols ${protocols.join(' and ')}`,
        'bring the roll-out to its end: what one version caches the other does not believe',
      ),
    );
  const largestMs = Math.max(...bounds);
  if (log.largestBoundMs !== null && bounds.length === 1 && log.largestBoundMs > largestMs)
    findings.push(
      warning(
        check,
        `${found} within ${largestMs} ms, and somebody once did within ${log.largestBoundMs}`,
        `if nobody does any more: update log_bounds set j_ms = ${largestMs}, then restart; until then security writes wait for the larger`,
      ),
    );
  return findings.length > 0 ? findings : [good(check, found)];
};

const distinct = (values: readonly number[]): readonly number[] => [...new Set(values)].sort((a, b) => a - b);
