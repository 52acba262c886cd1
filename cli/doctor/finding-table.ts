/**
 * Everything that the doctor may find wrong, in one table: a code that can be searched for, how bad it is, what was found and
 * what to do. What a start says as well, as of a refused variable or a database that does not answer, has its row in
 * adapters/system/messages.ts. tests/cli/doctor/findings.test.ts provokes each of them, by real processes.
 */

type Found = { readonly found: string };
type Named = { readonly names: readonly string[] };
type Host = { readonly host: string };
type Trigger = { readonly name: string; readonly table: string; readonly state: string };
type None = Readonly<Record<never, never>>;

/** What the words of each finding need. `found`: what the doctor says of it where it is good, too. */
export type FindingValues = {
  readonly 'clock-unknown': None;
  readonly 'clocks-unequal': Found;
  readonly 'clocks-wrong': Found;
  readonly 'secret-made': { readonly directory: string };
  readonly 'database-in-clear': Host;
  readonly 'database-unverified': Host;
  readonly 'redis-in-clear': Host;
  readonly 'memory-alone': { readonly boundMs: number };
  readonly 'postgres-too-old': Found;
  readonly 'encoding-unsuitable': { readonly encoding: string };
  readonly 'pooler-none': Found;
  readonly 'pooler-unsaid': Found;
  readonly 'pooler-without-direct': Found;
  readonly 'primary-is-standby': None;
  readonly 'reads-from-standby': { readonly standbyAnswers: number; readonly asked: number };
  readonly 'database-read-only': None;
  readonly 'fsync-off': None;
  readonly 'commit-asynchronous': None;
  readonly 'connections-scarce': Found;
  readonly 'database-far': Found;
  readonly 'database-too-far': Found;
  readonly 'notifications-unheard': None;
  readonly 'direct-unreachable': Found;
  readonly 'direct-standby': None;
  readonly 'direct-elsewhere': None;
  readonly 'direct-read-only': None;
  readonly 'direct-pooled': None;
  readonly 'rights-missing': Named;
  readonly 'schema-missing': None;
  readonly 'tables-foreign': Named & { readonly schema: string };
  readonly 'migrations-missing': Named;
  readonly 'migrations-locked': Named & { readonly holder: number };
  readonly 'migrations-later': Named;
  readonly 'column-foreign': { readonly column: string };
  readonly 'replication-role-replica': None;
  readonly 'log-trigger-lost': Trigger;
  readonly 'version-trigger-lost': Trigger;
  readonly 'list-trigger-lost': Trigger;
  readonly 'rules-missing': Named;
  readonly 'rules-unproved': Named;
  readonly 'log-of-copy': Found;
  readonly 'log-not-noted': Found;
  readonly 'bounds-differ': Found & { readonly bounds: readonly number[] };
  readonly 'protocols-differ': Found & { readonly protocols: readonly number[] };
  readonly 'bound-once-larger': Found & { readonly largestMs: number; readonly onceMs: number };
  readonly 'redis-login-refused': Found;
  readonly 'redis-not-permitted': Found;
  readonly 'redis-foreign': Found;
  readonly 'redis-loading': Found;
  readonly 'redis-unreachable': Found;
  readonly 'redis-failing': Found;
  readonly 'rest-token-refused': Found;
  readonly 'rest-limited': Found;
  readonly 'rest-foreign': Found;
  readonly 'rest-unreachable': Found;
  readonly 'rest-rights-missing': Named;
  readonly 'redis-too-old': Found;
  readonly 'redis-cluster': None;
  readonly 'redis-sentinel': None;
  readonly 'redis-replica': None;
  readonly 'redis-rights-missing': Named;
  readonly 'redis-evicts-fences': Found;
  readonly 'redis-evicts-oldest': Found;
  readonly 'redis-unlimited': Found;
  readonly 'redis-full': Found;
  readonly 'redis-nearly-full': Found;
  readonly 'redis-append-only': { readonly flushes: string };
  readonly 'redis-snapshots': { readonly snapshots: string };
  readonly 'redis-persistence-unknown': None;
  readonly 'replicas-too-few': Found;
  readonly 'replicas-not-awaited': Found;
  readonly 'redis-far': Found;
  readonly 'redis-too-far': Found;
};

