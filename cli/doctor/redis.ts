import type { RedisFacts, RedisUnusable } from '../../adapters/redis/examine.ts';
import type { RestFacts } from '../../adapters/redis/rest/examine.ts';
import { bad, type Finding, good, inMiB, inMs, median, warning } from './finding.ts';

/** The settings that the findings depend on. */
export type RedisSettings = { readonly commandTimeoutMs: number; readonly waitReplicas: number };

const oldest = [6, 2] as const;
const nearlyFull = 0.9;

export const redisFindings = (facts: RedisFacts, settings: RedisSettings): readonly Finding[] => [
  versionFinding(facts),
  modeFinding(facts),
  rightsFinding(facts),
  evictionFinding(facts),
  memoryFinding(facts),
  persistenceFinding(facts),
  replicasFinding(facts, settings),
  latencyFinding(facts, settings),
];

/** Of Upstash over REST less can be known: no version, no eviction, no persistence. */
export const restFindings = (facts: RestFacts, settings: RedisSettings): readonly Finding[] => [
  restRightsFinding(facts),
  latencyFinding(facts, settings),
];

const restRightsFinding = ({ refused }: RestFacts): Finding =>
  refused.length === 0
    ? good('Redis rights', 'every command that was tried is allowed')
    : bad(
        'Redis rights',
        `refused: ${refused.join(', ')}`,
        'set UPSTASH_REDIS_REST_TOKEN to the standard token, not to the one that may only read',
      );

export const unusableRest = (where: string, { code, reason }: RedisUnusable): Finding => {
  const found = `${where}: ${reason}`;
  switch (code) {
    case 'auth':
      return bad('Redis', found, 'correct UPSTASH_REDIS_REST_TOKEN; the password of rediss:// is another');
    case 'limited':
      return bad('Redis', found, 'the requests of its plan are used up: wait, or take a larger plan');
    case 'gateway':
    case 'refused':
      return bad('Redis', found, 'correct UPSTASH_REDIS_REST_URL: what answers there is not the REST API');
    default:
      return bad('Redis', found, 'correct UPSTASH_REDIS_REST_URL, name servers and firewalls');
  }
};

/** A Redis that cannot be used is bad: Kith works without it, but it was configured to be used. */
export const unusableRedis = (where: string, { code, reason }: RedisUnusable): Finding => {
  const found = `${where}: ${reason}`;
  switch (code) {
    case 'auth':
      return bad('Redis', found, 'correct the user and the password');
    case 'noperm':
      return bad('Redis', found, 'give the user the rights of docs/security.md');
    case 'refused':
    case 'garbled':
      return bad('Redis', found, 'is this a Redis, 6.2 or later? It does not speak as one');
    case 'loading':
      return bad('Redis', found, 'wait until it has read its data');
    case 'deadline':
    case 'network':
    case 'offline':
    case 'closed':
      return bad('Redis', found, 'start it, or correct its address, TLS (rediss://) and firewalls');
    default:
      return bad('Redis', found, 'look into its log');
  }
};

const versionFinding = ({ version, server }: RedisFacts): Finding => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isRecent = major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
  const found = server === 'valkey' ? `Valkey, as Redis ${version}` : `Redis ${version}`;
  return isRecent
    ? good('Redis version', found)
    : bad('Redis version', found || 'unknown', `upgrade to Redis ${oldest.join('.')} or any Valkey`);
};

const modeFinding = ({ mode, isReplica }: RedisFacts): Finding => {
  if (mode !== 'standalone')
    return bad(
      'Redis mode',
      mode,
      mode === 'cluster'
        ? 'use one without cluster mode: on a cluster the proof of freshness does not hold'
        : 'let REDIS_URL name the primary itself, not a sentinel',
    );
  return isReplica
    ? bad('Redis mode', 'this is a replica', 'let REDIS_URL name the primary')
    : good('Redis mode', 'a primary without cluster mode');
};

const rightsFinding = ({ refused }: RedisFacts): Finding =>
  refused.length === 0
    ? good('Redis rights', 'every command that was tried is allowed')
    : bad('Redis rights', `refused: ${refused.join(', ')}`, 'give the user the rights of docs/security.md');

