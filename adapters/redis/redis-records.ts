import type { Judge } from '../../application/caching/belief.ts';
import { jittered, versionOf } from '../../application/caching/values.ts';
import type {
  Cacheable,
  CachePort,
  CacheRead,
  Lease,
  RecordKind,
  TierState,
} from '../../domain/ports/cache.ts';
import type { Proof } from '../../domain/ports/change-log.ts';
import type { Clock, Ids } from '../../domain/ports/runtime.ts';
import { Batches } from './batch.ts';
import type { Client } from './client.ts';
import { type Entry, fenceOf, filling, headerIn, leaseOf, parseEntry, textOf, unavailable } from './entry.ts';
import { asNumber, asOk, Failed, outageIn, unlessOutage } from './errors.ts';
import type { Guard } from './guard.ts';
import { chanceIn } from './keys.ts';
import * as scripts from './scripts.ts';
import type { Way } from './way.ts';

export type RedisRecordsNeeds<V extends Cacheable> = {
  readonly kind: RecordKind<V>;
  readonly nameOf: (key: string) => string;
  readonly way: Way;
  /** Where invalidations are published; `undefined` for hints, which are verified at each use, and without a bus. */
  readonly channel: string | undefined;
  readonly guard: Guard;
  readonly leaseMs: number;
  readonly fenceTtlMs: number;
  readonly maxValueBytes: number;
  readonly commandTimeoutMs: number;
  /** How many replicas must have a fence before it counts. */
  readonly waitReplicas: number;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly judge: Judge;
  /** Hears of each value that did not parse. */
  readonly unreadable: () => void;
};

const maxUnconfirmed = 10_000;

