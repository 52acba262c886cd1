import { describe, expect, it } from 'vitest';
import type { DatabaseFacts, InstanceFact, LogFacts } from '../../../adapters/mikro-orm/examine.ts';
import type { DirectFacts } from '../../../adapters/mikro-orm/examine-direct.ts';
import type { LogTrigger } from '../../../adapters/mikro-orm/log-shape.ts';
import { type RedisFacts, RedisUnusable } from '../../../adapters/redis/examine.ts';
import { clockFinding } from '../../../cli/doctor/clocks.ts';
import { postgresFindings } from '../../../cli/doctor/database.ts';
import type { Finding } from '../../../cli/doctor/finding.ts';
import { redisFindings, unusableRedis } from '../../../cli/doctor/redis.ts';

// What no server here can be made to be is planted in the facts.

const trigger: LogTrigger = { name: 'kith_log', table: 'users', state: 'always', isNeeded: true };
const log: LogFacts = { rows: 3, made: 'here', newestNoteMs: 30_000, largestBoundMs: 2000 };
const instance: InstanceFact = { boundMs: 2000, protocol: 1, isReading: true };

const database: DatabaseFacts = {
  version: 180_001,
  standbyAnswers: 0,
  splitReads: 0,
  isStandby: false,
  keepsSession: true,
  encoding: 'UTF8',
  schema: 'public',
  foreignTables: [],
  foreignColumns: [],
  isReadOnly: false,
  isolation: 'read committed',
  synchronousCommit: 'on',
  fsync: 'on',
  replicationRole: 'origin',
  maxConnections: 100,
  connections: 20,
  missingMigrations: [],
  migrationLockHolder: undefined,
  unknownMigrations: [],
  triggers: [trigger],
  rules: [{ name: 'users_phone_check', state: 'proved' }],
  missingRights: [],
  log,
  instances: [instance, instance, { boundMs: 5000, protocol: 0, isReading: false }],
  latenciesMs: [1, 2, 300],
  clockAheadMs: 0,
  notifies: true,
};

const redis: RedisFacts = {
  version: '8.2.1',
  server: 'redis',
  mode: 'standalone',
  isReplica: false,
  replicas: 0,
  usedBytes: 10,
  maxBytes: 100,
  evictionPolicy: 'noeviction',
  evictedKeys: 0,
  appendsToFile: false,
  flushes: 'everysec',
  snapshots: '',
  snapshotsTaken: 0,
  refused: [],
  latenciesMs: [1],
  clockAheadMs: 0,
};
const settings = { commandTimeoutMs: 100, waitReplicas: 0 };

const verdictsOf = (findings: readonly Finding[], check: string): readonly string[] =>
  findings.filter((finding) => finding.check === check).map(({ verdict }) => verdict);

