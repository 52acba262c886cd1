/** When memory may serve, and what it may take: the gate, the belief, and what was heard meanwhile. */
import { describe, expect, it } from 'vitest';
import { MemoryCache } from '../../../adapters/memory/memory-cache.ts';
import { systemIds } from '../../../adapters/system/ids.ts';
import { MemoryTier } from '../../../adapters/tiered/memory-tier.ts';
import { type SharedCache, TieredCache } from '../../../adapters/tiered/tiered-cache.ts';
import { momentOn } from '../../../application/caching/ages.ts';
import { Belief } from '../../../application/caching/belief.ts';
import { Gate } from '../../../application/caching/gate.ts';
import { recordKinds } from '../../../application/records/kinds.ts';
import { pointers } from '../../../application/records/pointers.ts';
import { users as userKind } from '../../../application/records/user.ts';
import { configFrom } from '../../../composition/config.ts';
import { openCache, type Shared } from '../../../composition/resources.ts';
import type { BusListener, Cache } from '../../../domain/ports/cache.ts';
import { leaseIn } from '../../contracts/cache.ts';
import { importMutants, type Mutation } from '../../mutants.ts';
import { user, userId } from '../../support/fixtures.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { before, believesAll, epoch, proof } from '../../support/proofs.ts';

const boundMs = 2_000;
const silentBoundMs = 30_000;
const maxStalenessMs = 500;
const id = userId(1);

type Types = { readonly TieredCache: typeof TieredCache; readonly MemoryTier: typeof MemoryTier };

