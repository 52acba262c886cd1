import { askedForRole, type DatabaseFacts, maxCountedRows } from '../../adapters/mikro-orm/examine.ts';
import type { DirectFacts } from '../../adapters/mikro-orm/examine-direct.ts';
import type { LogTrigger } from '../../adapters/mikro-orm/log-shape.ts';
import type { Pooling } from '../../adapters/mikro-orm/postgres-address.ts';
import type { RuleState } from '../../adapters/mikro-orm/prove-rules.ts';
import { type Finding, finding, good, inMs, median } from './finding.ts';

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
  const check = 'database version';
  const found = `PostgreSQL ${Math.floor(version / 10_000)}.${version % 10_000}`;
  return version >= oldestVersion ? good(check, found) : finding(check, 'postgres-too-old', { found });
};

const encodingFinding = ({ encoding }: DatabaseFacts): Finding =>
  encoding === 'UTF8'
    ? good('database encoding', encoding)
    : finding('database encoding', 'encoding-unsuitable', { encoding });

const poolerFinding = ({ keepsSession }: DatabaseFacts, pooling: Pooling, direct?: DirectFacts): Finding => {
  const check = 'pooler';
  const isSaid = pooling === 'transaction';
  if (keepsSession !== false) {
    const found = 'none, or one in session mode';
    return isSaid ? finding(check, 'pooler-none', { found }) : good(check, found);
  }
  const found = 'a pooler in transaction mode';
  if (!isSaid) return finding(check, 'pooler-unsaid', { found });
  return direct === undefined ? finding(check, 'pooler-without-direct', { found }) : good(check, found);
};

const roleFinding = ({ standbyAnswers, splitReads, isReadOnly }: DatabaseFacts): Finding => {
  const check = 'database role';
  if (standbyAnswers === askedForRole) return finding(check, 'primary-is-standby', {});
  if (standbyAnswers > 0)
    return finding(check, 'reads-from-standby', { standbyAnswers, asked: askedForRole });
  if (isReadOnly) return finding(check, 'database-read-only', {});
  const split = splitReads === 0 ? '' : `; a pooler splits reads, but not ours, which ask for the primary`;
  return good(check, `a primary that takes writes${split}`);
};

const durabilityFinding = ({ fsync, synchronousCommit }: DatabaseFacts): Finding => {
  const check = 'database durability';
  if (fsync !== 'on') return finding(check, 'fsync-off', {});
  if (synchronousCommit === 'off') return finding(check, 'commit-asynchronous', {});
  return good(check, `fsync on, synchronous_commit ${synchronousCommit}`);
};

/** Whatever it is: each connection and each transaction says its own. */
const isolationFinding = ({ isolation }: DatabaseFacts): Finding =>
  good(
    'database isolation',
    isolation === 'read committed' ? isolation : `${isolation}; Kith says read committed itself`,
  );

const connectionsFinding = ({ maxConnections, connections }: DatabaseFacts): Finding => {
  const check = 'database connections';
  const found = `${connections} of ${maxConnections} in use; an instance takes up to ${connectionsOfInstance}`;
  return maxConnections - connections >= connectionsOfInstance
    ? good(check, found)
    : finding(check, 'connections-scarce', { found });
};

const latencyFinding = ({ latenciesMs }: DatabaseFacts): Finding => {
  const check = 'database latency';
  const ms = median(latenciesMs);
  if (ms <= slowMs) return good(check, inMs(ms));
  return finding(check, ms > tooSlowMs ? 'database-too-far' : 'database-far', { found: inMs(ms) });
};

const notificationFinding = ({ notifies }: Pick<DatabaseFacts, 'notifies'>): Finding =>
  notifies === true
    ? good('database notifications', 'they arrive')
    : finding('database notifications', 'notifications-unheard', {});

/** The log is read, migrations are made and notifications are heard there. */
const directFinding = ({ isSame, isStandby, isReadOnly, keepsSession }: DirectFacts): Finding => {
  const check = 'direct connection';
  // First: a standby is another server.
  if (isStandby) return finding(check, 'direct-standby', {});
  if (!isSame) return finding(check, 'direct-elsewhere', {});
  if (isReadOnly) return finding(check, 'direct-read-only', {});
  if (!keepsSession) return finding(check, 'direct-pooled', {});
  return good(check, 'the same database, and sessions of its own');
};

