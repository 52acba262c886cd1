import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RedisBus } from '../../../adapters/redis/bus.ts';
import { openClient } from '../../../adapters/redis/client.ts';
import { busChannel } from '../../../adapters/redis/keys.ts';
import { systemClock, systemTimer } from '../../../adapters/system/clock.ts';
import { never } from '../../../application/caching/ages.ts';
import type { BusListener, InvalidationBus } from '../../../domain/ports/cache.ts';
import { brokenSentences } from '../../contracts/contract.ts';
import {
  type BusUnderTest,
  describeInvalidationBus,
  invalidationBusContract,
} from '../../contracts/invalidation-bus.ts';
import { SimulatedRedis } from '../../properties/redis.ts';
import { tickMs, World } from '../../properties/world.ts';
import { openFaultProxy } from '../../support/fault-proxy.ts';
import { openRedis, type RedisServer } from '../../support/redis-server.ts';
import { runtime } from './fixture.ts';

const keyPrefix = 'kith:';

let server: RedisServer;
beforeAll(async () => {
  server = await openRedis();
});
afterAll(() => server[Symbol.asyncDispose]());

describeInvalidationBus('RedisBus', async () => {
  const proxy = await openFaultProxy(server.address);
  const connect = (port: number) =>
    new RedisBus(
      { open: () => openClient({ ...server.address, port }), keyPrefix, maxStalenessMs: 100 },
      runtime(),
    );
  const [bus, another] = [connect(proxy.port), connect(server.port)];
  return {
    bus,
    another,
    clock: systemClock,
    publish: async (what, key) => {
      await server.command('PUBLISH', busChannel(keyPrefix), `${what} ${key}`);
    },
    interrupt: () => proxy.reset(),
    pass: () => systemTimer.sleep(5),
    [Symbol.asyncDispose]: async () => {
      for (const opened of [bus, another, proxy]) await opened[Symbol.asyncDispose]();
    },
  };
});

/** The bus of the properties, in a world in which nothing fails and steps come in any order. */
const openSimulated = (): BusUnderTest => {
  const [scheduler] = fc.sample(fc.scheduler(), 1);
  if (scheduler === undefined) throw new Error('no scheduler');
  const world = new World(scheduler, { kind: 'none', at: 1, instance: 0 });
  const redis = new SimulatedRedis(0, world, {});
  const [bus, another] = [redis.subscribe(0), redis.subscribe(1)];
  return {
    bus,
    another,
    clock: world.clock,
    publish: async (kind, key) => redis.publish({ kind, key }),
    interrupt: () => bus.reset(),
    pass: async () => {
      world.clock.advance(tickMs / 4);
      await scheduler.waitAll();
    },
    [Symbol.asyncDispose]: async () => {
      for (const opened of [bus, another]) await opened[Symbol.asyncDispose]();
    },
  };
};

describeInvalidationBus('the bus of the properties', openSimulated);

/** A right bus of which a listener is told something else. */
const open = (wrong: (listener: BusListener) => Partial<BusListener>) => (): BusUnderTest => {
  const right = openSimulated();
  const bus: InvalidationBus = {
    listen: (listener) =>
      right.bus.listen({
        invalidated: (what, key) => listener.invalidated(what, key),
        proved: (sent) => listener.proved(sent),
        interrupted: () => listener.interrupted(),
        ...wrong(listener),
      }),
    [Symbol.asyncDispose]: () => right.bus[Symbol.asyncDispose](),
  };
  return { ...right, bus };
};

it('the contract of a bus holds for the one that the wrong ones are made of', async () => {
  expect(
    await brokenSentences(
      invalidationBusContract,
      open(() => ({})),
    ),
  ).toEqual([]);
});

it.each<readonly [what: string, sentence: RegExp, open: () => BusUnderTest]>([
  [
    'tells the latest first',
    /^tells of each invalidation/,
    open((listener) => {
      const held: (readonly [Parameters<BusListener['invalidated']>[0], string])[] = [];
      return {
        invalidated: (...told) => void held.push(told),
        proved: (sent) => {
          for (const told of held.splice(0).reverse()) listener.invalidated(...told);
          listener.proved(sent);
        },
      };
    }),
  ],
  [
    'does not know everything',
    /^tells of everything/,
    open((listener) => ({
      invalidated: (what, key) => what === 'everything' || listener.invalidated(what, key),
    })),
  ],
  [
    'keeps one listener only',
    /^tells every listener/,
    () => {
      const right = openSimulated();
      let latest: BusListener | undefined;
      const bus: InvalidationBus = {
        listen: (listener) => {
          if (latest === undefined)
            right.bus.listen({
              invalidated: (what, key) => latest?.invalidated(what, key),
              proved: (sent) => latest?.proved(sent),
              interrupted: () => latest?.interrupted(),
            });
          latest = listener;
        },
        [Symbol.asyncDispose]: () => right.bus[Symbol.asyncDispose](),
      };
      return { ...right, bus };
    },
  ],
  [
    'proves before it tells',
    /^proves no more than it has told/,
    open((listener) => {
      const held: (() => void)[] = [];
      return {
        invalidated: (what, key) => void held.push(() => listener.invalidated(what, key)),
        proved: (sent) => {
          listener.proved(sent);
          for (const tell of held.splice(0)) tell();
        },
      };
    }),
  ],
  [
    'proves the future',
    /^proves by what was sent in the past/,
    open((listener) => ({
      proved: ({ monotonicMs, wallMs }) =>
        listener.proved({ monotonicMs: monotonicMs + 10_000, wallMs: wallMs + 10_000 }),
    })),
  ],
  ['hides interruptions', /^tells of an interruption/, open(() => ({ interrupted: () => {} }))],
  ['loses in silence', /^loses no invalidation in silence/, open(() => ({ interrupted: () => {} }))],
  [
    'proves by an old ping after an interruption',
    /^proves nothing by what was sent before/,
    open((listener) => {
      let last = never;
      return {
        proved: (sent) => {
          last = sent;
          listener.proved(sent);
        },
        interrupted: () => {
          listener.interrupted();
          listener.proved(last);
        },
      };
    }),
  ],
  [
    'cannot be closed',
    /^tells nothing more/,
    () => {
      const right = openSimulated();
      const bus: InvalidationBus = {
        listen: (listener) => right.bus.listen(listener),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
      return { ...right, bus };
    },
  ],
])('the contract refutes a bus that %s', async (_what, sentence, wrong) => {
  expect(await brokenSentences(invalidationBusContract, wrong)).toContainEqual(
    expect.stringMatching(sentence),
  );
});
