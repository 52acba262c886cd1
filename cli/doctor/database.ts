import type { DatabaseFacts } from '../../adapters/mikro-orm/examine.ts';
import { bad, type Finding, good, inMs, median, warning } from './finding.ts';

const oldestVersion = 130_000;
/** What one instance opens: its pool, the listener, and the probe of the circuit. */
const connectionsOfInstance = 12;
const slowMs = 20;
/** Beyond this, what needs several statements meets the deadlines of the adapter. */
const tooSlowMs = 200;
/** Several times JOURNAL_BOUND_MS, within which rows are taken while an instance runs. */
const oldInvalidationMs = 30_000;

/** What is said of any database, by what was found. */
export const databaseFindings = (facts: DatabaseFacts): readonly Finding[] => [
  ...migrationFindings(facts),
  ...triggerFindings(facts),
  journalFinding(facts),
];

/** What only a PostgreSQL server can be wrong about. */
export const postgresFindings = (facts: DatabaseFacts): readonly Finding[] => [
  versionFinding(facts),
  roleFinding(facts),
  durabilityFinding(facts),
  isolationFinding(facts),
  connectionsFinding(facts),
  latencyFinding(facts),
  notificationFinding(facts),
  rightsFinding(facts),
  ...databaseFindings(facts),
];

const versionFinding = ({ version }: DatabaseFacts): Finding => {
  const found = `PostgreSQL ${Math.floor(version / 10_000)}.${version % 10_000}`;
  return version >= oldestVersion
    ? good('database version', found)
    : bad('database version', found, 'upgrade to PostgreSQL 13 or later');
};

const roleFinding = ({ isReplica, isReadOnly }: DatabaseFacts): Finding => {
  if (isReplica) return bad('database role', 'this is a replica', 'let DATABASE_URL name the primary');
  if (isReadOnly)
    return bad(
      'database role',
      'transactions are read-only',
      'set default_transaction_read_only to off for this role',
    );
  return good('database role', 'a primary that takes writes');
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

const isolationFinding = ({ isolation }: DatabaseFacts): Finding =>
  isolation === 'read committed'
    ? good('database isolation', isolation)
    : warning(
        'database isolation',
        isolation,
        'set default_transaction_isolation to read committed for this role: others refuse writes that would only wait',
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

const notificationFinding = ({ notifies }: DatabaseFacts): Finding =>
  notifies === true
    ? good('database notifications', 'they arrive')
    : warning(
        'database notifications',
        'NOTIFY is not heard',
        'connect without a pooler in transaction mode: foreign changes are now seen only by polling, each JOURNAL_BOUND_MS',
      );

const rightsFinding = ({ missingRights }: DatabaseFacts): Finding =>
  missingRights.length === 0
    ? good('database rights', 'all that serving needs')
    : bad(
        'database rights',
        `missing: ${missingRights.join(', ')}`,
        'grant them; docs/security.md has the list',
      );

const migrationFindings = ({ missingMigrations, unknownMigrations }: DatabaseFacts): readonly Finding[] => {
  const findings: Finding[] = [];
  if (missingMigrations.length > 0)
    findings.push(bad('migrations', `missing: ${missingMigrations.join(', ')}`, 'run kith migrate'));
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

const triggerFindings = ({
  triggers,
  replicationRole,
  missingMigrations,
}: DatabaseFacts): readonly Finding[] => {
  // Where there are no tables yet, what makes them makes the triggers too.
  if (missingMigrations.includes('0001-initial')) return [];
  const findings = triggers
    .filter(({ state }) => state !== 'enabled')
    .map(({ name, table, state }) =>
      bad(
        'triggers',
        `${name} on ${table} is ${state}`,
        state === 'disabled'
          ? `alter table ${table} enable trigger ${name}; then kith invalidate whoever was changed meanwhile`
          : 'make it as adapters/mikro-orm/migrations.ts does: without it a change by psql is not seen before the TTL',
      ),
    );
  if (replicationRole === 'replica')
    findings.push(
      bad(
        'triggers',
        'session_replication_role is replica, so none fires',
        'alter role ... reset session_replication_role',
      ),
    );
  return findings.length > 0 ? findings : [good('triggers', `all ${triggers.length} fire`)];
};

const journalFinding = ({ pendingInvalidations, oldestInvalidationMs }: DatabaseFacts): Finding => {
  const found = `${pendingInvalidations} waiting`;
  if (oldestInvalidationMs === null || oldestInvalidationMs < oldInvalidationMs)
    return good('journal', found);
  return warning(
    'journal',
    `${found}, the oldest for ${Math.round(oldestInvalidationMs / 1000)} s`,
    'let an instance run that reaches Redis: it takes them at once',
  );
};
