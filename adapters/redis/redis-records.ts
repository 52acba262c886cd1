import type { Codec } from '../../application/caching/codecs.ts';
import { jittered, versionOf } from '../../application/caching/values.ts';
import type { Cacheable, CachePort, CacheRead, Kind, Lease, TierState } from '../../domain/ports/cache.ts';
import type { Clock, Ids } from '../../domain/ports/runtime.ts';
import { Batches } from './batch.ts';
import type { Client } from './client.ts';
import { fenceOf, filling, leaseOf, parseEntry, textOf, unavailable } from './entry.ts';
import { asNumber, asOk, Failed } from './errors.ts';
import type { Guard } from './guard.ts';
import { chanceIn } from './keys.ts';
import * as scripts from './scripts.ts';

export type RedisRecordsNeeds<V extends Cacheable> = {
  readonly kind: Kind;
  readonly codec: Codec<V>;
  readonly nameOf: (key: string) => string;
  /** Where invalidations are published; `undefined` for hints, which are verified at each use. */
  readonly channel: string | undefined;
  readonly guard: Guard;
  readonly ttlMs: number;
  readonly leaseMs: number;
  readonly fenceTtlMs: number;
  readonly maxValueBytes: number;
  readonly commandTimeoutMs: number;
  /** How many replicas must have a fence before it counts. */
  readonly waitReplicas: number;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Hears of each value that did not parse. */
  readonly unreadable: () => void;
};

const maxUnconfirmed = 10_000;

/**
 * One kind of record in Redis: READ, FILL, FENCE, RELEASE and REPLAY of application/caching/protocol.ts, one key a record.
 * Whatever goes wrong, a read is `unavailable` and a command `false`.
 */
export class RedisRecords<V extends Cacheable> implements CachePort<V> {
  readonly #needs: RedisRecordsNeeds<V>;
  readonly #guard: Guard;
  readonly #batches: Batches<V>;
  readonly #lastIndex: string;
  /** Fences that may or may not have got there: a release could overtake its own fence. */
  readonly #unconfirmed = new Set<string>();

