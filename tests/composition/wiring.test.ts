import { afterEach, describe, expect, it, vi } from 'vitest';
import { MemoryCache } from '../../adapters/memory/memory-cache.ts';
import { memoryDatabase } from '../../adapters/memory/memory-database.ts';
import { systemIds } from '../../adapters/system/ids.ts';
import { TieredCache } from '../../adapters/tiered/tiered-cache.ts';
import { Belief } from '../../application/caching/belief.ts';
import { epochIn, LogReader } from '../../application/caching/log-reader.ts';
import { StatisticsCounter } from '../../application/caching/statistics.ts';
import { users } from '../../application/records/user.ts';
import { configFrom, defaultConfig } from '../../composition/config.ts';
import * as services from '../../composition/container.ts';
import type { Environment } from '../../composition/environment.ts';
import { openCache, openReader } from '../../composition/resources.ts';
import { type Box, box, boxOf, openBoxes, port, replace, replacePorts } from '../../composition/wiring.ts';
import type { ChangeLog } from '../../domain/ports/change-log.ts';
import { Secret } from '../../domain/secret.ts';
import { userId } from '../support/fixtures.ts';
import { ManualClock } from '../support/manual-clock.ts';

type Resource = AsyncDisposable & { readonly name: string };

/** Boxes of resources that write down when they are opened and closed. */
const recorded = () => {
  const events: string[] = [];
  const resource = (name: string): Resource => {
    events.push(`open ${name}`);
    return { name, [Symbol.asyncDispose]: async () => void events.push(`close ${name}`) };
  };
  const first: Box<Resource> = port({}, async () => resource('first'));
  const second: Box<Resource> = box({ first }, () => resource('second'));
  const third: Box<Resource> = box({ first, second }, async () => resource('third'));
  return { events, resource, first, second, third };
};

describe('boxes', () => {
  it('are opened when they are asked for, once, and closed in the opposite order', async () => {
    const { events, first, second, third } = recorded();
    const boxes = openBoxes([]);
    expect(events).toEqual([]);
    expect((await boxes.get(first)).name).toBe('first');
    expect(events).toEqual(['open first']);
    const [one, same, all] = await Promise.all([
      boxes.get(third),
      boxes.get(third),
      boxes.get(boxOf({ second, third })),
    ]);
    expect(one).toBe(same);
    expect(all.third).toBe(one);
    await boxes[Symbol.asyncDispose]();
    expect(events).toEqual([
      ...['open first', 'open second', 'open third'],
      ...['close third', 'close second', 'close first'],
    ]);
  });

  it('are not opened where something was handed in, and that is not closed', async () => {
    const { events, resource, second, third } = recorded();
    const own = resource('own');
    const boxes = openBoxes([replace(second, own)]);
    expect(await boxes.get(second)).toBe(own);
    expect(events).toEqual(['open own']);
    await boxes.get(third);
    await boxes[Symbol.asyncDispose]();
    expect(events).toEqual(['open own', 'open first', 'open third', 'close third', 'close first']);
  });

  it('that are still opening when another has failed are closed too, and nothing is opened after that', async () => {
    const { events, resource } = recorded();
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow: Box<Resource> = box({}, async () => {
      await promise;
      return resource('slow');
    });
    const onIt: Box<Resource> = box({ slow }, () => resource('on it'));
    const broken: Box<Resource> = box({}, () => {
      throw new Error('broken');
    });
    const boxes = openBoxes([]);
    await expect(boxes.get(boxOf({ onIt, broken }))).rejects.toThrow('broken');
    const closed = boxes[Symbol.asyncDispose]();
    resolve();
    await closed;
    expect(events).toEqual(['open slow', 'close slow']);
  });

  it('are replaced by the names of ports alone', async () => {
    const { first, second, resource } = recorded();
    const own = resource('own');
    const boxes = { first: { ...first, isPort: true as const }, second };
    expect(replacePorts(boxes, { first: own })).toEqual([[boxes.first, own]]);
    for (const name of ['second', 'toString', 'third'])
      expect(() => replacePorts(boxes, Object.fromEntries([[name, own]]))).toThrow(
        `there is no port ${name}`,
      );
  });
});

const silent = { info: () => {}, warn: () => {}, error: () => {} };
const secret = 'a secret of the test, 32 bytes or more';
const postgresUrl = 'postgres://kith:kith@localhost/kith';