/** Replacements in flight. Beyond, a value that is not believed is only not served: the queue takes 1,000 commands. */
const maxReplacing = 250;

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
  #replacing = 0;

  constructor(needs: RedisRecordsNeeds<V>) {
    this.#needs = needs;
    this.#guard = needs.guard;
    this.#lastIndex = `${needs.maxValueBytes}`;
    this.#batches = new Batches({
      ...needs,
      newToken: () => needs.ids.token(),
      sendLease: (client, name, token) => this.#sendLease(client, name, token),
      parse: (reply, { key, name, lane }, startedAtMs) => {
        const found = this.#parse(reply, key, lane);
        return this.#judged(found, key) ?? this.#lease(found, key, name, lane, startedAtMs);
      },
      read: (key, startedAtMs) => this.#read(key, startedAtMs, startedAtMs),
      drop: ({ name, lane }) => this.#drop(name, lane),
    });
  }

  peek(): undefined {
    return undefined;
  }

  read(key: string): Promise<CacheRead<V>> {
    return this.#read(key, this.#needs.clock.monotonicMs());
  }

  /** `sinceMs`: a round trip since then has taken its part of the deadline. */
  async #read(key: string, startedAtMs: number, sinceMs?: number): Promise<CacheRead<V>> {
    const { nameOf, way, ids } = this.#needs;
    const name = nameOf(key);
    const lane = this.#guard.laneOf(name);
    const token = way.readsLease ? ids.token() : undefined;
    const reply = await this.#guard.run(lane, (client) => this.#ask(client, name, token), sinceMs);
    return this.#conclude(reply, token, key, name, startedAtMs);
  }

  #conclude(
    reply: unknown,
    token: string | undefined,
    key: string,
    name: string,
    startedAtMs: number,
  ): CacheRead<V> | Promise<CacheRead<V>> {
    // Only the script that takes leases answers with a number.
    if (token !== undefined && reply === 1)
      return { state: 'leased', lease: { key, token, readStartedAtMs: startedAtMs } };
    const lane = this.#guard.laneOf(name);
    const found = this.#parse(reply, key, lane);
    // A hit takes no further promise.
    return this.#judged(found, key) ?? this.#lease(found, key, name, lane, startedAtMs);
  }

  /** What lies under a name; with a token, a lease where nothing does. */
  #ask(client: Client, name: string, token: string | undefined): Promise<unknown> {
    // GET with a bound: a value of 64 MB would hold up everybody on this connection. Absent is the empty string.
    if (token === undefined) return client.sendCommand(['GETRANGE', name, '0', this.#lastIndex]);
    const args = [leaseOf(token), `${this.#needs.leaseMs}`, this.#lastIndex];
    return this.#needs.way.runScript(client, scripts.read, name, args);
  }

  readMany(keys: readonly string[]): Promise<readonly CacheRead<V>[]> {
    const startedAtMs = this.#needs.clock.monotonicMs();
    return this.#needs.way.readsLease
      ? this.#readEach(keys, startedAtMs)
      : this.#batches.read(keys, startedAtMs);
  }

  /** Each key as if it were alone, in one turn, and under one deadline: if they are late, Redis was late once. */
  async #readEach(keys: readonly string[], startedAtMs: number): Promise<readonly CacheRead<V>[]> {
    const { nameOf, ids } = this.#needs;
    const entries = keys.map((key) => ({ key, name: nameOf(key), token: ids.token() }));
    const replies = await this.#guard.run(0, (client) =>
      Promise.all(entries.map(({ name, token }) => this.#ask(client, name, token).catch(unlessOutage))),
    );
    return Promise.all(
      entries.map(({ key, name, token }, index) => {
        const reply = replies instanceof Failed ? replies : replies[index];
        return this.#conclude(reply, token, key, name, startedAtMs);
      }),
    );
  }

  async fill({ key, token, readStartedAtMs }: Lease, value: V | undefined, proof?: Proof): Promise<boolean> {
    const { clock, kind, leaseMs, maxValueBytes } = this.#needs;
    if (clock.monotonicMs() - readStartedAtMs > leaseMs) return false;
    const isProved = proof !== undefined || kind.origin === undefined;
    const text =
      value === undefined || !isProved ? undefined : textOf(value, key, kind.codec, proof, maxValueBytes);
    // Nothing, more than may be stored, or what nobody would believe: the lease is given back.
    const args = [leaseOf(token), text ?? '', `${Math.ceil(jittered(kind.ttlMs, chanceIn(token)))}`];
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
    if (isConfirmed === undefined) this.#remember(`${token} ${key}`);
    return isConfirmed === true;
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
    const reply = await this.#runScript(scripts.release, key, [
      fenceOf(token),
      channel,
      `${kind.name} ${key}`,
    ]);
    return reply !== undefined;
  }

  /** Nothing is held in this process. */
  drop(): void {}

  async replay(key: string): Promise<boolean> {
    const name = this.#needs.nameOf(key);
    const isDone = await this.#commit(name, key, (client) => [
      scripts.runScriptInOrder(client, scripts.replay, name, []).then((reply) => asNumber(reply) >= 0),
      // Whoever asked for it means the replica that may be promoted as well.
      ...this.#awaitReplicas(client),
    ]);
    return isDone === true;
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
    const { kind, judge } = this.#needs;
    const entry = typeof found === 'object' && found.state === 'value' ? found : undefined;
    return [
      {
        tier: 'redis',
        state: stateOf(found),
        version: entry === undefined ? null : versionOf(entry.value),
        ttlMs: ttl >= 0 ? ttl : null,
        disbelief: (entry && judge.doubt(kind, key, entry.proof, 'look')) ?? null,
      },
    ];
  }

  /**
   * Sends commands and, behind them, the invalidation; whether each was answered as it should be. `undefined`: there was no
   * answer in time, and they may still be on their way.
   */
  async #commit(
    name: string,
    key: string,
    send: (client: Client) => Promise<boolean>[],
  ): Promise<boolean | undefined> {
    const { channel, kind } = this.#needs;
    const replies = await this.#guard.run(this.#guard.laneOf(name), (client) => {
      const commands = send(client);
      if (channel !== undefined) {
        const publish = client.sendCommand(['PUBLISH', channel, `${kind.name} ${key}`]);
        commands.push(publish.then((reply) => asNumber(reply) >= 0));
      }
      return Promise.all(commands);
    });
    if (replies instanceof Failed) return outageIn(replies) === 'none' ? false : undefined;
    return replies.every((isDone) => isDone);
  }

  async #runScript(
    script: scripts.Script,
    key: string,
    args: readonly string[],
  ): Promise<number | undefined> {
    const name = this.#needs.nameOf(key);
    const reply = await this.#guard.run(this.#guard.laneOf(name), (client) =>
      this.#needs.way.runScript(client, script, name, args).then(asNumber),
    );
    return reply instanceof Failed ? undefined : reply;
  }

  /** What can be said at once; `undefined` for what has to give way to a lease. Each value is judged once. */
  #judged(found: Found<V>, key: string): CacheRead<V> | undefined {
    if (typeof found === 'string') return undefined;
    if (found.state !== 'value') return found;
    const { kind, judge } = this.#needs;
    if (judge.doubt(kind, key, found.proof) !== undefined) return undefined;
    return { state: 'hit', value: found.value, source: 'redis' };
  }

  /** Turns what is not there, not readable or not believed into a lease. */
  async #lease(
    found: Found<V>,
    key: string,
    name: string,
    lane: number,
    startedAtMs: number,
  ): Promise<CacheRead<V>> {
    if (typeof found === 'object') {
      return found.state === 'value' ? this.#replace(found, key, name, lane, startedAtMs) : found;
    }
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

  /**
   * A value that is not believed gives way to a lease, if it is still that value. Not all at once: when another epoch
   * begins, none is believed.
   */
  async #replace(
    found: Entry<V>,
    key: string,
    name: string,
    lane: number,
    startedAtMs: number,
  ): Promise<CacheRead<V>> {
    if (this.#replacing === maxReplacing) return unavailable;
    const { ids, leaseMs, way } = this.#needs;
    const token = ids.token();
    this.#replacing++;
    const reply = await this.#guard.run(
      lane,
      (client) =>
        way
          .runScript(client, scripts.replace, name, [headerIn(found), leaseOf(token), `${leaseMs}`])
          .then(asNumber),
      startedAtMs,
    );
    this.#replacing--;
    if (reply instanceof Failed) return unavailable;
    return reply === 1 ? { state: 'leased', lease: { key, token, readStartedAtMs: startedAtMs } } : filling;
  }

  #sendLease(client: Client, name: string, token: string): Promise<unknown> {
    return client.sendCommand(['SET', name, leaseOf(token), 'NX', 'PX', `${this.#needs.leaseMs}`]);
  }

  #drop(name: string, lane: number): Promise<unknown> {
    this.#needs.unreadable();
    return this.#guard.run(lane, (client) => scripts.runScriptInOrder(client, scripts.replay, name, []));
  }

  #parse(reply: unknown, key: string, lane: number): Found<V> {
    if (typeof reply === 'string') {
      return reply === ''
        ? 'absent'
        : parseEntry(reply, key, this.#needs.kind.codec, this.#needs.maxValueBytes);
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

/** What lies under a key. */
type Found<V> = CacheRead<V> | Entry<V> | 'absent' | 'unreadable';

const stateOf = (found: Found<Cacheable>): TierState['state'] => {
  if (typeof found === 'string') return found;
  if (found.state === 'hit') return 'value';
  return found.state === 'filling' ? 'leased' : found.state;
};
