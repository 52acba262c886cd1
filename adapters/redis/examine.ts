import { machineReason } from '../system/messages.ts';
import { within } from '../system/within.ts';
import { type Client, openClient } from './client.ts';
import { classify, type FailureCode } from './errors.ts';
import { busChannel, namesPattern, probeName } from './keys.ts';
import type { RedisAddress } from './redis-url.ts';

/** What can be known of a Redis from outside, for whoever has to say whether Kith can work with it. */
export type RedisFacts = {
  /** `7.2.4`; what a Valkey says it is compatible with. */
  readonly version: string;
  readonly server: 'redis' | 'valkey';
  readonly mode: 'standalone' | 'cluster' | 'sentinel';
  readonly isReplica: boolean;
  readonly replicas: number;
  readonly usedBytes: number;
  /** 0: no limit. */
  readonly maxBytes: number;
  readonly evictionPolicy: string;
  readonly evictedKeys: number;
  readonly appendsToFile: boolean;
  /** When the append-only file is flushed; `null` if we may not ask. */
  readonly flushes: string | null;
  /** When snapshots are taken, as redis.conf has it; `''` is never, `null` if we may not ask. */
  readonly snapshots: string | null;
  /** Snapshots since the start; `null` from a Redis that does not count them. */
  readonly snapshotsTaken: number | null;
  /** Commands that Kith sends and that this user may not. */
  readonly refused: readonly string[];
  readonly latenciesMs: readonly number[];
  /** How far the server's clock is ahead of ours; `null` from a Redis that does not say. */
  readonly clockAheadMs: number | null;
};

/** This Redis cannot be used; `code` says why. */
export class RedisUnusable extends Error {
  override readonly name = 'RedisUnusable';
  readonly code: FailureCode;
  /** What a network said, in words; nothing of the server's. */
  readonly reason: string;

  constructor(code: FailureCode, reason: string = code) {
    super(`Redis cannot be used (${reason})`);
    this.code = code;
    this.reason = reason;
  }
}

const latencySamples = 5;
const deadlineMs = 6000;

/**
 * Asks, and tries each command on a key of its own that lives a second. The one command that it does not try is
 * PUBLISH: every instance would hear it and drop everything that it holds. Throws `RedisUnusable`.
 */
export const examineRedis = async (address: RedisAddress, keyPrefix: string): Promise<RedisFacts> => {
  // Two connections, because one that has subscribed may send hardly anything else.
  const [client, ear] = [openClient(address), openClient(address)];
  for (const each of [client, ear]) each.on('error', () => undefined);
  try {
    return await within(examine(client, ear, keyPrefix), deadlineMs, () => new RedisUnusable('deadline'));
  } catch (error) {
    throw error instanceof RedisUnusable
      ? error
      : new RedisUnusable(classify(error).code, networkReason(error));
  } finally {
    for (const each of [client, ear]) each.destroy();
  }
};

const networkReason = (error: unknown): string | undefined => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (/CERT|SELF_SIGNED|UNABLE_TO|TLS|SSL|EPROTO/.test(code)) return `no TLS, ${code}`;
  if (error instanceof Error && error.constructor.name.endsWith('TimeoutError'))
    return 'no answer in time, as from a port without TLS that is asked for it';
  return machineReason(error);
};