export type FindingCode = keyof FindingValues;

export type FindingRow<Values> = {
  /** `bad`: Kith does not work with this, or cannot keep a promise. `warning`: there are cases in which this does harm. */
  readonly verdict: 'bad' | 'warning';
  readonly found: (of: Values) => string;
  readonly advice: (of: Values) => string;
  /** When it is said, for the documentation. */
  readonly when: string;
};

const asFound = ({ found }: Found): string => found;
const nameThePrimary = 'let REDIS_URL name the primary';
const useNtp = 'run NTP on both machines: tokens are valid by the clock of whoever looks at them';
const noeviction = 'set maxmemory-policy noeviction: a full Redis is then bypassed, and evicts no fence';
const noPersistence =
  "set save '' and appendonly no: a cache needs no file, for what comes back old is not believed";
const bringNear =
  'bring the server and its database together: every miss and every write waits this long, several times';
const bringRedisNear = 'bring Redis near, or raise REDIS_COMMAND_TIMEOUT_MS: beyond it Redis is bypassed';
const redisRights = 'give the user the rights of docs/security.md';

const triggerFound = ({ name, table, state }: Trigger): string => `${name} on ${table} is ${state}`;

/** How the trigger comes back; `migration` made it. */
const triggerBack = ({ name, table, state }: Trigger, migration: string): string =>
  state === 'ordinary' || state === 'disabled'
    ? `alter table ${table} enable always trigger ${name}`
    : `make it as ${migration} in adapters/mikro-orm does`;

