import { codecs, type Values } from '../../application/caching/codecs.ts';
import type { CacheHealth, CachePort, Caches, Kind, TtlsMs } from '../../domain/ports/cache.ts';
import type { Clock, Ids, Log, Timer } from '../../domain/ports/runtime.ts';
import type { Secret } from '../../domain/secret.ts';
import { openClient, type RedisAddress } from './client.ts';
import { Failed } from './errors.ts';
import { Guard } from './guard.ts';
import { busChannel, keyNames, namesPattern } from './keys.ts';
import { RedisRecords } from './redis-records.ts';
import * as scripts from './scripts.ts';

export type RedisCacheOptions = {
  readonly address: RedisAddress;
  /** Makes the names of emails, usernames and phones unguessable; the same in every process. */
  readonly hmacKey: Secret<string>;
  readonly keyPrefix: string;
  /** How many multiplexed connections. */
  readonly poolSize: number;
  /** How long `start` waits for the first connection. */
  readonly startWaitMs: number;
  readonly commandTimeoutMs: number;
  readonly waitReplicas: number;
  readonly ttlsMs: TtlsMs;
  readonly leaseMs: number;
  readonly fenceTtlMs: number;
  readonly maxValueBytes: number;
};

const minuteMs = 60_000;

export const redisDefaults: Omit<RedisCacheOptions, 'address' | 'hmacKey'> = {
  keyPrefix: 'kith:',
  poolSize: 1,
  startWaitMs: 1000,
  commandTimeoutMs: 100,
  waitReplicas: 0,
  ttlsMs: {
    users: 5 * minuteMs,
    profiles: 3 * minuteMs,
    emails: 5 * minuteMs,
    usernames: 5 * minuteMs,
    phones: 5 * minuteMs,
    contacts: 30 * minuteMs,
    lists: 30 * minuteMs,
    pages: 30 * minuteMs,
  },
  leaseMs: 5000,
  fenceTtlMs: 30_000,
  maxValueBytes: 256 * 1024,
};

export type RedisCacheNeeds = {
  readonly clock: Clock;
  readonly timer: Timer;
  readonly ids: Ids;
  readonly log: Log;
};

export type RedisHealth = Pick<CacheHealth, 'latencyMs' | 'circuit' | 'memoryUsedBytes'>;

/** What went wrong since the start: values that did not parse, and commands without a usable reply by code. */
export type RedisCounters = {
  readonly unreadable: number;
  readonly failures: { readonly [code: string]: number };
};

const scanEntries = 250;
const clearMs = 30_000;

/** The kinds of record in Redis. Never throws, and no call takes longer than one deadline, but `start` and `clear`. */
export class RedisCache implements AsyncDisposable {
  readonly caches: Caches;
  readonly #options: RedisCacheOptions;
  readonly #clock: Clock;
  readonly #guard: Guard;
  #unreadable = 0;

  constructor(options: RedisCacheOptions, needs: RedisCacheNeeds) {
    const { address, hmacKey, keyPrefix, poolSize, commandTimeoutMs, ttlsMs } = options;
    this.#options = options;
    this.#clock = needs.clock;
    const guard = new Guard({
      ...needs,
      open: () => openClient(address),
      connections: poolSize,
      deadlineMs: commandTimeoutMs,
      probeName: `${keyPrefix}probe`,
    });
    this.#guard = guard;
    const names = keyNames(keyPrefix, hmacKey);
    const records = <K extends Kind>(kind: K, announced: boolean): CachePort<Values[K]> =>
      new RedisRecords<Values[K]>({
        ...options,
        ...needs,
        guard,
        kind,
        codec: codecs[kind],
        nameOf: names[kind],
        channel: announced ? busChannel(keyPrefix) : undefined,
        ttlMs: ttlsMs[kind],
        unreadable: () => {
          this.#unreadable++;
        },
      });
    this.caches = {
      users: records('users', true),
      profiles: records('profiles', true),
      // Personal values, which the bus must not carry; and hints, which need no invalidation.
      emails: records('emails', false),
      usernames: records('usernames', false),
      phones: records('phones', false),
      contacts: records('contacts', true),
      lists: records('lists', true),
      pages: records('pages', true),
    };
  }