/** While a write is under way, an evicted fence lets the old version be cached again (ARCHITECTURE.md). */
const evictionFinding = ({ evictionPolicy, evictedKeys }: RedisFacts): Finding => {
  const check = 'Redis eviction';
  const found = `${evictionPolicy}${evictedKeys > 0 ? `, ${evictedKeys} evicted since the start` : ''}`;
  if (evictionPolicy === 'noeviction') return good(check, found);
  const advice = 'set maxmemory-policy noeviction: a full Redis is then bypassed, and evicts no fence';
  // A fence was written just now, so a policy that evicts the least recently used keys comes to it last. The other
  // policies do not spare it: it has the shortest TTL, was used only once, and may be chosen at random.
  return evictionPolicy.endsWith('-lru')
    ? warning(check, found, advice)
    : bad(check, found || 'unknown', advice);
};

const memoryFinding = ({ usedBytes, maxBytes }: RedisFacts): Finding => {
  const check = 'Redis memory';
  if (maxBytes === 0)
    return warning(
      check,
      `${inMiB(usedBytes)}, no limit`,
      'set maxmemory, or the system ends Redis when its own is full',
    );
  const found = `${inMiB(usedBytes)} of ${inMiB(maxBytes)}`;
  if (usedBytes >= maxBytes) return bad(check, `full: ${found}`, 'raise maxmemory: nothing new is cached');
  return usedBytes >= maxBytes * nearlyFull
    ? warning(check, found, 'raise maxmemory before it is full')
    : good(check, found);
};

/** After a crash Redis reads a file that lacks the last invalidations, so it serves old values until their TTL ends. */
const persistenceFinding = ({ appendsToFile, flushes, snapshots, snapshotsTaken }: RedisFacts): Finding => {
  const check = 'Redis persistence';
  const advice =
    "set save '' and appendonly no: after a crash a Redis that comes back empty is right, one that comes back old is not";
  if (appendsToFile) {
    return flushes === 'always'
      ? good(check, 'append-only file, flushed at each write')
      : warning(
          check,
          `append-only file, flushed ${flushes ?? 'at an unknown rate'}: a crash loses the last second`,
          advice,
        );
  }
  if (snapshots === '') return good(check, 'none, as a cache wants it');
  if (snapshots !== null || (snapshotsTaken ?? 0) > 0)
    return bad(check, `snapshots (${snapshots ?? 'some were taken'}): a crash loses minutes`, advice);
  return warning(check, 'unknown: this user may not ask CONFIG GET', `see to it by hand; ${advice}`);
};

const replicasFinding = ({ replicas }: RedisFacts, { waitReplicas }: RedisSettings): Finding => {
  const check = 'Redis replicas';
  const found = `${replicas} connected, REDIS_WAIT_REPLICAS=${waitReplicas}`;
  if (waitReplicas > replicas)
    return bad(check, found, 'connect the replicas, or lower REDIS_WAIT_REPLICAS: no fence can be confirmed');
  return replicas > 0 && waitReplicas === 0
    ? warning(
        check,
        found,
        'if one of them may take over, set REDIS_WAIT_REPLICAS=1: it may lack the last invalidations',
      )
    : good(check, found);
};

const latencyFinding = (
  { latenciesMs }: Pick<RedisFacts, 'latenciesMs'>,
  { commandTimeoutMs }: RedisSettings,
): Finding => {
  const check = 'Redis latency';
  const [middle, worst] = [median(latenciesMs), Math.max(...latenciesMs)];
  const found = `${inMs(middle)}, at most ${inMs(worst)}; the deadline is ${commandTimeoutMs} ms`;
  const advice = 'bring Redis near, or raise REDIS_COMMAND_TIMEOUT_MS: beyond it Redis is bypassed';
  if (middle >= commandTimeoutMs) return bad(check, found, advice);
  return middle >= commandTimeoutMs / 4 || worst >= commandTimeoutMs
    ? warning(check, found, advice)
    : good(check, found);
};
