/** Redis as the protocol uses it: keys that hold a fence, a lease or a value, and a bus. */

import type { SharedCache } from '../../adapters/tiered/tiered-cache.ts';
import { momentOn } from '../../application/caching/ages.ts';
import type { Judge } from '../../application/caching/belief.ts';
import { versionOf } from '../../application/caching/values.ts';
import { portsOf } from '../../application/records/record-kind.ts';
import type {
  BusListener,
  Cacheable,
  CachePort,
  CacheRead,
  InvalidationBus,
  Lease,
  RecordKind,
} from '../../domain/ports/cache.ts';
import type { Proof } from '../../domain/ports/change-log.ts';
import type { Moment } from '../../domain/ports/runtime.ts';
import type { Held as HeldInTrace, StepOf } from '../../model/trace/steps.ts';
import type { ProcessClock } from './clock.ts';
import type { Fault } from './faults.ts';
import { SimulatedReceiptBuses } from './receipts.ts';
import { tickMs, type World } from './world.ts';

type Held =
  | { readonly state: 'fence' | 'lease'; readonly token: string }
  | { readonly state: 'value'; readonly value: Cacheable; readonly proof: Proof | undefined };

/** How a planted variant differs from the protocol. */
export type RedisVariant = {
  readonly fill?: 'nx' | 'blind';
  readonly release?: 'unconditional';
  readonly publish?: 'at-release';
  readonly pong?: 'from-answer';
  readonly believes?: 'by-version' | 'after-a-pause';
};

type Invalidation = { readonly kind: string; readonly key: string };
type Message = Invalidation | { readonly sent: Moment; readonly number: number };

export class SimulatedRedis {
  readonly #number: number;
  readonly #world: World;
  readonly #variant: RedisVariant;
  #keys = new Map<string, Held>();
  /** Of the server to which instances move, where keys change their master. */
  #keysThere = new Map<string, Held>();
  readonly #subscribers = new Set<Subscriber>();
  readonly receipts: SimulatedReceiptBuses;

  constructor(number: number, world: World, variant: RedisVariant) {
    this.#number = number;
    this.#world = world;
    this.#variant = variant;
    this.receipts = new SimulatedReceiptBuses(world);
    world.endFences.push(() => this.expireFences());
  }

  /** What a fence's time limit does in the end. */
  expireFences(): void {
    for (const [server, keys] of [this.#keys, this.#keysThere].entries()) {
      for (const [name, held] of keys) if (held.state !== 'value') keys.delete(name);
      this.#world.say({ word: 'ends fences', server: this.#server(server) });
    }
  }

  subscribe(instance: number): Subscriber {
    const subscriber = new Subscriber(this.#world, instance, this.#variant);
    this.#subscribers.add(subscriber);
    return subscriber;
  }

  /** Each has a number of its own in traces: that of before a key changes its master, and the one after it. */
  #server(index: number): number {
    return 2 * this.#number + index;
  }

  #serverOf(instance: number): number {
    return this.#server(this.#world.masters.hasMoved(instance) ? 1 : 0);
  }

