/** Redis as the protocol uses it: keys that hold a fence, a lease or a value, and a bus. */

import type { SharedCache } from '../../adapters/tiered/tiered-cache.ts';
import type {
  BusListener,
  Cacheable,
  CachePort,
  CacheRead,
  Caches,
  InvalidationBus,
  Kind,
} from '../../domain/ports/cache.ts';
import { tickMs, type World } from './world.ts';

type Held =
  | { readonly state: 'fence' | 'lease'; readonly token: string }
  | { readonly state: 'value'; readonly value: Cacheable };

/** How a planted variant differs from the protocol. */
export type RedisVariant = {
  readonly fill?: 'nx' | 'blind';
  readonly release?: 'unconditional' | 'compare-and-delete';
  readonly publish?: 'at-release';
  readonly pong?: 'from-answer';
};

type Message = { readonly kind: Kind; readonly key: string } | { readonly sentAtMs: number };

export class SimulatedRedis {
  readonly #world: World;
  readonly #variant: RedisVariant;
  readonly #keys = new Map<string, Held>();
  readonly #subscribers = new Set<Subscriber>();

  constructor(world: World, variant: RedisVariant) {
    this.#world = world;
    this.#variant = variant;
  }

  /** What a fence's time limit does in the end. */
  expireFences(): void {
    for (const [name, held] of this.#keys) if (held.state !== 'value') this.#keys.delete(name);
  }

  subscribe(instance: number): InvalidationBus {
    const subscriber = new Subscriber(this.#world, instance, this.#variant);
    this.#subscribers.add(subscriber);
    return subscriber;
  }

  publish(message: Message): void {
    for (const subscriber of this.#subscribers) subscriber.push(message);
  }

  /** The key space as one instance reaches it. */
  reachedFrom(instance: number): SharedCache {
    const world = this.#world;
    const isCut = (): boolean => {
      if (world.strikes('cut-from-redis', instance)) world.begin(`cut ${instance}`, 1_200);
      return world.lasts(`cut ${instance}`);
    };
    const records = <V extends Cacheable>(kind: Kind): CachePort<V> =>
      this.#records<V>(kind, instance, isCut);
    const caches: Caches = {
      users: records('users'),
      profiles: records('profiles'),
      emails: records('emails'),
      usernames: records('usernames'),
      phones: records('phones'),
      contacts: records('contacts'),
      lists: records('lists'),
      pages: records('pages'),
    };
    return {
      caches,
      inUse: () => !world.lasts(`cut ${instance}`),
      acceptsWrites: () => true,
      clear: async () => true,
      health: async () => ({ circuit: 'closed', latencyMs: null, memoryUsedBytes: null }),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  #restartPerhaps(): void {
    if (this.#world.strikes('redis-restart')) {
      this.#keys.clear();
      for (const subscriber of this.#subscribers) subscriber.reset();
    }
    if (this.#world.strikes('redis-read-only')) this.#world.begin('read-only', 4_000);
  }

  #records<V extends Cacheable>(kind: Kind, instance: number, isCut: () => boolean): CachePort<V> {
    const world = this.#world;
    const keys = this.#keys;
    const variant = this.#variant;
    const nameOf = (key: string): string => `${kind} ${key}`;

    /** A command as a message: it may be lost, or come late, and so may its reply. */
    const send = async <T>(label: string, effect: () => T, failed: T, writes = true): Promise<T> => {
      await world.step(`${instance} > ${label}`);
      this.#restartPerhaps();
      if (isCut() || world.strikes('lost-request')) return failed;
      if (writes && world.lasts('read-only')) return failed;
      if (world.strikes('late-request')) {
        void world.step(`late ${label}`).then(effect);
        return failed;
      }
      const reply = effect();
      if (world.strikes('lost-reply')) return failed;
      await world.step(`${instance} < ${label}`);
      return reply;
    };
    const remove = (key: string, token: string | undefined): boolean => {
      const held = keys.get(nameOf(key));
      const isOwn = held?.state === 'fence' && held.token === token;
      if (variant.release === 'compare-and-delete' && token !== undefined) {
        if (isOwn) keys.delete(nameOf(key));
        return true;
      }
      if (held?.state === 'fence' && !isOwn && variant.release !== 'unconditional') return true;
      keys.delete(nameOf(key));
      return true;
    };

    const read: CachePort<V>['read'] = async (key) => {
      const held = await send('GET', () => keys.get(nameOf(key)), 'lost' as Held | 'lost' | undefined, false);
      if (held === 'lost') return { state: 'unavailable' };
      if (held?.state === 'value') return { state: 'hit', value: held.value as V, source: 'redis' };
      if (held?.state === 'fence') return { state: 'fenced' };
      if (held?.state === 'lease') return { state: 'filling' };
      const lease = { key, token: world.ids.token(), readStartedAtMs: world.clock.monotonicMs() };
      const take = (): CacheRead<V> => {
        if (keys.has(nameOf(key))) return { state: 'filling' };
        keys.set(nameOf(key), { state: 'lease', token: lease.token });
        return { state: 'leased', lease };
      };
      return send('LEASE', take, { state: 'unavailable' });
    };

    return {
      peek: () => undefined,
      read,
      readMany: (many) => Promise.all(many.map(read)),
      fill: (lease, value) =>
        send(
          'FILL',
          () => {
            const held = keys.get(nameOf(lease.key));
            const holds = held?.state === 'lease' && held.token === lease.token;
            const may =
              variant.fill === 'blind' ||
              (variant.fill === 'nx' ? held === undefined || held.state === 'lease' : holds);
            if (!may) return false;
            if (value === undefined) keys.delete(nameOf(lease.key));
            else keys.set(nameOf(lease.key), { state: 'value', value });
            return value !== undefined;
          },
          false,
        ),
      fence: (key, token) =>
        send(
          'FENCE',
          () => {
            keys.set(nameOf(key), { state: 'fence', token });
            if (world.strikes('fence-lost')) keys.delete(nameOf(key));
            if (variant.publish !== 'at-release') this.publish({ kind, key });
            return true;
          },
          false,
        ),
      release: (key, token) =>
        send(
          'RELEASE',
          () => {
            const held = keys.get(nameOf(key));
            const isOwn = held?.state === 'fence' && held.token === token;
            // Its fence was lost, so some memory may have taken an old value from here since.
            if (variant.publish === 'at-release' || !isOwn) this.publish({ kind, key });
            return remove(key, token);
          },
          false,
        ),
      replay: (key) =>
        send(
          'REPLAY',
          () => {
            this.publish({ kind, key });
            return remove(key, undefined);
          },
          false,
        ),
      inspect: async () => [],
    };
  }
}

/** One subscribed connection: pushes and answers arrive in order, after any delay. */
class Subscriber implements InvalidationBus {
  readonly #world: World;
  readonly #instance: number;
  readonly #variant: RedisVariant;
  #listener: BusListener | undefined;
  #queue: Message[] = [];
  #isDelivering = false;
  #epoch = 0;

  constructor(world: World, instance: number, variant: RedisVariant) {
    this.#world = world;
    this.#instance = instance;
    this.#variant = variant;
  }

  listen(listener: BusListener): void {
    this.#listener = listener;
    listener.interrupted();
    this.#world.clock.every(tickMs, async () => {
      if (this.#world.strikes('half-open-bus', this.#instance)) this.#world.begin(this.#dead, 1_500);
      else if (this.#world.strikes('bus-reset', this.#instance)) this.reset();
      this.#noticeEnd();
      this.push({ sentAtMs: this.#world.clock.monotonicMs() });
    });
  }

  /** The connection is dead and nobody knows yet: what is sent on it is lost. */
  get #dead(): string {
    return `dead bus ${this.#instance}`;
  }

  #wasDead = false;

  #noticeEnd(): void {
    const isDead = this.#world.lasts(this.#dead) || this.#world.lasts(`cut ${this.#instance}`);
    if (this.#wasDead && !isDead) this.reset();
    this.#wasDead = isDead;
  }

  push(message: Message): void {
    if (this.#world.lasts(this.#dead) || this.#world.lasts(`cut ${this.#instance}`)) {
      this.#wasDead = true;
      return;
    }
    if (this.#wasDead) return;
    this.#queue.push(message);
    void this.#deliver();
  }

  reset(): void {
    this.#queue = [];
    this.#epoch++;
    this.#listener?.interrupted();
  }

  async #deliver(): Promise<void> {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    while (this.#queue.length > 0) {
      const epoch = this.#epoch;
      // A slow path, or an event loop that is busy elsewhere.
      if (this.#world.strikes('bus-delay', this.#instance)) await this.#world.clock.sleep(1_200);
      await this.#world.step(`${this.#instance} < bus`);
      if (epoch !== this.#epoch) continue;
      const message = this.#queue.shift();
      if (message === undefined) continue;
      if ('kind' in message) this.#listener?.invalidated(message.kind, message.key);
      else {
        this.#listener?.proved(
          this.#variant.pong === 'from-answer' ? this.#world.clock.monotonicMs() : message.sentAtMs,
        );
      }
    }
    this.#isDelivering = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