export const findingRows: { readonly [Code in FindingCode]: FindingRow<FindingValues[Code]> } = {
  'clock-unknown': {
    verdict: 'warning',
    found: () => 'it does not say what time it is',
    advice: () => 'see to it that both machines run NTP',
    when: 'a Redis that does not say its time',
  },
  'clocks-unequal': {
    verdict: 'warning',
    found: asFound,
    advice: () => useNtp,
    when: 'a clock is 1 s from that of this machine',
  },
  'clocks-wrong': {
    verdict: 'bad',
    found: asFound,
    advice: () => useNtp,
    when: 'a clock is 30 s from that of this machine',
  },
  'secret-made': {
    verdict: 'warning',
    found: ({ directory }) => `JWT_SECRET is not set: one is made and kept in ${directory}`,
    advice: () =>
      'in production set JWT_SECRET to what `openssl rand -base64 48` prints, the same for all instances',
    when: 'no signing secret is set',
  },
  'database-in-clear': {
    verdict: 'warning',
    found: ({ host }) => `no TLS to ${host}`,
    advice: () => 'add sslmode=verify-full to DATABASE_URL, unless the network is yours alone',
    when: 'no TLS to a database on another host',
  },
  'database-unverified': {
    verdict: 'warning',
    found: ({ host }) => `TLS, but any certificate will do to ${host}`,
    advice: () => 'add sslmode=verify-full to DATABASE_URL, unless the network is yours alone',
    when: 'TLS without a verified certificate to a database on another host',
  },
  'redis-in-clear': {
    verdict: 'warning',
    found: ({ host }) => `no TLS to ${host}`,
    advice: () => 'use a rediss:// URL, unless the network is yours alone',
    when: 'no TLS to a Redis on another host',
  },
  'memory-alone': {
    verdict: 'warning',
    found: ({ boundMs }) => `no Redis: memory alone, which sees the changes of others within ${boundMs} ms`,
    advice: () => 'set REDIS_URL; or INSTANCES=one, if nobody else changes this database',
    when: 'several instances without Redis',
  },
  'postgres-too-old': {
    verdict: 'bad',
    found: asFound,
    advice: () => 'upgrade to PostgreSQL 13 or later',
    when: 'PostgreSQL before 13',
  },
  'encoding-unsuitable': {
    verdict: 'bad',
    found: ({ encoding }) => `${encoding}, which cannot hold what people type`,
    advice: () => "make a database with encoding 'UTF8' template template0: no instance starts with this one",
    when: 'an encoding other than UTF8',
  },
  'pooler-none': {
    verdict: 'warning',
    found: asFound,
    advice: () => 'set DATABASE_POOLER=none: a read is then one round trip instead of three',
    when: '`DATABASE_POOLER` says `transaction`, and there is none, or one in session mode',
  },
  'pooler-unsaid': {
    verdict: 'bad',
    found: ({ found }) => `${found}, which nothing says`,
    advice: () =>
      'set DATABASE_POOLER=transaction, and DATABASE_DIRECT_URL to the way past it: limits that are set on one connection reach other clients of the pooler, and hold by chance',
    when: 'a pooler in transaction mode, which nothing says',
  },
  'pooler-without-direct': {
    verdict: 'warning',
    found: ({ found }) => `${found}, and no way past it`,
    advice: () =>
      'let DATABASE_DIRECT_URL lead to PostgreSQL itself: nobody is woken through a pooler, and the checks of the log wait for its connections',
    when: 'a pooler in transaction mode without a way past it',
  },
  'primary-is-standby': {
    verdict: 'bad',
    found: () => 'this is a standby',
    advice: () => 'let DATABASE_URL name the primary',
    when: '`DATABASE_URL` leads to a standby',
  },
  'reads-from-standby': {
    verdict: 'bad',
    found: ({ standbyAnswers, asked }) => `${standbyAnswers} of ${asked} answers came from a standby`,
    advice: () =>
      'let DATABASE_URL name the primary, past a pooler that sends reads elsewhere: what a standby answers may be old, and is cached nowhere',
    when: 'a standby answers some of the reads',
  },
  'database-read-only': {
    verdict: 'bad',
    found: () => 'transactions are read-only',
    advice: () => 'set default_transaction_read_only to off for this role',
    when: 'the database takes no writes of this role',
  },
  'fsync-off': {
    verdict: 'bad',
    found: () => 'fsync is off',
    advice: () => 'set fsync = on: a crash may destroy the database',
    when: '`fsync` is off',
  },
  'commit-asynchronous': {
    verdict: 'warning',
    found: () => 'synchronous_commit is off',
    advice: () => 'set it to on: a crash may undo acknowledged writes that caches have seen',
    when: '`synchronous_commit` is off',
  },
  'connections-scarce': {
    verdict: 'warning',
    found: asFound,
    advice: () => 'raise max_connections, or run fewer instances',
    when: 'no room for the connections of one more instance',
  },
  'database-far': {
    verdict: 'warning',
    found: asFound,
    advice: () => bringNear,
    when: 'a round trip to the database takes over 20 ms',
  },
  'database-too-far': {
    verdict: 'bad',
    found: asFound,
    advice: () => bringNear,
    when: 'a round trip to the database takes over 200 ms',
  },
  'notifications-unheard': {
    verdict: 'warning',
    found: () => 'NOTIFY is not heard',
    advice: () =>
      'let DATABASE_DIRECT_URL lead past the pooler in transaction mode: changes whose fences failed are now seen only by the next check of the log, a quarter of JOURNAL_BOUND_MS later',
    when: 'NOTIFY is not heard, as behind a pooler in transaction mode',
  },
  'direct-unreachable': {
    verdict: 'bad',
    found: asFound,
    advice: () => 'correct DATABASE_DIRECT_URL: no instance starts without it',
    when: '`DATABASE_DIRECT_URL` does not answer',
  },
  'direct-standby': {
    verdict: 'bad',
    found: () => 'it leads to a standby',
    advice: () => 'let DATABASE_DIRECT_URL name the primary',
    when: '`DATABASE_DIRECT_URL` leads to a standby',
  },
  'direct-elsewhere': {
    verdict: 'bad',
    found: () => 'it leads to another database',
    advice: () =>
      'let DATABASE_DIRECT_URL name the server and the database of DATABASE_URL, and no copy: no instance starts with two',
    when: '`DATABASE_DIRECT_URL` leads to another database, be it a copy of the same',
  },
  'direct-read-only': {
    verdict: 'bad',
    found: () => 'transactions are read-only',
    advice: () => 'set default_transaction_read_only to off for its role: a check of the log writes a beat',
    when: '`DATABASE_DIRECT_URL` takes no writes',
  },
  'direct-pooled': {
    verdict: 'bad',
    found: () => 'it leads through a pooler in transaction mode',
    advice: () => 'let DATABASE_DIRECT_URL lead past it, to PostgreSQL itself',
    when: '`DATABASE_DIRECT_URL` leads through a pooler in transaction mode',
  },
  'rights-missing': {
    verdict: 'bad',
    found: ({ names }) => `missing: ${names.join(', ')}`,
    advice: () => 'grant them; docs/security.md has the list',
    when: 'the role lacks a right that serving needs',
  },
  'schema-missing': {
    verdict: 'bad',
    found: () => 'the search path of this role has no schema',
    advice: () => 'set DATABASE_SCHEMA',
    when: 'there is no schema for our tables',
  },
  'tables-foreign': {
    verdict: 'bad',
    found: ({ schema, names }) => `the schema ${schema} has tables that are not Kith's: ${names.join(', ')}`,
    advice: () => 'set DATABASE_SCHEMA to another schema, which is made',
    when: 'the schema has tables of somebody else in the place of ours',
  },
  'migrations-missing': {
    verdict: 'bad',
    found: ({ names }) => `missing: ${names.join(', ')}`,
    advice: () => 'run kith migrate',
    when: 'a migration is missing',
  },
  'migrations-locked': {
    verdict: 'bad',
    found: ({ names, holder }) =>
      `missing: ${names.join(', ')}; the process ${holder} of PostgreSQL holds their lock`,
    advice: ({ holder }) =>
      `wait, if it makes them, else select pg_terminate_backend(${holder}); then run kith migrate`,
    when: 'a migration is missing, and somebody holds the lock of the migrations',
  },
  'migrations-later': {
    verdict: 'warning',
    found: ({ names }) => `of a later version: ${names.join(', ')}`,
    advice: () => 'run the version of Kith that made them',
    when: 'a migration is of a later version',
  },
  'column-foreign': {
    verdict: 'bad',
    found: ({ column }) => `${column} is not Kith's, and has to have a value`,
    advice: ({ column }) =>
      `alter table ${column.replace('.', ' alter column ')} set default ..., or drop not null: without it nothing is inserted (23502)`,
    when: 'a column of somebody else has to have a value, and has no default',
  },
  'replication-role-replica': {
    verdict: 'bad',
    found: () => 'session_replication_role is replica, so foreign keys are not kept',
    advice: () => 'alter role ... reset session_replication_role',
    when: '`session_replication_role` is `replica` for this role',
  },
  'log-trigger-lost': {
    verdict: 'bad',
    found: triggerFound,
    advice: (of) => `${triggerBack(of, '0003-change-log')}: until then no instance serves from a cache`,
    when: 'a trigger of the log of changes is missing, changed, disabled or not `enable always`',
  },
  'version-trigger-lost': {
    verdict: 'warning',
    found: triggerFound,
    advice: (of) =>
      `${triggerBack(of, '0003-change-log')}: until then SQL that leaves the version leaves the ETag, too`,
    when: 'the same of the trigger that raises versions',
  },
  'list-trigger-lost': {
    verdict: 'warning',
    found: triggerFound,
    advice: (of) =>
      `${triggerBack(of, '0005-contact-lists')}: until then the number of contacts and searches miss what is changed`,
    when: 'the same of the triggers by which contacts are counted and searched',
  },
  'rules-missing': {
    verdict: 'warning',
    found: ({ names }) => `nothing holds ${names.join(', ')}`,
    advice: () =>
      'make the constraints as 0006-rules in adapters/mikro-orm/migrations.ts does: until then SQL may write what the rules refuse',
    when: 'nothing holds a rule for stored values',
  },
  'rules-unproved': {
    verdict: 'warning',
    found: ({ names }) => `of new values only: ${names.join(', ')}`,
    advice: () =>
      'see what older values break with kith doctor --rows, correct them, and run kith migrate, which then makes constraints of these',
    when: 'older values break a rule',
  },
  'log-of-copy': {
    verdict: 'warning',
    found: ({ found }) => `${found}, made for another database`,
    advice: () =>
      'nothing, if this is a copy: the first instance that starts here empties the log, and believes nothing that was cached before',
    when: 'the log of changes came with a copy of another database',
  },
  'log-not-noted': {
    verdict: 'warning',
    found: asFound,
    advice: () =>
      'look for log-not-swept in the log of an instance: until it is noted again, no row is deleted',
    when: 'instances run, and no snapshot was noted for 10 minutes',
  },
  'bounds-differ': {
    verdict: 'warning',
    found: ({ found, bounds }) => `${found}, with JOURNAL_BOUND_MS ${bounds.join(' and ')}`,
    advice: () => 'give all the same: security writes of each wait for the largest',
    when: 'instances run with different bounds',
  },
  'protocols-differ': {
    verdict: 'warning',
    found: ({ found, protocols }) => `${found}, of protocols ${protocols.join(' and ')}`,
    advice: () => 'bring the roll-out to its end: what one version caches the other does not believe',
    when: 'instances of versions run that follow different protocols',
  },
  'bound-once-larger': {
    verdict: 'warning',
    found: ({ found, largestMs, onceMs }) =>
      `${found} within ${largestMs} ms, and somebody once did within ${onceMs}`,
    advice: ({ largestMs }) =>
      `if nobody does any more: update log_bounds set j_ms = ${largestMs}, then restart; until then security writes wait for the larger`,
    when: 'an instance of before had a larger bound',
  },
  'redis-login-refused': {
    verdict: 'bad',
    found: asFound,
    advice: () => 'correct the user and the password',
    when: 'Redis refuses the log-in',
  },
  'redis-not-permitted': {
    verdict: 'bad',
    found: asFound,
    advice: () => redisRights,
    when: 'Redis refuses even PING or INFO to this user',
  },
  'redis-foreign': {
    verdict: 'bad',
    found: asFound,
    advice: () => 'is this a Redis, 6.2 or later? It does not speak as one',
    when: 'what listens there does not speak as a Redis',
  },
  'redis-loading': {
    verdict: 'bad',
    found: asFound,
    advice: () => 'wait until it has read its data',
    when: 'Redis reads its data, as after a start',
  },
  'redis-unreachable': {
    verdict: 'bad',
    found: asFound,
    advice: () => 'start it, or correct its address, TLS (rediss://) and firewalls',
    when: 'Redis does not answer',
  },
  'redis-failing': {
    verdict: 'bad',
    found: asFound,
    advice: () => 'look into its log',
    when: 'Redis answers with an error of another kind, as a replica without its primary does',
  },
  'rest-token-refused': {
    verdict: 'bad',
    found: asFound,
    advice: () => 'correct UPSTASH_REDIS_REST_TOKEN; the password of rediss:// is another',
    when: 'Upstash refuses the token',
  },
  'rest-limited': {
    verdict: 'bad',
    found: asFound,
    advice: () => 'the requests of its plan are used up: wait, or take a larger plan',
    when: 'Upstash answers no more requests for now',
  },
  'rest-foreign': {
    verdict: 'bad',
    found: asFound,
    advice: () => 'correct UPSTASH_REDIS_REST_URL: what answers there is not the REST API',
    when: 'what answers is not the REST API of Upstash',
  },
  'rest-unreachable': {
    verdict: 'bad',
    found: asFound,
    advice: () => 'correct UPSTASH_REDIS_REST_URL, name servers and firewalls',
    when: 'Upstash does not answer',
  },
  'rest-rights-missing': {
    verdict: 'bad',
    found: ({ names }) => `refused: ${names.join(', ')}`,
    advice: () => 'set UPSTASH_REDIS_REST_TOKEN to the standard token, not to the one that may only read',
    when: 'the token may only read',
  },
  'redis-too-old': {
    verdict: 'bad',
    found: asFound,
    advice: () => 'upgrade to Redis 6.2 or any Valkey',
    when: 'Redis before 6.2',
  },
  'redis-cluster': {
    verdict: 'bad',
    found: () => 'cluster',
    advice: () => 'use one without cluster mode: on a cluster the proof of freshness does not hold',
    when: 'a Redis in cluster mode',
  },
  'redis-sentinel': {
    verdict: 'bad',
    found: () => 'sentinel',
    advice: () => `${nameThePrimary} itself, not a sentinel`,
    when: '`REDIS_URL` leads to a sentinel',
  },
  'redis-replica': {
    verdict: 'bad',
    found: () => 'this is a replica',
    advice: () => nameThePrimary,
    when: '`REDIS_URL` leads to a replica',
  },
  'redis-rights-missing': {
    verdict: 'bad',
    found: ({ names }) => `refused: ${names.join(', ')}`,
    advice: () => redisRights,
    when: 'Redis refuses a command that Kith sends',
  },
  'redis-evicts-fences': {
    verdict: 'bad',
    found: asFound,
    advice: () => noeviction,
    when: 'a policy that evicts fences as soon as values: random, LFU, TTL',
  },
  'redis-evicts-oldest': {
    verdict: 'warning',
    found: asFound,
    advice: () => noeviction,
    when: 'a policy that evicts what was not used for long (LRU)',
  },
  'redis-unlimited': {
    verdict: 'warning',
    found: asFound,
    advice: () => 'set maxmemory, or the system ends Redis when its own is full',
    when: 'the memory of Redis has no limit',
  },
  'redis-full': {
    verdict: 'bad',
    found: ({ found }) => `full: ${found}`,
    advice: () => 'raise maxmemory: nothing new is cached',
    when: 'the memory of Redis is full',
  },
  'redis-nearly-full': {
    verdict: 'warning',
    found: asFound,
    advice: () => 'raise maxmemory before it is full',
    when: 'over 90 % of the memory of Redis is used',
  },
  'redis-append-only': {
    verdict: 'warning',
    found: ({ flushes }) =>
      `append-only file, flushed ${flushes}: a crash loses the fences of the last second`,
    advice: () => noPersistence,
    when: 'an append-only file that is not flushed at each write',
  },
  'redis-snapshots': {
    verdict: 'warning',
    found: ({ snapshots }) => `snapshots (${snapshots}): where one fails, Redis takes no writes any more`,
    advice: () => noPersistence,
    when: 'Redis takes snapshots, which a cache does not need',
  },
  'redis-persistence-unknown': {
    verdict: 'warning',
    found: () => 'unknown: this user may not ask CONFIG GET',
    advice: () => `see to it by hand; ${noPersistence}`,
    when: 'this user may not ask whether Redis keeps files',
  },
  'replicas-too-few': {
    verdict: 'bad',
    found: asFound,
    advice: () => 'connect the replicas, or lower REDIS_WAIT_REPLICAS: no fence can be confirmed',
    when: 'fewer replicas than `REDIS_WAIT_REPLICAS`',
  },
  'replicas-not-awaited': {
    verdict: 'warning',
    found: asFound,
    advice: () => 'if one of them may take over, set REDIS_WAIT_REPLICAS=1: it may lack the last fences',
    when: 'there are replicas, and nobody waits for them',
  },
  'redis-far': {
    verdict: 'warning',
    found: asFound,
    advice: () => bringRedisNear,
    when: 'the middle round trip to Redis takes over a quarter of `REDIS_COMMAND_TIMEOUT_MS`, or one takes longer than it',
  },
  'redis-too-far': {
    verdict: 'bad',
    found: asFound,
    advice: () => bringRedisNear,
    when: 'the middle round trip to Redis takes longer than `REDIS_COMMAND_TIMEOUT_MS`',
  },
};