  constructor(needs: RedisRecordsNeeds<V>) {
    this.#needs = needs;
    this.#guard = needs.guard;
    this.#lastIndex = `${needs.maxValueBytes}`;
    this.#batches = new Batches({
      ...needs,
      newToken: () => needs.ids.token(),
      sendLease: (client, name, token) => this.#sendLease(client, name, token),
      parse: (reply, { key, name, lane }) => this.#settle(this.#parse(reply, key, lane), key, name, lane),
      read: (key) => this.read(key),
      drop: ({ name, lane }) => this.#drop(name, lane),
    });
  }

  peek(): undefined {
    return undefined;
  }

  async read(key: string): Promise<CacheRead<V>> {
    const startedAtMs = this.#needs.clock.monotonicMs();
    const name = this.#needs.nameOf(key);
    const lane = this.#guard.laneOf(name);
    // GET with a bound: a value of 64 MB would hold up everybody on this connection. Absent is the empty string.
    const reply = await this.#guard.run(lane, (client) =>
      client.sendCommand(['GETRANGE', name, '0', this.#lastIndex]),
    );
    const found = this.#parse(reply, key, lane);
    return typeof found === 'object' ? found : this.#settle(found, key, name, lane, startedAtMs);
  }

  readMany(keys: readonly string[]): Promise<readonly CacheRead<V>[]> {
    return this.#batches.read(keys, this.#needs.clock.monotonicMs());
  }

  async fill({ key, token, readStartedAtMs }: Lease, value: V | undefined): Promise<boolean> {
    const { clock, codec, leaseMs, ttlMs, maxValueBytes } = this.#needs;
    if (clock.monotonicMs() - readStartedAtMs > leaseMs) return false;
    const text = value === undefined ? undefined : textOf(value, key, codec, maxValueBytes);
    // No text, or more of it than may be stored: the lease is given back.
    const args = [leaseOf(token), text ?? '', `${Math.ceil(jittered(ttlMs, chanceIn(token)))}`];
    return (await this.#runScript(scripts.fill, key, args)) === 1 && text !== undefined;
  }

  async fence(key: string, token: string): Promise<boolean> {
    const { nameOf, fenceTtlMs } = this.#needs;
    const name = nameOf(key);
    const set = ['SET', name, fenceOf(token), 'PX', `${fenceTtlMs}`];
    const isConfirmed = await this.#commit(name, key, (client) => [
      client.sendCommand(set).then(asOk),
      ...this.#awaitReplicas(client),
    ]);
    if (!isConfirmed) this.#remember(`${token} ${key}`);
    return isConfirmed;
  }

  /** Whether enough replicas have everything up to here: what comes after a fail-over must not be older. */
  #awaitReplicas(client: Client): readonly Promise<boolean>[] {
    const { waitReplicas, commandTimeoutMs } = this.#needs;
    if (waitReplicas === 0) return [];
    // It holds up this connection, so it must end before our deadline does.
    const wait = ['WAIT', `${waitReplicas}`, `${Math.ceil(commandTimeoutMs / 2)}`];
    return [client.sendCommand(wait).then((reply) => asNumber(reply) >= waitReplicas)];
  }

  async release(key: string, token: string): Promise<boolean> {
    if (this.#unconfirmed.delete(`${token} ${key}`)) return false;
    const { channel = '', kind } = this.#needs;
    // Either answer will do: what is there now is nothing, or another's fence.
    const reply = await this.#runScript(scripts.release, key, [fenceOf(token), channel, `${kind} ${key}`]);
    return reply !== undefined;
  }

  replay(key: string): Promise<boolean> {
    const name = this.#needs.nameOf(key);
    return this.#commit(name, key, (client) => [
      scripts.runScriptInOrder(client, scripts.replay, name, []).then((reply) => asNumber(reply) >= 0),
      // The journal's row goes when this is confirmed, and with it all that a replica could learn the change from.
      ...this.#awaitReplicas(client),
    ]);
  }

  async inspect(key: string): Promise<readonly TierState[]> {
    const name = this.#needs.nameOf(key);
    const lane = this.#guard.laneOf(name);
    const replies = await this.#guard.run(lane, (client) =>
      Promise.all([
        client.sendCommand(['PTTL', name]).then(asNumber),
        client.sendCommand(['GETRANGE', name, '0', this.#lastIndex]),
      ]),
    );
    const [ttl, reply] = replies instanceof Failed ? [-1, replies] : replies;
    const found = this.#parse(reply, key, lane);
    const version = typeof found === 'object' && found.state === 'hit' ? versionOf(found.value) : null;
    return [{ tier: 'redis', state: stateOf(found), version, ttlMs: ttl >= 0 ? ttl : null }];
  }

  /** Sends commands and, behind them, the invalidation; whether each was answered, as it should be and in time. */
  async #commit(name: string, key: string, send: (client: Client) => Promise<boolean>[]): Promise<boolean> {
    const { channel, kind } = this.#needs;
    const replies = await this.#guard.run(this.#guard.laneOf(name), (client) => {
      const commands = send(client);
      if (channel !== undefined) {
        const publish = client.sendCommand(['PUBLISH', channel, `${kind} ${key}`]);
        commands.push(publish.then((reply) => asNumber(reply) >= 0));
      }
      return Promise.all(commands);
    });
    return !(replies instanceof Failed) && replies.every((isDone) => isDone);
  }

  async #runScript(
    script: scripts.Script,
    key: string,
    args: readonly string[],
  ): Promise<number | undefined> {
    const name = this.#needs.nameOf(key);
    const reply = await this.#guard.run(this.#guard.laneOf(name), (client) =>
      scripts.runScript(client, script, name, args).then(asNumber),
    );
    return reply instanceof Failed ? undefined : reply;
  }

  /** Turns what is not there, or not readable, into a lease. */
  async #settle(
    found: CacheRead<V> | 'absent' | 'unreadable',
    key: string,
    name: string,
    lane: number,
    startedAtMs: number = this.#needs.clock.monotonicMs(),
  ): Promise<CacheRead<V>> {
    if (typeof found === 'object') return found;
    // In one turn: first it goes, then the lease.
    const dropped = found === 'unreadable' ? this.#drop(name, lane) : undefined;
    const token = this.#needs.ids.token();
    const reply = await this.#guard.run(lane, (client) => this.#sendLease(client, name, token), startedAtMs);
    await dropped;
    if (reply instanceof Failed) return unavailable;
    return reply === 'OK'
      ? { state: 'leased', lease: { key, token, readStartedAtMs: startedAtMs } }
      : filling;
  }

  #sendLease(client: Client, name: string, token: string): Promise<unknown> {
    return client.sendCommand(['SET', name, leaseOf(token), 'NX', 'PX', `${this.#needs.leaseMs}`]);
  }

  #drop(name: string, lane: number): Promise<unknown> {
    this.#needs.unreadable();
    return this.#guard.run(lane, (client) => scripts.runScriptInOrder(client, scripts.replay, name, []));
  }

  #parse(reply: unknown, key: string, lane: number): CacheRead<V> | 'absent' | 'unreadable' {
    if (typeof reply === 'string') {
      return reply === '' ? 'absent' : parseEntry(reply, key, this.#needs.codec, this.#needs.maxValueBytes);
    }
    if (!(reply instanceof Failed)) this.#guard.garbled(lane);
    else if (reply.code === 'wrongtype') return 'unreadable';
    return unavailable;
  }

  #remember(fence: string): void {
    this.#unconfirmed.add(fence);
    const [oldest] = this.#unconfirmed;
    if (this.#unconfirmed.size > maxUnconfirmed && oldest !== undefined) this.#unconfirmed.delete(oldest);
  }
}

const stateOf = (found: CacheRead<Cacheable> | 'absent' | 'unreadable'): TierState['state'] => {
  if (typeof found === 'string') return found;
  if (found.state === 'hit') return 'value';
  return found.state === 'filling' ? 'leased' : found.state;
};