describe('the wiring', () => {
  afterEach(() => void vi.restoreAllMocks());

  const open = () =>
    openBoxes([
      replace(services.config, defaultConfig()),
      replace(services.database, memoryDatabase()),
      replace(services.log, silent),
      replace(services.secrets, [new Secret<'signing-secret'>('host')]),
    ]);

  it('lets a host replace these and no more', () => {
    const ports = Object.entries(services).flatMap(([name, each]) => ('isPort' in each ? [name] : []));
    expect(ports.sort()).toEqual([
      ...['cache', 'clock', 'database', 'hasher', 'ids', 'limits', 'log', 'secrets', 'strength'],
      ...['throttle', 'timer', 'tokens'],
    ]);
  });

  it.each<readonly [environment: Environment, isRead: boolean]>([
    [{}, false],
    [{ INSTANCES: 'one' }, false],
    [{ INSTANCES: 'many' }, true],
    [{ REDIS_HOST: 'redis' }, true],
    [{ REDIS_HOST: 'redis', INSTANCES: 'one' }, true],
    [{ DATABASE_URL: postgresUrl }, true],
    // Anybody with psql writes to a PostgreSQL, however many instances there are.
    [{ DATABASE_URL: postgresUrl, INSTANCES: 'one' }, true],
  ])('with %o the log is read: %s', async (environment, isRead) => {
    const config = configFrom({ JWT_SECRET: secret, ...environment });
    await using database = memoryDatabase();
    const belief = new Belief();
    const needs = { config, clock: new ManualClock(), ids: systemIds, log: silent };
    await using cache = openCache({ ...needs, shared: undefined, judge: belief });
    const reading = { changeLog: database.log, belief, timer: new ManualClock() };
    const reader = openReader({ ...needs, ...reading, cache, statistics: new StatisticsCounter() });
    expect(reader !== undefined).toBe(isRead);
    // Who is not the only one must not take itself for it, and a gate without a reader would never open.
    expect(cache).toBeInstanceOf(isRead ? TieredCache : MemoryCache);
  });

  it('reads the log before anybody may read a cache, and closes its gate before it leaves the list', async () => {
    const steps: string[] = [];
    const note = (type: typeof TieredCache | typeof LogReader, name: string): void => {
      const close = type.prototype[Symbol.asyncDispose];
      vi.spyOn(type.prototype, Symbol.asyncDispose).mockImplementation(async function (this: never) {
        await close.call(this);
        steps.push(`${name} closed`);
      });
    };
    note(TieredCache, 'cache');
    note(LogReader, 'reader');
    const gateOf = async (): Promise<string> => (await (await boxes.get(services.cache)).health()).gate;
    const database = memoryDatabase();
    const log: ChangeLog = {
      ...database.log,
      check: async (asked) => {
        steps.push(`check, ${await gateOf()}`);
        return database.log.check(asked);
      },
      leave: async (id) => {
        steps.push(`leave, ${await gateOf()}`);
        await database.log.leave(id);
      },
    };
    const boxes = openBoxes([
      replace(services.config, configFrom({ INSTANCES: 'many' })),
      replace(services.database, { ...database, log }),
      replace(services.log, silent),
      replace(services.secrets, [new Secret<'signing-secret'>('host')]),
      // One that never ticks.
      replace(services.timer, new ManualClock()),
    ]);
    const reader = await boxes.get(services.reader);
    expect(await gateOf()).toBe('closed');
    await reader?.start();
    expect(await gateOf()).toBe('open');
    expect(await database.log.instances()).toHaveLength(1);
    await boxes[Symbol.asyncDispose]();
    expect(steps).toEqual([
      ...['check, closed', 'check, closed'],
      ...['leave, closed', 'reader closed', 'cache closed'],
    ]);
    expect(await database.log.instances()).toEqual([]);
  });

  it('has one belief for everybody: what the reader heard, what writers note and what judges ask', async () => {
    await using boxes = openBoxes([
      replace(services.config, configFrom({ INSTANCES: 'many' })),
      replace(services.database, memoryDatabase()),
      replace(services.log, silent),
      replace(services.secrets, [new Secret<'signing-secret'>('host')]),
      replace(services.timer, new ManualClock()),
    ]);
    const [judge, belief] = [await boxes.get(services.judge), await boxes.get(services.belief)];
    const { log } = await boxes.get(services.database);
    await (await boxes.get(services.reader))?.start();
    const { identity } = await log.begin({ boundMs: 1, retentionMs: 1 });
    const proof = { epoch: epochIn(identity), snapshot: { xmin: 90, xmax: 90, inProgress: [] } };
    expect(judge.doubt(users, userId(1), proof)).toBeUndefined();
    belief.noteOwn(90, [{ source: 'users', key: userId(1) }]);
    expect(judge.doubt(users, userId(1), proof)).toBe('outdated');
    expect(judge.doubt(users, userId(2), proof)).toBeUndefined();
    expect(judge.doubt(users, userId(1), { ...proof, epoch: 'other' })).toBe('other-epoch');
  });

  it('gives every box one instance, however many paths lead to it', async () => {
    await using boxes = open();
    const [tokens, again] = await Promise.all([boxes.get(services.tokens), boxes.get(services.tokens)]);
    expect(tokens).toBe(again);
  });

  it('has no box that nothing leads to', async () => {
    const reached = new Set<Box<unknown>>();
    const reach = (from: Box<unknown>): void => {
      reached.add(from);
      from.inputs.forEach(reach);
    };
    const { application, http, firstAdmin, reader, draining, ready } = services;
    for (const each of [application, http, firstAdmin, reader, draining, ready]) reach(each);
    const idle = Object.entries<Box<unknown>>(services).flatMap(([name, each]) =>
      reached.has(each) ? [] : [name],
    );
    expect(idle).toEqual([]);
  });
});
