import type { RedisFacts, RedisUnusable } from '../../adapters/redis/examine.ts';
import type { RestFacts } from '../../adapters/redis/rest/examine.ts';
import { type Finding, finding, good, inMiB, inMs, median } from './finding.ts';

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
    : finding('Redis rights', 'rest-rights-missing', { names: refused });

export const unusableRest = (where: string, { code, reason }: RedisUnusable): Finding =>
  finding('Redis', codeOfRestFailure(code), { found: `${where}: ${reason}` });

const codeOfRestFailure = (code: RedisUnusable['code']) => {
  switch (code) {
    case 'auth':
      return 'rest-token-refused';
    case 'limited':
      return 'rest-limited';
    case 'gateway':
    case 'refused':
      return 'rest-foreign';
    default:
      return 'rest-unreachable';
  }
};

/** A Redis that cannot be used is bad: Kith works without it, but it was configured to be used. */
export const unusableRedis = (where: string, { code, reason }: RedisUnusable): Finding =>
  finding('Redis', codeOfFailure(code), { found: `${where}: ${reason}` });

const codeOfFailure = (code: RedisUnusable['code']) => {
  switch (code) {
    case 'auth':
      return 'redis-login-refused';
    case 'noperm':
      return 'redis-not-permitted';
    case 'refused':
    case 'garbled':
      return 'redis-foreign';
    case 'loading':
      return 'redis-loading';
    case 'deadline':
    case 'network':
    case 'offline':
    case 'closed':
      return 'redis-unreachable';
    default:
      return 'redis-failing';
  }
};

const versionFinding = ({ version, server }: RedisFacts): Finding => {
  const check = 'Redis version';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isRecent = major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);
  const found = server === 'valkey' ? `Valkey, as Redis ${version}` : `Redis ${version}`;
  return isRecent ? good(check, found) : finding(check, 'redis-too-old', { found: found || 'unknown' });
};

const modeFinding = ({ mode, isReplica }: RedisFacts): Finding => {
  const check = 'Redis mode';
  if (mode === 'cluster') return finding(check, 'redis-cluster', {});
  if (mode === 'sentinel') return finding(check, 'redis-sentinel', {});
  return isReplica ? finding(check, 'redis-replica', {}) : good(check, 'a primary without cluster mode');
};

const rightsFinding = ({ refused }: RedisFacts): Finding =>
  refused.length === 0
    ? good('Redis rights', 'every command that was tried is allowed')
    : finding('Redis rights', 'redis-rights-missing', { names: refused });

/** While a write is under way, an evicted fence lets the old version be cached again (ARCHITECTURE.md). */
const evictionFinding = ({ evictionPolicy, evictedKeys }: RedisFacts): Finding => {
  const check = 'Redis eviction';
  const found = `${evictionPolicy}${evictedKeys > 0 ? `, ${evictedKeys} evicted since the start` : ''}`;
  if (evictionPolicy === 'noeviction') return good(check, found);
  // A fence was written just now, so a policy that evicts the least recently used keys comes to it last. The other
  // policies do not spare it: it has the shortest TTL, was used only once, and may be chosen at random.
  return evictionPolicy.endsWith('-lru')
    ? finding(check, 'redis-evicts-oldest', { found })
    : finding(check, 'redis-evicts-fences', { found: found || 'unknown' });
};

const memoryFinding = ({ usedBytes, maxBytes }: RedisFacts): Finding => {
  const check = 'Redis memory';
  if (maxBytes === 0) return finding(check, 'redis-unlimited', { found: `${inMiB(usedBytes)}, no limit` });
  const found = `${inMiB(usedBytes)} of ${inMiB(maxBytes)}`;
  if (usedBytes >= maxBytes) return finding(check, 'redis-full', { found });
  return usedBytes >= maxBytes * nearlyFull
    ? finding(check, 'redis-nearly-full', { found })
    : good(check, found);
};

/** Values that come back from an old file are not believed (application/caching/belief.ts), so a file is of no use, and may do harm. */
const persistenceFinding = ({ appendsToFile, flushes, snapshots, snapshotsTaken }: RedisFacts): Finding => {
  const check = 'Redis persistence';
  if (appendsToFile) {
    return flushes === 'always'
      ? good(check, 'append-only file, flushed at each write')
      : finding(check, 'redis-append-only', { flushes: flushes ?? 'at an unknown rate' });
  }
  if (snapshots === '') return good(check, 'none, as a cache wants it');
  if (snapshots !== null || (snapshotsTaken ?? 0) > 0)
    return finding(check, 'redis-snapshots', { snapshots: snapshots ?? 'some were taken' });
  return finding(check, 'redis-persistence-unknown', {});
};

const replicasFinding = ({ replicas }: RedisFacts, { waitReplicas }: RedisSettings): Finding => {
  const check = 'Redis replicas';
  const found = `${replicas} connected, REDIS_WAIT_REPLICAS=${waitReplicas}`;
  if (waitReplicas > replicas) return finding(check, 'replicas-too-few', { found });
  return replicas > 0 && waitReplicas === 0
    ? finding(check, 'replicas-not-awaited', { found })
    : good(check, found);
};

const latencyFinding = (
  { latenciesMs }: Pick<RedisFacts, 'latenciesMs'>,
  { commandTimeoutMs }: RedisSettings,
): Finding => {
  const check = 'Redis latency';
  const [middle, worst] = [median(latenciesMs), Math.max(...latenciesMs)];
  const found = `${inMs(middle)}, at most ${inMs(worst)}; the deadline is ${commandTimeoutMs} ms`;
  if (middle >= commandTimeoutMs) return finding(check, 'redis-too-far', { found });
  return middle >= commandTimeoutMs / 4 || worst >= commandTimeoutMs
    ? finding(check, 'redis-far', { found })
    : good(check, found);
};