/** A way past a pooler that nobody can go. */
export const unreachableDirect = (found: string): Finding =>
  finding('direct connection', 'direct-unreachable', { found });

const rightsFinding = ({ missingRights }: DatabaseFacts): Finding =>
  missingRights.length === 0
    ? good('database rights', 'all that serving needs')
    : finding('database rights', 'rights-missing', { names: missingRights });

const migrationFindings = ({
  missingMigrations,
  migrationLockHolder: holder,
  unknownMigrations,
  schema,
  foreignTables,
}: DatabaseFacts): readonly Finding[] => {
  const check = 'migrations';
  if (schema === null) return [finding(check, 'schema-missing', {})];
  if (foreignTables.length > 0) return [finding(check, 'tables-foreign', { schema, names: foreignTables })];
  const findings: Finding[] = [];
  const names = missingMigrations;
  if (names.length > 0)
    findings.push(
      holder === undefined
        ? finding(check, 'migrations-missing', { names })
        : finding(check, 'migrations-locked', { names, holder }),
    );
  if (unknownMigrations.length > 0)
    findings.push(finding(check, 'migrations-later', { names: unknownMigrations }));
  return findings.length > 0 ? findings : [good(check, 'all applied')];
};

/** Each insert of ours would fail, and say no more than a SQLSTATE. */
const foreignColumnFindings = ({ foreignColumns }: DatabaseFacts): readonly Finding[] =>
  foreignColumns.map((column) => finding('columns', 'column-foreign', { column }));

const triggerFindings = ({
  triggers,
  replicationRole,
  missingMigrations,
}: DatabaseFacts): readonly Finding[] => {
  // The migration that is missing makes them.
  if (missingMigrations.some((name) => name <= '0005-contact-lists')) return [];
  const findings = triggers.filter(({ state }) => state !== 'always').map(triggerFinding);
  if (replicationRole === 'replica') findings.push(finding('triggers', 'replication-role-replica', {}));
  return findings.length > 0 ? findings : [good('triggers', `all ${triggers.length} always fire`)];
};

const triggerFinding = ({ table, name, state, isNeeded }: LogTrigger): Finding => {
  const isOfLog = name === 'kith_version' || name.startsWith('kith_log');
  // Without those that are needed no instance serves from a cache.
  const code = isNeeded ? 'log-trigger-lost' : isOfLog ? 'version-trigger-lost' : 'list-trigger-lost';
  return finding('triggers', code, { table, name, state });
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
  if (missing.length > 0) findings.push(finding(check, 'rules-missing', { names: missing }));
  if (unproved.length > 0) findings.push(finding(check, 'rules-unproved', { names: unproved }));
  return findings.length > 0 ? findings : [good(check, `all keep the ${rules.length} rules`)];
};

const logFindings = ({ log, instances }: DatabaseFacts): readonly Finding[] => {
  // What there is none of, or none to be read, is a matter of migrations, rights or the role.
  if (log === null) return [];
  const { rows, made, newestNoteMs } = log;
  const found = rows === maxCountedRows ? `${rows} rows or more` : `${rows} ${rows === 1 ? 'row' : 'rows'}`;
  if (made === 'elsewhere') return [finding('log', 'log-of-copy', { found })];
  if (made === 'none') return [good('log', `${found}, not begun: the next start does`)];
  const isRead = instances.some(({ isReading }) => isReading);
  const noted = newestNoteMs === null ? 'not noted yet' : `last noted ${inMinutes(newestNoteMs)} ago`;
  const foundNoted = `${found}, ${noted}`;
  // None at all is how it is in the first minute.
  return isRead && newestNoteMs !== null && newestNoteMs > oldNoteMs
    ? [finding('log', 'log-not-noted', { found: foundNoted })]
    : [good('log', foundNoted)];
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
  if (bounds.length > 1) findings.push(finding(check, 'bounds-differ', { found, bounds }));
  if (protocols.length > 1) findings.push(finding(check, 'protocols-differ', { found, protocols }));
  const largestMs = Math.max(...bounds);
  const onceMs = log.largestBoundMs;
  if (onceMs !== null && bounds.length === 1 && onceMs > largestMs)
    findings.push(finding(check, 'bound-once-larger', { found, largestMs, onceMs }));
  return findings.length > 0 ? findings : [good(check, found)];
};

const distinct = (values: readonly number[]): readonly number[] => [...new Set(values)].sort((a, b) => a - b);