  /** Connects in the background and keeps doing so; resolves when connected, or after `startWaitMs`. */
  start(): Promise<void> {
    return this.#guard.start(this.#options.startWaitMs);
  }

  /** Whether Redis is connected and the circuit closed. If not, every call answers at once: `unavailable` or `false`. */
  inUse(): boolean {
    return this.#guard.inUse();
  }

  /** Whether the last probe, at most a second old, could write as well: a full memory or a missing permission refuses. */
  acceptsWrites(): boolean {
    return this.#guard.health().isHealthy;
  }

  /** Replays every key under the prefix and publishes that everything is invalid; whether all of it was done. */
  async clear(): Promise<boolean> {
    const { keyPrefix } = this.#options;
    const untilMs = this.#clock.monotonicMs() + clearMs;
    const pattern = namesPattern(keyPrefix);
    let cursor = '0';
    do {
      const at = cursor;
      const page = parsePage(
        await this.#guard.run(0, (client) =>
          client.sendCommand(['SCAN', at, 'MATCH', pattern, 'COUNT', `${scanEntries}`]),
        ),
      );
      if (page === undefined || !(await this.#replayAll(page.names))) return false;
      cursor = page.cursor;
    } while (cursor !== '0' && this.#clock.monotonicMs() < untilMs);
    if (cursor !== '0') return false;
    const heard = await this.#guard.run(0, (client) =>
      client.sendCommand(['PUBLISH', busChannel(keyPrefix), 'everything *']),
    );
    return typeof heard === 'number';
  }

  async health(): Promise<RedisHealth> {
    const { circuit, latencyMs } = this.#guard.health();
    const info = await this.#guard.run(0, (client) => client.sendCommand(['INFO', 'memory']));
    const used = typeof info === 'string' ? /^used_memory:(\d+)/m.exec(info)?.[1] : undefined;
    return {
      circuit,
      latencyMs: this.inUse() ? latencyMs : null,
      memoryUsedBytes: used === undefined ? null : Number(used),
    };
  }

  /** Runs a script on one key, for others than the cache, under the same guard: rejects at the latest after one deadline. */
  async evaluate(lua: string, name: string, args: readonly string[]): Promise<unknown> {
    const reply = await this.#guard.run(this.#guard.laneOf(name), (client) =>
      scripts.runScript(client, scripts.script(lua), name, args),
    );
    if (reply instanceof Failed) throw new Error(`the script was not run (${reply.code})`);
    return reply;
  }

  counters(): RedisCounters {
    return { unreadable: this.#unreadable, failures: this.#guard.failures() };
  }

  [Symbol.asyncDispose](): Promise<void> {
    // Not a polite QUIT: that hangs on a hung server, and nobody waits for what is pending.
    this.#guard.dispose();
    return Promise.resolve();
  }

  async #replayAll(names: readonly string[]): Promise<boolean> {
    const byLane = Map.groupBy(names, (name) => this.#guard.laneOf(name));
    const replies = await Promise.all(
      Array.from(byLane, ([lane, group]) =>
        this.#guard.run(lane, (client) =>
          Promise.all(group.map((name) => scripts.runScript(client, scripts.replay, name, []))),
        ),
      ),
    );
    return !replies.some((reply) => reply instanceof Failed);
  }
}

const parsePage = (
  reply: unknown,
): { readonly cursor: string; readonly names: readonly string[] } | undefined => {
  if (!Array.isArray(reply)) return undefined;
  const [cursor, names]: unknown[] = reply;
  if (typeof cursor !== 'string' || !Array.isArray(names)) return undefined;
  return names.every((name) => typeof name === 'string') ? { cursor, names } : undefined;
};