const examine = async (client: Client, ear: Client, keyPrefix: string): Promise<RedisFacts> => {
  await Promise.all([client.connect(), ear.connect()]);
  const latenciesMs: number[] = [];
  for (let sample = 0; sample < latencySamples; sample++) {
    const askedMs = performance.now();
    await client.sendCommand(['PING']);
    latenciesMs.push(performance.now() - askedMs);
  }
  const askedMs = Date.now();
  const info = parseInfo(await client.sendCommand(['INFO']));
  const answeredMs = Date.now();
  const number = (name: string): number => Number(info.get(name) ?? 0);
  const serverTimeMicros = info.get('server_time_usec');
  const taken = info.get('rdb_saves');
  return {
    version: info.get('redis_version') ?? '',
    server: info.has('valkey_version') ? 'valkey' : 'redis',
    mode: modeOf(info),
    isReplica: info.get('role') !== 'master',
    replicas: number('connected_slaves'),
    usedBytes: number('used_memory'),
    maxBytes: number('maxmemory'),
    evictionPolicy: info.get('maxmemory_policy') ?? '',
    evictedKeys: number('evicted_keys'),
    appendsToFile: info.get('aof_enabled') === '1',
    flushes: await setting(client, 'appendfsync'),
    snapshots: await setting(client, 'save'),
    snapshotsTaken: taken === undefined ? null : Number(taken),
    refused: await refusedCommands(client, ear, keyPrefix),
    latenciesMs,
    clockAheadMs:
      serverTimeMicros === undefined ? null : Number(serverTimeMicros) / 1000 - (askedMs + answeredMs) / 2,
  };
};

const parseInfo = (reply: unknown): ReadonlyMap<string, string> => {
  const lines = String(reply).split(/\r?\n/);
  return new Map(
    lines.flatMap((line) => {
      const colon = line.indexOf(':');
      return colon > 0 && !line.startsWith('#')
        ? [[line.slice(0, colon), line.slice(colon + 1)] as const]
        : [];
    }),
  );
};

const modeOf = (info: ReadonlyMap<string, string>): RedisFacts['mode'] => {
  const mode = info.get('redis_mode');
  if (mode === 'cluster' || info.get('cluster_enabled') === '1') return 'cluster';
  return mode === 'sentinel' ? 'sentinel' : 'standalone';
};

/** Careful operators do not allow CONFIG, and some services do not have it. */
const setting = async (client: Client, name: string): Promise<string | null> => {
  try {
    const reply = await client.sendCommand(['CONFIG', 'GET', name]);
    // RESP 3 has a map for it, RESP 2 a list.
    const value: unknown = Array.isArray(reply) ? reply[1] : Object(reply)[name];
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
};

const refusedCommands = async (
  client: Client,
  ear: Client,
  keyPrefix: string,
): Promise<readonly string[]> => {
  const key = `${keyPrefix}doctor:${crypto.randomUUID()}`;
  const counter = `${key}:n`;
  const script = "return redis.call('GETRANGE', KEYS[1], 0, 1)";
  const commands: readonly (readonly [string, ...string[]])[] = [
    ['SET', key, 'x', 'PX', '1000'],
    ['GETRANGE', key, '0', '0'],
    ['PTTL', key],
    ['MGET', key],
    ['EVAL', script, '1', key],
    // It has a time to live from the start, so that it ends even if EXPIRE and DEL are refused.
    ['SET', counter, '0', 'PX', '1000'],
    ['INCRBY', counter, '1'],
    ['EXPIRE', counter, '1'],
    ['SCAN', '0', 'MATCH', namesPattern(keyPrefix), 'COUNT', '1'],
    ['WAIT', '0', '1'],
    ['PUBLISH', probeName(keyPrefix), ''],
    ['UNLINK', key],
    ['DEL', counter],
  ];
  const tried = await Promise.all([
    ...commands.map(async (command) => [command[0], await isAllowed(client.sendCommand(command))] as const),
    isAllowed(ear.subscribe(busChannel(keyPrefix), () => undefined)).then((is) => ['SUBSCRIBE', is] as const),
  ]);
  return [...new Set(tried.flatMap(([command, isGiven]) => (isGiven ? [] : [command])))];
};

/** A full or read-only Redis refuses as well, but that is another finding than a missing right. */
const isAllowed = async (answer: Promise<unknown>): Promise<boolean> => {
  try {
    await answer;
    return true;
  } catch (error) {
    const { code } = classify(error);
    if (code === 'oom' || code === 'readonly' || code === 'misconf' || code === 'noreplicas') return true;
    if (code === 'noperm' || code === 'refused') return false;
    throw new RedisUnusable(code);
  }
};