  publish(message: Invalidation, from = 0): void {
    const server = this.#serverOf(from);
    this.#world.say({ word: 'publishes', server, key: `${message.kind} ${message.key}` });
    for (const subscriber of this.#subscribers)
      if (this.#world.masters.isHeard(from, subscriber.instance)) subscriber.push(message);
  }

  /** The key space as one instance reaches it. */
  reachedFrom(instance: number, kinds: readonly RecordKind<Cacheable>[], judge: Judge): SharedCache {
    const world = this.#world;
    const isCut = (): boolean => {
      if (world.strikes('cut-from-redis', instance)) world.begin(`cut ${instance}`, 1_200);
      return world.lasts(`cut ${instance}`);
    };
    return {
      ...portsOf(kinds, <V extends Cacheable>(kind: RecordKind<V>) =>
        this.#records<V>(kind, instance, isCut, judge),
      ),
      inUse: () => !world.lasts(`cut ${instance}`),
      acceptsWrites: () => true,
      clear: async () => true,
      health: async () => ({ backend: 'redis', circuit: 'closed', latencyMs: null, memoryUsedBytes: null }),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  #befall(): void {
    if (this.#world.strikes('redis-restart')) {
      this.#keys.clear();
      this.#world.say({ word: 'loses', server: this.#server(0), key: undefined });
      for (const subscriber of this.#subscribers) subscriber.reset();
    }
    if (this.#world.strikes('redis-read-only')) this.#world.begin('read-only', 4_000);
    if (this.#world.strikes('redis-goes-back')) {
      const copy = new Map(this.#keys);
      this.#world.say({ word: 'is copied', server: this.#server(0) });
      // Silently: a fail-over behind a proxy, a machine that was set back.
      void this.#world.clock.sleep(1_000).then(() => {
        this.#keys = copy;
        this.#world.say({ word: 'goes back', server: this.#server(0) });
      });
    }
    if (this.#world.strikes('key-changes-master')) void this.#changeMaster(this.#world.faults.fault);
  }

  /** To a replica that lags, or to a server that has nothing; each instance at its time, some with their subscription. */
  async #changeMaster({ at, instance }: Fault): Promise<void> {
    const { clock, masters } = this.#world;
    if (at % 2 === 0) {
      this.#keysThere = new Map(this.#keys);
      this.#world.say({ word: 'becomes a copy', server: this.#server(1), of: this.#server(0) });
    }
    const isWithBus = at > 2;
    for (const moving of [instance, 1 - instance]) {
      await clock.sleep(700);
      masters.move(moving, isWithBus);
      for (const subscriber of this.#subscribers)
        if (isWithBus && subscriber.instance === moving) subscriber.reset();
    }
  }

  #records<V extends Cacheable>(
    kind: RecordKind<V>,
    instance: number,
    isCut: () => boolean,
    judge: Judge,
  ): CachePort<V> {
    const world = this.#world;
    const variant = this.#variant;
    const nameOf = (key: string): string => `${kind.name} ${key}`;
    const process = world.clockOf(instance);
    const { origin } = kind;
    const ofRecord = (key: string) => ({
      instance: process.number,
      key: nameOf(key),
      row: origin && `${origin.source} ${origin.heardAs(key)}`,
    });
    /** Executes a command, which takes what it changes from there. */
    const execute = (
      command: StepOf<'redis'>['command'],
      key: string,
      token: string | undefined,
      change: () => void,
    ): void => {
      const before = shown(held(key));
      change();
      const after = shown(held(key));
      const server = this.#serverOf(instance);
      world.say({ word: 'redis', server, command, ...ofRecord(key), token, before, after });
    };
    const keys = (): Map<string, Held> => (world.masters.hasMoved(instance) ? this.#keysThere : this.#keys);
    const held = (key: string): Held | undefined => keys().get(nameOf(key));
    const hold = (key: string, next: Held): void => void keys().set(nameOf(key), next);
    const forget = (key: string): void => void keys().delete(nameOf(key));
    const publish = (key: string): void => this.publish({ kind: kind.name, key }, instance);
    /** Fences of this instance that may or may not have got there: a release could overtake its own fence. */
    const unconfirmed = new Set<string>();

    /** A command as a message: it may be lost, or come late, and so may its reply. */
    const send = async <T>(label: string, effect: () => T, failed: T, writes = true): Promise<T> => {
      await world.step(`${instance} > ${label}`);
      this.#befall();
      if (isCut() || world.strikes('lost-request')) return failed;
      if (writes && world.lasts('read-only')) return failed;
      if (world.strikes('late-request')) {
        void world.step(`late ${label}`).then(effect);
        return failed;
      }
      const reply = effect();
      if (world.strikes('lost-reply')) return failed;
      await world.arrive(instance, `${instance} < ${label}`, process);
      return reply;
    };
    const remove = (key: string, token: string | undefined): true => {
      const there = held(key);
      const isOthers = there?.state === 'fence' && there.token !== token;
      execute(token === undefined ? 'drop' : 'release', key, token, () => {
        if (!isOthers || variant.release === 'unconditional') forget(key);
      });
      return true;
    };
    /** For the variant: the greatest version of each key that came by here. */
    const versions = new Map<string, number>();
    /** For another one: what was a fence or a lease when it was looked at last. */
    const paused = new Set<string>();
    const isBelieved = (key: string, { value, proof }: Extract<Held, { state: 'value' }>): boolean => {
      if (paused.delete(key) && variant.believes === 'after-a-pause') return true;
      const version = versionOf(value);
      if (variant.believes !== 'by-version' || version === null)
        return judge.doubt(kind, key, proof) === undefined;
      const greatest = Math.max(version, versions.get(key) ?? 0);
      versions.set(key, greatest);
      return version === greatest;
    };
    const newLease = (key: string): Lease => ({
      key,
      token: world.ids.token(),
      readStartedAtMs: world.clock.monotonicMs(),
    });
    /** Takes a lease where there is still what there was. */
    const take = (key: string, there: Held | undefined): Promise<CacheRead<V>> => {
      const lease = newLease(key);
      const effect = (): CacheRead<V> => {
        if (held(key) !== there) return { state: 'filling' };
        execute(there === undefined ? 'lease' : 'replace', key, lease.token, () =>
          hold(key, { state: 'lease', token: lease.token }),
        );
        return { state: 'leased', lease };
      };
      return send<CacheRead<V>>(there === undefined ? 'LEASE' : 'REPLACE', effect, { state: 'unavailable' });
    };

    const read: CachePort<V>['read'] = async (key) => {
      const number = world.number();
      world.say({ word: 'asks Redis', number, ...ofRecord(key) });
      const there = await send<Held | 'lost' | undefined>('GET', () => held(key), 'lost', false);
      if (there === 'lost') return { state: 'unavailable' };
      if (there !== undefined && there.state !== 'value') paused.add(key);
      if (there?.state === 'fence') return { state: 'fenced' };
      if (there?.state === 'lease') return { state: 'filling' };
      if (there?.state === 'value' && isBelieved(key, there)) {
        world.say({
          word: 'hits',
          number,
          ...ofRecord(key),
          proof: there.proof,
          stamp: stampOf(there.value),
        });
        return { state: 'hit', value: there.value as V, source: 'redis' };
      }
      return take(key, there);
    };

    return {
      peek: () => undefined,
      read,
      readMany: (many) => Promise.all(many.map(read)),
      fill: ({ key, token }, value, proof) =>
        send(
          'FILL',
          () => {
            const there = held(key);
            const holds = there?.state === 'lease' && there.token === token;
            const may =
              variant.fill === 'blind' ||
              (variant.fill === 'nx' ? there === undefined || there.state === 'lease' : holds);
            if (!may) return false;
            const isKept = value !== undefined && (proof !== undefined || origin === undefined);
            execute('fill', key, token, () => {
              if (isKept) hold(key, { state: 'value', value, proof });
              else forget(key);
            });
            return isKept;
          },
          false,
        ),
      fence: async (key, token) => {
        const effect = (): true => {
          execute('fence', key, token, () => hold(key, { state: 'fence', token }));
          if (world.strikes('fence-lost')) {
            forget(key);
            world.say({ word: 'loses', server: this.#serverOf(instance), key: nameOf(key) });
          }
          if (variant.publish !== 'at-release') publish(key);
          return true;
        };
        world.say({ word: 'sends fence', ...ofRecord(key), token });
        const isConfirmed = await send<boolean>('FENCE', effect, false);
        if (!isConfirmed) {
          unconfirmed.add(`${token} ${key}`);
          world.unconfirmed[instance === 0 ? 0 : 1]++;
        }
        return isConfirmed;
      },
      release: async (key, token) => {
        if (unconfirmed.delete(`${token} ${key}`)) return false;
        const effect = (): true => {
          const there = held(key);
          const isOwn = there?.state === 'fence' && there.token === token;
          remove(key, token);
          // Its fence was lost, so some memory may have taken an old value from here since.
          if (variant.publish === 'at-release' || !isOwn) publish(key);
          return true;
        };
        world.say({ word: 'sends release', ...ofRecord(key), token });
        return send<boolean>('RELEASE', effect, false);
      },
      drop: () => {},
      replay: (key) => {
        const effect = (): true => {
          remove(key, undefined);
          publish(key);
          return true;
        };
        return send<boolean>('REPLAY', effect, false);
      },
      inspect: async () => [],
    };
  }
}

const shown = (held: Held | undefined): HeldInTrace => {
  if (held === undefined) return { state: 'absent' };
  return held.state === 'value' ? { state: 'value', proof: held.proof } : held;
};

/** What the properties tell versions of a user by. */
const stampOf = (value: Cacheable): string | undefined => {
  const name = typeof value === 'object' && value !== null && 'name' in value ? value['name'] : undefined;
  return typeof name === 'string' ? name : undefined;
};

/** One subscribed connection: pushes and answers arrive in order, after any delay. */
export class Subscriber implements InvalidationBus {
  readonly instance: number;
  readonly #world: World;
  readonly #clock: ProcessClock;
  readonly #variant: RedisVariant;
  readonly #listeners = new Set<BusListener>();
  #heartbeat: Disposable | undefined;
  #queue: Message[] = [];
  #isDelivering = false;
  #epoch = 0;

  constructor(world: World, instance: number, variant: RedisVariant) {
    this.#world = world;
    this.instance = instance;
    this.#clock = world.clockOf(instance);
    this.#variant = variant;
  }

  listen(listener: BusListener): void {
    this.#listeners.add(listener);
    this.#interrupt();
    this.#heartbeat ??= this.#clock.every(tickMs, async () => {
      if (this.#world.strikes('half-open-bus', this.instance)) this.#world.begin(this.#dead, 1_500);
      else if (this.#world.strikes('bus-reset', this.instance)) this.reset();
      this.#noticeEnd();
      const number = this.#world.number();
      this.#world.say({ word: 'pings', instance: this.#clock.number, number });
      this.push({ sent: momentOn(this.#clock), number });
    });
  }

  /** The connection is dead and nobody knows yet: what is sent on it is lost. */
  get #dead(): string {
    return `dead bus ${this.instance}`;
  }

  #wasDead = false;

  #noticeEnd(): void {
    const isDead = this.#world.lasts(this.#dead) || this.#world.lasts(`cut ${this.instance}`);
    if (this.#wasDead && !isDead) this.reset();
    this.#wasDead = isDead;
  }

  push(message: Message): void {
    if (this.#world.lasts(this.#dead) || this.#world.lasts(`cut ${this.instance}`)) {
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
    this.#interrupt();
  }

  #interrupt(): void {
    this.#world.say({ word: 'is interrupted', instance: this.#clock.number });
    for (const listener of this.#listeners) listener.interrupted();
  }

  async #deliver(): Promise<void> {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    while (this.#queue.length > 0) {
      const epoch = this.#epoch;
      // A slow path, or an event loop that is busy elsewhere.
      if (this.#world.strikes('bus-delay', this.instance)) await this.#world.clock.sleep(1_200);
      await this.#world.arrive(this.instance, `${this.instance} < bus`, this.#clock);
      if (epoch !== this.#epoch) continue;
      const message = this.#queue.shift();
      if (message === undefined) continue;
      const [instance, world] = [this.#clock.number, this.#world];
      if ('kind' in message) world.say({ word: 'hears', instance, key: `${message.kind} ${message.key}` });
      else world.say({ word: 'is ponged', instance, number: message.number });
      for (const listener of this.#listeners) {
        if ('kind' in message) listener.invalidated(message.kind, message.key);
        else listener.proved(this.#variant.pong === 'from-answer' ? momentOn(this.#clock) : message.sent);
      }
    }
    this.#isDelivering = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#heartbeat?.[Symbol.dispose]();
    this.#listeners.clear();
  }
}