/** A cache in memory in the place of Redis, which everybody shares; reads of it can be made to wait. */
const openShared = (clock: ManualClock) => {
  const kinds = recordKinds();
  const cache = new MemoryCache({ kinds, clock, ids: systemIds, maxEntries: 1_000 });
  let reads = 0;
  let during: () => void = () => {};
  const shared: SharedCache = {
    kinds,
    of: (kind) => {
      const port = cache.of(kind);
      return {
        peek: (key) => port.peek(key),
        read: async (key) => {
          reads++;
          const read = await port.read(key);
          during();
          return read.state === 'hit' ? { ...read, source: 'redis' } : read;
        },
        readMany: async (keys) => {
          reads++;
          const found = await port.readMany(keys);
          during();
          return found;
        },
        fill: (lease, value, proof) => port.fill(lease, value, proof),
        // It is nobody's memory.
        drop: () => undefined,
        fence: (key, token) => port.fence(key, token),
        release: (key, token) => port.release(key, token),
        replay: (key) => port.replay(key),
        inspect: (key) => port.inspect(key),
      };
    },
    inUse: () => true,
    acceptsWrites: () => true,
    clear: () => cache.clear(),
    health: () => Promise.resolve({ backend: 'redis', circuit: 'closed', latencyMs: 1, memoryUsedBytes: 1 }),
    [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
  };
  return {
    shared,
    reads: () => reads,
    whileReading: (work: () => void) => {
      during = work;
    },
  };
};

const open = (types: Types) => {
  const clock = new ManualClock();
  const belief = new Belief();
  belief.begin(epoch, before(50));
  const gate = new Gate({ clock, boundMs, silentBoundMs });
  const memory = new types.MemoryTier({ clock, gate, maxEntries: 100, maxStalenessMs });
  const { shared, ...rest } = openShared(clock);
  let listener: BusListener | undefined;
  const bus = {
    listen: (added: BusListener) => {
      listener = added;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const cache = new types.TieredCache({
    kinds: recordKinds(),
    clock,
    memory,
    gate,
    judge: belief,
    shared: { cache: shared, bus },
  });
  const answered = () => cache.checked('answered', momentOn(clock));
  answered();
  answered();
  const prove = () => listener?.proved(momentOn(clock));
  return { clock, belief, cache, users: cache.of(userKind), shared, answered, prove, ...rest };
};
type World = ReturnType<typeof open>;

const knowsOf = ({ belief }: World, xid: number): void =>
  belief.apply(before(xid + 1), new Map([[`users ${id}`, [xid]]]));

const filled = async ({ users }: World, given = proof): Promise<void> => {
  expect(await users.fill(leaseIn(await users.read(id)), user(1), given)).toBe(true);
};

type Guard = readonly [
  sentence: string,
  hold: (world: World) => Promise<void>,
  planted: readonly (readonly [file: string, ...mutation: Mutation])[],
];

const guards: readonly Guard[] = [
  [
    'memory takes nothing that is not believed at the moment of its fill: a change may have become known since the read',
    async (world) => {
      const { users } = world;
      const lease = leaseIn(await users.read(id));
      knowsOf(world, 120);
      // Redis takes it: whoever reads it there sees for himself what it proves.
      expect(await users.fill(lease, user(1), proof)).toBe(true);
      expect(users.peek(id)).toBeUndefined();
    },
    [['tiered-records', 'this.#tiers.judge.doubt(this.#kind, lease.key, proof) !== undefined', 'false']],
  ],
  [
    'nor one of another epoch, or by a process that knows nothing yet',
    async (world) => {
      const { users, belief } = world;
      await users.fill(leaseIn(await users.read(id)), user(1), { ...proof, epoch: 'other123' });
      expect(users.peek(id)).toBeUndefined();
      await users.replay(id);
      belief.forget();
      await users.fill(leaseIn(await users.read(id)), user(1), proof);
      expect(users.peek(id)).toBeUndefined();
    },
    [['tiered-records', 'this.#tiers.judge.doubt(this.#kind, lease.key, proof) !== undefined', 'false']],
  ],
  [
    'nor one without a proof while Redis is out of use; a hint needs none',
    async ({ cache, users, shared }) => {
      Object.assign(shared, { inUse: () => false });
      expect(await users.fill(leaseIn(await users.read(id)), user(1))).toBe(false);
      expect(users.peek(id)).toBeUndefined();
      const emails = cache.of(pointers.email);
      expect(await emails.fill(leaseIn(await emails.read('a@example.com')), id)).toBe(true);
      expect(emails.peek('a@example.com')).toMatchObject({ value: id });
    },
    [['tiered-records', 'this.#tiers.judge.doubt(this.#kind, lease.key, proof) !== undefined', 'false']],
  ],
  [
    'a drop marks what is being read for the key, in memory and in Redis',
    async (world) => {
      const { users, whileReading } = world;
      const lease = leaseIn(await users.read(id));
      users.drop(id);
      await users.fill(lease, user(1), proof);
      expect(users.peek(id)).toBeUndefined();
      whileReading(() => users.drop(id));
      for (const read of [await users.read(id), ...(await users.readMany([id]))])
        expect(read.state).toBe('hit');
      expect(users.peek(id)).toBeUndefined();
      whileReading(() => users.drop(userId(2)));
      await users.read(id);
      expect(users.peek(id)).toBeDefined();
    },
    [
      ['memory-tier', 'this.#hearings.set(key, ++this.#heard.last);', ''],
      [
        'tiered-records',
        `    const start = this.#tiers.memory.startRead();
    return this.#shared === undefined
      ? { state: 'unavailable' }
      : this.#keepRead(key, start, await this.#shared.read(key));`,
        `    if (this.#shared === undefined) return { state: 'unavailable' };
    const read = await this.#shared.read(key);
    return this.#keepRead(key, this.#tiers.memory.startRead(), read);`,
      ],
      ['tiered-records', '  drop(key: string): void {\n    this.#memory.drop(key);', '  drop(): void {'],
    ],
  ],
  [
    'inspect tells what lies behind a closed gate, and that it is not served',
    async (world) => {
      const { clock, users } = world;
      await filled(world);
      const told = async () => (await users.inspect(id)).map(({ state, disbelief }) => [state, disbelief]);
      expect(await told()).toEqual([
        ['value', null],
        ['value', null],
      ]);
      await clock.advance(boundMs + 1);
      world.prove();
      expect(users.peek(id)).toBeUndefined();
      expect(await told()).toEqual([
        ['value', 'unchecked'],
        ['value', 'unchecked'],
      ]);
    },
    [
      ['memory-tier', "this.#gate.isOpen(now) ? null : 'unchecked'", 'null'],
      ['tiered-records', "found.state === 'value' && !isRead", 'false'],
    ],
  ],
  [
    'forget empties memory and marks everything that is being read, and leaves Redis as it is',
    async (world) => {
      const { cache, users, whileReading, reads } = world;
      await filled(world);
      expect(users.peek(id)).toBeDefined();
      cache.forget();
      expect(users.peek(id)).toBeUndefined();
      whileReading(() => cache.forget());
      const readsBefore = reads();
      expect((await users.read(id)).state).toBe('hit');
      expect(reads()).toBe(readsBefore + 1);
      expect(users.peek(id)).toBeUndefined();
    },
    [
      ['memory-tier', 'this.#heard.forgotten = ++this.#heard.last;', ''],
      ['tiered-cache', '  forget(): void {\n    this.#memory.clear();', '  forget(): void {'],
    ],
  ],
  [
    'behind a closed gate nothing is served, from memory or Redis, and nothing is put into Redis',
    async (world) => {
      const { clock, users, reads, answered, prove, shared } = world;
      await filled(world);
      await clock.advance(boundMs + 1);
      prove();
      const readsBefore = reads();
      expect(users.peek(id)).toBeUndefined();
      const lease = leaseIn(await users.read(id));
      leaseIn((await users.readMany([id]))[0] ?? { state: 'unavailable' });
      await users.fill(lease, { ...user(1), version: 9 }, proof);
      expect(users.peek(id)).toBeUndefined();
      expect(reads()).toBe(readsBefore);
      expect(shared.of(userKind).peek(id)?.value.version).toBe(user(1).version);
      answered();
      expect(users.peek(id)).toBeUndefined();
      answered();
      expect((await users.read(id)).state).toBe('hit');
    },
    [
      ['memory-tier', ' && this.#gate.isOpen(now)', ''],
      ['tiered-cache', ' && gate.isOpen(),', ','],
    ],
  ],
  [
    'a silent database leaves an open gate open for its time; an answer, or starting anew, ends that',
    async ({ cache, clock, answered }) => {
      const gate = async (): Promise<string> => (await cache.health()).gate;
      const silence = async (): Promise<void> => {
        answered();
        answered();
        cache.checked('silent', momentOn(clock));
        await clock.advance(boundMs + 1);
        expect(await gate()).toBe('without-database');
      };
      await silence();
      await clock.advance(silentBoundMs - boundMs - 1);
      expect(await gate()).toBe('without-database');
      await clock.advance(1);
      expect(await gate()).toBe('closed');
      for (const outcome of ['refused', 'anew'] as const) {
        await silence();
        cache.checked(outcome, momentOn(clock));
        expect(await gate()).toBe('closed');
      }
      answered();
      answered();
      expect(await gate()).toBe('open');
      cache.checked('anew', momentOn(clock));
      expect(await gate()).toBe('closed');
    },
    [
      ['tiered-cache', 'else gate.close();', 'else gate.refused();'],
      [
        'tiered-cache',
        "else if (outcome === 'refused') gate.refused();",
        "else if (outcome === 'refused') return;",
      ],
      ['tiered-cache', 'gate.silent();', 'gate.refused();'],
    ],
  ],
];

const file = (name: string): URL => new URL(`../../../adapters/tiered/${name}.ts`, import.meta.url);

describe('memory over Redis', () => {
  it.each(guards)('%s', (_sentence, hold) => hold(open({ TieredCache, MemoryTier })));

  const mutated = async (name: string, ...mutations: readonly Mutation[]): Promise<Types> => {
    const changed = [[file(name), ...mutations], [file('tiered-records')], [file('memory-tier')]] as const;
    const mutant = (await importMutants(file('tiered-cache'), ...changed)) as Types;
    const tier = (await importMutants(file('memory-tier'), ...changed)) as Types;
    return { TieredCache: mutant.TieredCache, MemoryTier: tier.MemoryTier };
  };

  it.each(
    guards.flatMap(([sentence, hold, planted]) =>
      planted.map(
        ([name, ...mutation]) => [sentence, mutation[1] || 'nothing', hold, name, mutation] as const,
      ),
    ),
  )('%s: and not with %s', async (_sentence, _with, hold, name, mutation) => {
    // As it is, imported the same way, it holds: what fails is the mutation.
    await hold(open(await mutated(name)));
    const types = await mutated(name, mutation);
    await expect(hold(open(types))).rejects.toThrow();
  });
});

/** Upstash over REST, as memory sees it. */
const withoutBus = (clock: ManualClock): Shared => ({
  cache: openShared(clock).shared,
  bus: undefined,
  scripts: { evaluate: () => Promise.reject(new Error('nobody asks')) },
  counters: () => ({ unreadable: 0, failures: {} }),
  [Symbol.asyncDispose]: () => Promise.resolve(),
});

describe.each<[string, (clock: ManualClock) => Shared | undefined]>([
  ['without Redis', () => undefined],
  ['with a Redis that has no bus', withoutBus],
])('one process among several, %s', (_what, shared) => {
  const openAlone = (make: typeof openCache = openCache) => {
    const clock = new ManualClock();
    // The bound of memory is the one of a bus that there is not.
    const config = configFrom({ INSTANCES: 'many', MAX_STALENESS_MS: '50' });
    const cache = make({ config, shared: shared(clock), clock, ids: systemIds, judge: believesAll });
    return { clock, cache, check: () => cache.checked('answered', momentOn(clock)) };
  };
  const servesWhileOpen = async (make?: typeof openCache): Promise<void> => {
    const { clock, cache, check } = openAlone(make);
    const users: ReturnType<Cache['of']> = cache.of(userKind);
    check();
    check();
    await users.fill(leaseIn(await users.read(id)), user(1), proof);
    for (let seconds = 0; seconds < 120; seconds++) {
      await clock.advance(1_000);
      check();
      expect(users.peek(id)).toBeDefined();
    }
    await clock.advance(boundMs);
    expect(users.peek(id)).toBeDefined();
    expect((await cache.health()).stalenessMs).toBe(boundMs);
    await clock.advance(1);
    expect(users.peek(id)).toBeUndefined();
    expect((await cache.health()).stalenessMs).toBeNull();
  };

  it('serves what it read for as long as the gate is open, and no longer', () => servesWhileOpen());

  it('and not for the bound of a bus', async () => {
    const resources = new URL('../../../composition/resources.ts', import.meta.url);
    const mutation: Mutation = ['Number.POSITIVE_INFINITY : config', 'config.cache.maxStalenessMs : config'];
    const openWith = async (...mutations: readonly Mutation[]): Promise<typeof openCache> => {
      const mutant = await importMutants(resources, [resources, ...mutations]);
      return (mutant as { readonly openCache: typeof openCache }).openCache;
    };
    await servesWhileOpen(await openWith());
    await expect(servesWhileOpen(await openWith(mutation))).rejects.toThrow();
  });
});