describe('facts of a database', () => {
  it('are good when they are', () => {
    expect(postgresFindings(database, 'none').filter(({ verdict }) => verdict !== 'good')).toEqual([]);
  });

  it.each<[facts: Partial<DatabaseFacts>, check: string, verdict: Finding['verdict']]>([
    [{ version: 120_022 }, 'database version', 'bad'],
    [{ version: 130_000 }, 'database version', 'good'],
    [{ standbyAnswers: 20 }, 'database role', 'bad'],
    [{ standbyAnswers: 1 }, 'database role', 'bad'],
    [{ isReadOnly: true }, 'database role', 'bad'],
    [{ fsync: 'off' }, 'database durability', 'bad'],
    [{ synchronousCommit: 'off' }, 'database durability', 'warning'],
    [{ synchronousCommit: 'remote_apply' }, 'database durability', 'good'],
    [{ isolation: 'repeatable read' }, 'database isolation', 'good'],
    [{ splitReads: 20 }, 'database role', 'good'],
    [{ encoding: 'SQL_ASCII' }, 'database encoding', 'bad'],
    [{ keepsSession: false }, 'pooler', 'bad'],
    [{ schema: null }, 'migrations', 'bad'],
    [{ foreignTables: ['users'] }, 'migrations', 'bad'],
    [{ connections: 85 }, 'database connections', 'good'],
    [{ connections: 86 }, 'database connections', 'warning'],
    [{ latenciesMs: [30, 40, 50] }, 'database latency', 'warning'],
    [{ latenciesMs: [300] }, 'database latency', 'bad'],
    [{ notifies: false }, 'database notifications', 'warning'],
    [{ missingRights: ['select on users'] }, 'database rights', 'bad'],
    [{ missingMigrations: ['0002-login-attempts'] }, 'migrations', 'bad'],
    [{ unknownMigrations: ['0003'] }, 'migrations', 'warning'],
    [{ replicationRole: 'replica' }, 'triggers', 'bad'],
    [{ triggers: [{ ...trigger, state: 'missing' }] }, 'triggers', 'bad'],
    [{ triggers: [{ ...trigger, state: 'ordinary' }] }, 'triggers', 'bad'],
    [{ triggers: [{ ...trigger, state: 'ordinary', isNeeded: false }] }, 'triggers', 'warning'],
    [{ rules: [{ name: 'users_phone_check', state: 'proved' }] }, 'stored values', 'good'],
    [{ rules: [{ name: 'users_phone_check', state: 'new-values' }] }, 'stored values', 'warning'],
    [{ rules: [{ name: 'users_phone_check', state: 'missing' }] }, 'stored values', 'warning'],
    [{ log: { ...log, made: 'elsewhere' } }, 'log', 'warning'],
    [{ log: { ...log, made: 'none' } }, 'log', 'good'],
    [{ log: { ...log, newestNoteMs: null } }, 'log', 'good'],
    [{ log: { ...log, newestNoteMs: 700_000 } }, 'log', 'warning'],
    [{ log: { ...log, newestNoteMs: 700_000 }, instances: [] }, 'log', 'good'],
    [{ log: { ...log, largestBoundMs: 3000 } }, 'instances', 'warning'],
    [{ instances: [instance, { ...instance, boundMs: 1000 }] }, 'instances', 'warning'],
    [{ instances: [instance, { ...instance, protocol: 2 }] }, 'instances', 'warning'],
    [{ instances: [{ ...instance, isReading: false }] }, 'instances', 'good'],
    [{ instances: [] }, 'instances', 'good'],
  ])('%j is seen by: %s', (facts, check, verdict) => {
    expect(verdictsOf(postgresFindings({ ...database, ...facts }, 'none'), check)).toEqual([verdict]);
  });
});

describe('facts of the way past a pooler', () => {
  const direct: DirectFacts = {
    isSame: true,
    isStandby: false,
    isReadOnly: false,
    keepsSession: true,
    notifies: true,
  };
  it.each<[facts: Partial<DirectFacts>, found: string]>([
    [{}, 'the same database, and sessions of its own'],
    [{ isSame: false }, 'it leads to another database'],
    [{ isSame: false, isStandby: true, isReadOnly: true }, 'it leads to a standby'],
    [{ isReadOnly: true }, 'transactions are read-only'],
    [{ keepsSession: false }, 'it leads through a pooler in transaction mode'],
  ])('%j is seen', (facts, found) => {
    const findings = postgresFindings(database, 'transaction', { ...direct, ...facts });
    const verdict = Object.keys(facts).length === 0 ? 'good' : 'bad';
    expect(findings.filter(({ check }) => check === 'direct connection')).toMatchObject([{ verdict, found }]);
  });
  it('are looked at for notifications, too: what the pooler does not bring matters no more', () => {
    const through = { ...database, notifies: false };
    expect(verdictsOf(postgresFindings(through, 'transaction', direct), 'database notifications')).toEqual([
      'good',
    ]);
    expect(verdictsOf(postgresFindings(through, 'transaction'), 'database notifications')).toEqual([
      'warning',
    ]);
  });
});

