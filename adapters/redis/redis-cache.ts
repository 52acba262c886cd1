import type { Judge } from '../../application/caching/belief.ts';
import { fenceTtlMs, leaseMs, maxValueBytes } from '../../application/caching/limits.ts';
import type { RedisCounters } from '../../application/operations/live-state.ts';
import { portsOf } from '../../application/records/record-kind.ts';
import type { Cacheable, CacheHealth, CachePort, Caches, RecordKind } from '../../domain/ports/cache.ts';
import type { Clock, Ids, Log, Timer } from '../../domain/ports/runtime.ts';
import type { Secret } from '../../domain/secret.ts';
import type { Client } from './client.ts';
import { Failed } from './errors.ts';
import { Guard } from './guard.ts';
import { busChannel, namesOf, namesPattern, probeName } from './keys.ts';
import { RedisRecords } from './redis-records.ts';
import * as scripts from './scripts.ts';
import { byConnection, type Way } from './way.ts';

export type RedisCacheOptions = {
  readonly kinds: readonly RecordKind<Cacheable>[];
  /** A connection, not yet connected; each is a new one. */
  readonly open: () => Client;
  /** How Redis is reached; over connections, unless it is said. */
  readonly way?: Way;
  /** Makes the names of emails, usernames and phones unguessable; the same in every process. */
  readonly hmacKey: Secret<string>;
  readonly keyPrefix: string;
  /** How many multiplexed connections. */
  readonly poolSize: number;
  /** How long `start` waits for the first connection. */
  readonly startWaitMs: number;
  readonly commandTimeoutMs: number;
  readonly waitReplicas: number;
  readonly leaseMs?: number;
  readonly fenceTtlMs?: number;
  readonly maxValueBytes?: number;
};

export type RedisCacheNeeds = {
  readonly judge: Judge;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly ids: Ids;
  readonly log: Log;
};

export type RedisHealth = Pick<CacheHealth, 'backend' | 'latencyMs' | 'circuit' | 'memoryUsedBytes'>;

const scanEntries = 250;
const clearMs = 30_000;

/** The kinds of record in Redis. Never throws, and no call takes longer than one deadline, but `start` and `clear`. */
export class RedisCache implements Caches, AsyncDisposable {
  readonly #caches: Caches;
  readonly #options: RedisCacheOptions;
  readonly #way: Way;
  readonly #clock: Clock;
  readonly #guard: Guard;
  #unreadable = 0;

  constructor(options: RedisCacheOptions, needs: RedisCacheNeeds) {
    const { kinds, open, hmacKey, keyPrefix, poolSize, commandTimeoutMs, way = byConnection } = options;
    this.#options = options;
    this.#way = way;
    this.#clock = needs.clock;
    const guard = new Guard({
      ...needs,
      open,
      way,
      connections: poolSize,
      deadlineMs: commandTimeoutMs,
      probeName: probeName(keyPrefix),
    });
    this.#guard = guard;
    this.#caches = portsOf(
      kinds,
      (kind) =>
        new RedisRecords({
          leaseMs,
          fenceTtlMs,
          maxValueBytes,
          ...options,
          ...needs,
          way,
          guard,
          kind,
          nameOf: namesOf(kind, keyPrefix, hmacKey),
          channel: kind.isHint || !way.hasBus ? undefined : busChannel(keyPrefix),
          unreadable: () => {
            this.#unreadable++;
          },
        }),
    );
  }

  get kinds(): readonly RecordKind<Cacheable>[] {
    return this.#caches.kinds;
  }

  of<V extends Cacheable>(kind: RecordKind<V>): CachePort<V> {
    return this.#caches.of(kind);
  }

  /** Connects in the background and keeps doing so; resolves when connected, or after `startWaitMs`. */
  start(): Promise<void> {
    return this.#guard.start(this.#options.startWaitMs);
  }

  /** Whether Redis is connected and the circuit closed. If not, every call answers at once: `unavailable` or `false`. */
  inUse(): boolean {
    return this.#guard.inUse();
  }

  /**
   * Whether the last probe (`Way.restingProbeMs`) could also write. It cannot if memory is full or a permission is
   * missing.
   */
  acceptsWrites(): boolean {
    return this.#guard.health().isHealthy;
  }

  /**
   * Replays every key under the prefix and publishes, where there is a bus, that everything is invalid; whether all of it
   * was done.
   */
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
    if (!this.#way.hasBus) return true;
    const heard = await this.#guard.run(0, (client) =>
      client.sendCommand(['PUBLISH', busChannel(keyPrefix), 'everything *']),
    );
    return typeof heard === 'number';
  }

  async health(): Promise<RedisHealth> {
    const { circuit, latencyMs } = this.#guard.health();
    return {
      backend: this.#way.backend,
      circuit,
      latencyMs: this.inUse() ? latencyMs : null,
      memoryUsedBytes: this.#way.tellsMemory ? await this.#usedBytes() : null,
    };
  }

  async #usedBytes(): Promise<number | null> {
    const info = await this.#guard.run(0, (client) => client.sendCommand(['INFO', 'memory']));
    const used = typeof info === 'string' ? /^used_memory:(\d+)/m.exec(info)?.[1] : undefined;
    return used === undefined ? null : Number(used);
  }

  /**
   * Runs a script on one key under the same guard, for others than the cache. Rejects at the latest after one deadline.
   */
  async evaluate(lua: string, name: string, args: readonly string[]): Promise<unknown> {
    const reply = await this.#guard.run(this.#guard.laneOf(name), (client) =>
      this.#way.runScript(client, scripts.script(lua), name, args),
    );
    if (reply instanceof Failed) throw new Error(`the script was not run (${reply.code})`);
    return reply;
  }

  counters(): RedisCounters {
    return { unreadable: this.#unreadable, failures: this.#guard.failures() };
  }

  [Symbol.asyncDispose](): Promise<void> {
    // No QUIT is sent first: a server that hangs would not answer it, and nobody waits for the replies that are
    // pending.
    this.#guard.dispose();
    return Promise.resolve();
  }

  async #replayAll(names: readonly string[]): Promise<boolean> {
    const byLane = Map.groupBy(names, (name) => this.#guard.laneOf(name));
    const replies = await Promise.all(
      Array.from(byLane, ([lane, group]) =>
        this.#guard.run(lane, (client) =>
          Promise.all(group.map((name) => this.#way.runScript(client, scripts.replay, name, []))),
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