describe('facts of a Redis', () => {
  it('are good when they are', () => {
    expect(redisFindings(redis, settings).filter(({ verdict }) => verdict !== 'good')).toEqual([]);
  });

  it.each<[facts: Partial<RedisFacts>, check: string, verdict: Finding['verdict']]>([
    [{ version: '6.0.16' }, 'Redis version', 'bad'],
    [{ version: '5.0.14' }, 'Redis version', 'bad'],
    [{ version: '' }, 'Redis version', 'bad'],
    [{ version: '6.2.0' }, 'Redis version', 'good'],
    [{ version: '7.2.4', server: 'valkey' }, 'Redis version', 'good'],
    [{ mode: 'cluster' }, 'Redis mode', 'bad'],
    [{ mode: 'sentinel' }, 'Redis mode', 'bad'],
    [{ isReplica: true }, 'Redis mode', 'bad'],
    [{ refused: ['EVAL'] }, 'Redis rights', 'bad'],
    [{ evictionPolicy: 'allkeys-lru' }, 'Redis eviction', 'warning'],
    [{ evictionPolicy: 'volatile-lru' }, 'Redis eviction', 'warning'],
    [{ evictionPolicy: 'allkeys-lfu' }, 'Redis eviction', 'bad'],
    [{ evictionPolicy: 'volatile-ttl' }, 'Redis eviction', 'bad'],
    [{ evictionPolicy: '' }, 'Redis eviction', 'bad'],
    [{ usedBytes: 95 }, 'Redis memory', 'warning'],
    [{ usedBytes: 100 }, 'Redis memory', 'bad'],
    [{ maxBytes: 0 }, 'Redis memory', 'warning'],
    [{ appendsToFile: true }, 'Redis persistence', 'warning'],
    [{ appendsToFile: true, flushes: null }, 'Redis persistence', 'warning'],
    [{ appendsToFile: true, flushes: 'always' }, 'Redis persistence', 'good'],
    [{ snapshots: '3600 1' }, 'Redis persistence', 'warning'],
    [{ snapshots: null, snapshotsTaken: 2 }, 'Redis persistence', 'warning'],
    [{ snapshots: null, snapshotsTaken: null }, 'Redis persistence', 'warning'],
    [{ replicas: 1 }, 'Redis replicas', 'warning'],
    [{ latenciesMs: [30] }, 'Redis latency', 'warning'],
    [{ latenciesMs: [1, 1, 150] }, 'Redis latency', 'warning'],
    [{ latenciesMs: [150] }, 'Redis latency', 'bad'],
  ])('%j is seen by: %s', (facts, check, verdict) => {
    expect(verdictsOf(redisFindings({ ...redis, ...facts }, settings), check)).toEqual([verdict]);
  });

  it('are judged by what is asked of them', () => {
    const asked = (waitReplicas: number) =>
      verdictsOf(redisFindings({ ...redis, replicas: 1 }, { ...settings, waitReplicas }), 'Redis replicas');
    expect(asked(1)).toEqual(['good']);
    expect(asked(2)).toEqual(['bad']);
  });

  it('are bad when there are none, and each reason has its advice', () => {
    for (const code of ['auth', 'noperm', 'refused', 'loading', 'network', 'masterdown'] as const) {
      const { verdict, found, advice = '' } = unusableRedis('cache:6379', new RedisUnusable(code));
      expect([verdict, found]).toEqual(['bad', `cache:6379: ${code}`]);
      expect(advice).not.toBe('');
    }
  });
});

it.each<[aheadMs: number | null, verdict: Finding['verdict']]>([
  [0, 'good'],
  [-900, 'good'],
  [1500, 'warning'],
  [-1500, 'warning'],
  [60_000, 'bad'],
  [-60_000, 'bad'],
  [null, 'warning'],
])('a clock that is %s ms ahead is seen', (aheadMs, verdict) => {
  expect(clockFinding('database', aheadMs).verdict).toBe(verdict);
});
