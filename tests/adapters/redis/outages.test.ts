import { describe, expect, it } from 'vitest';
import { openClient } from '../../../adapters/redis/client.ts';
import { RedisCache } from '../../../adapters/redis/redis-cache.ts';
import { users as userKind } from '../../../application/records/user.ts';
import { anyToken } from '../../contracts/cache.ts';
import { anyUserId } from '../../contracts/records.ts';
import { type FaultProxy, openFaultProxy } from '../../support/fault-proxy.ts';
import { proof } from '../../support/proofs.ts';
import { openRedis, type RedisServer } from '../../support/redis-server.ts';
import {
  fillUser,
  kept,
  openCache,
  openLog,
  quickestMs,
  readUnderLoad,
  redisOptions,
  runtime,
  slowestMs,
  timed,
  undisturbed,
  until,
} from './fixture.ts';

/** The deadline, and what a busy test machine adds. */
const deadlineMs = 100;
const slackMs = 60;
const recoveryMs = 1500;

const setUp = async (settings: readonly string[] = [], options: Parameters<typeof openCache>[1] = {}) => {
  const server: RedisServer = kept(await openRedis(settings));
  const { log, lines } = openLog();
  const cache = kept(await openCache(server.address, options, undefined, log));
  return { server, cache, lines };
};

const setUpBehindProxy = async (poolSize = 1) => {
  const server: RedisServer = kept(await openRedis());
  const proxy: FaultProxy = kept(await openFaultProxy(server.address));
  const { log, lines } = openLog();
  const cache = kept(await openCache({ ...server.address, port: proxy.port }, { poolSize }, undefined, log));
  return { server, proxy, cache, lines };
};

const hits = (cache: RedisCache, key: string) => async (): Promise<boolean> =>
  (await cache.of(userKind).read(key)).state === 'hit';

const opened = (lines: readonly { readonly event: string }[]): number =>
  lines.filter(({ event }) => event === 'redis-out-of-use').length;

describe('Redis down at start', () => {
  it('holds up nobody, and is in use within 3 s of coming', async () => {
    const server = kept(await openRedis([], false));
    const cache = new RedisCache(redisOptions(server.address), runtime());
    kept(cache);
    const start = await timed(cache.start());
    // It was refused: there is nothing to wait for.
    expect(start.ms).toBeLessThan(500);
    expect(cache.inUse()).toBe(false);
    const id = anyUserId();
    expect((await cache.of(userKind).read(id)).state).toBe('unavailable');
    expect(await quickestMs(() => cache.of(userKind).read(id))).toBeLessThan(20);
    expect(await cache.of(userKind).fence(id, anyToken())).toBe(false);
    await until(() => cache.inUse() === false && cache.counters().failures['offline'] !== undefined, 1000);
    await until(async () => (await cache.health()).circuit !== 'closed', 2000);
    await server.start();
    await until(() => cache.inUse(), 3000);
    expect((await cache.of(userKind).read(id)).state).toBe('leased');
  });

  it('is disposed of while it connects', async () => {
    const server = kept(await openRedis([], false));
    const cache = new RedisCache(redisOptions(server.address), runtime());
    const start = cache.start();
    await cache[Symbol.asyncDispose]();
    await start;
    expect(cache.inUse()).toBe(false);
  });
});

describe('a Redis that hangs under load (SIGSTOP)', () => {
  it('costs what is in flight one deadline and later callers nothing; it is in use again within 1.5 s', async () => {
    const { server, cache, lines } = await setUp();
    const user = await fillUser(cache);
    const stop = readUnderLoad(cache, user.id);
    await until(hits(cache, user.id), 1000);
    const hungAtMs = performance.now();
    server.hang();
    await until(() => !cache.inUse(), 1000);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const resumedAtMs = performance.now();
    server.resume();
    const recovered = await until(hits(cache, user.id), recoveryMs);
    const calls = await stop();
    expect(recovered).toBeLessThan(recoveryMs);
    const during = calls.filter(({ atMs }) => atMs > hungAtMs && atMs < resumedAtMs);
    expect(slowestMs(during)).toBeLessThan(deadlineMs + slackMs);
    expect(during.filter(({ ms, wasDisturbed }) => ms > 50 && !wasDisturbed).length).toBeLessThanOrEqual(17);
    expect(during.length).toBeGreaterThan(1000);
    expect(new Set(calls.map(({ state }) => state))).toEqual(new Set(['hit', 'unavailable']));
    expect(opened(lines)).toBe(1);
  });

  it('is disposed of at once', async () => {
    const { server, cache } = await setUp([], { commandTimeoutMs: 3000 });
    server.hang();
    const pending = cache.of(userKind).read(anyUserId());
    expect((await timed(cache[Symbol.asyncDispose]())).ms).toBeLessThan(1000);
    expect((await pending).state).toBe('unavailable');
  });

  it('is noticed without any load', async () => {
    const { server, cache } = await setUp();
    server.hang();
    await until(() => !cache.acceptsWrites(), 1500);
    await until(() => !cache.inUse(), 3500);
  });
});

describe('a fence whose outcome is not known', () => {
  it('is not confirmed, and its release is not sent: it may still arrive, and protects when it does', async () => {
    const { server, cache } = await setUp();
    const user = await fillUser(cache);
    const token = anyToken();
    server.hang();
    const fence = await timed(cache.of(userKind).fence(user.id, token));
    expect(fence.value).toBe(false);
    expect(fence.ms).toBeLessThan(deadlineMs + slackMs);
    server.resume();
    await until(async () => (await cache.of(userKind).read(user.id)).state === 'fenced', 1000);
    expect(await cache.of(userKind).release(user.id, token)).toBe(false);
    expect(await server.command('GET', `kith:user:id:${user.id}`)).toBe(`F:${token}`);
  });
});

describe('a Redis that dies (SIGKILL)', () => {
  it('and comes back empty is used again within 1.5 s, its scripts sent anew', async () => {
    const { server, cache } = await setUp();
    const user = await fillUser(cache);
    const stop = readUnderLoad(cache, user.id);
    await server.kill();
    await until(() => !cache.inUse(), 500);
    expect(await quickestMs(() => cache.of(userKind).read(user.id))).toBeLessThan(20);
    await server.start();
    await until(() => cache.inUse(), recoveryMs);
    const calls = await stop();
    expect(slowestMs(calls)).toBeLessThan(deadlineMs + slackMs);
    const again = await fillUser(cache);
    expect(await hits(cache, again.id)()).toBe(true);
  });

  it('voids the leases that were out', async () => {
    const { server, cache } = await setUp();
    const user = await fillUser(cache);
    await cache.of(userKind).replay(user.id);
    const read = await cache.of(userKind).read(user.id);
    await server.command('FLUSHALL');
    expect(read.state === 'leased' && (await cache.of(userKind).fill(read.lease, user, proof))).toBe(false);
    expect((await cache.of(userKind).read(user.id)).state).toBe('leased');
  });
});

describe('behind a bad network', () => {
  it('a black hole costs one deadline; after it Redis is in use within 1.5 s', async () => {
    const { proxy, cache, lines } = await setUpBehindProxy();
    const user = await fillUser(cache);
    const stop = readUnderLoad(cache, user.id);
    await until(hits(cache, user.id), 1000);
    proxy.set('black-hole');
    await until(() => !cache.inUse(), 1000);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    proxy.set('pass');
    await until(hits(cache, user.id), recoveryMs);
    const calls = await stop();
    expect(slowestMs(calls)).toBeLessThan(deadlineMs + slackMs);
    expect(opened(lines)).toBe(1);
  });

  it('answers that take 500 ms take Redis out of use, without flapping', async () => {
    const { proxy, cache, lines } = await setUpBehindProxy();
    const user = await fillUser(cache);
    proxy.set({ latencyMs: 500 });
    const stop = readUnderLoad(cache, user.id);
    await until(() => !cache.inUse(), 1000);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(opened(lines)).toBe(1);
    proxy.set('pass');
    await until(hits(cache, user.id), recoveryMs);
    await stop();
  });

  it('a miss of two slow round trips takes no longer than one deadline', async () => {
    const read = await undisturbed(async () => {
      const { proxy, cache } = await setUpBehindProxy();
      proxy.set({ latencyMs: 35 });
      return () => timed(cache.of(userKind).read(anyUserId()));
    });
    expect(read.ms).toBeLessThan(deadlineMs + slackMs / 2);
    expect(read.value.state).toBe('unavailable');
  });

  it('a storm of resets makes no errors and at most one flap a second', async () => {
    const { proxy, cache, lines } = await setUpBehindProxy();
    const user = await fillUser(cache);
    const stop = readUnderLoad(cache, user.id);
    for (let i = 0; i < 60; i++) {
      proxy.reset();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(opened(lines)).toBeLessThanOrEqual(4);
    await until(hits(cache, user.id), recoveryMs);
    const calls = await stop();
    expect(slowestMs(calls)).toBeLessThan(deadlineMs + slackMs);
  });

  it('that comes and goes opens the circuit at most once a second', async () => {
    const { proxy, cache, lines } = await setUpBehindProxy();
    const user = await fillUser(cache);
    const stop = readUnderLoad(cache, user.id);
    for (let i = 0; i < 12; i++) {
      proxy.set('cut');
      await new Promise((resolve) => setTimeout(resolve, 60));
      proxy.set('pass');
      await new Promise((resolve) => setTimeout(resolve, 390));
    }
    await stop();
    const openings = lines.filter(({ event }) => event === 'redis-out-of-use').map(({ atMs }) => atMs);
    expect(openings.length).toBeGreaterThanOrEqual(2);
    for (const [i, atMs] of openings.slice(1).entries()) {
      expect(atMs - (openings[i] ?? 0)).toBeGreaterThanOrEqual(1000);
    }
  });

  it('one half-open connection of four is not hidden by the other three', async () => {
    const { proxy, cache } = await setUpBehindProxy(4);
    const users = await Promise.all(Array.from({ length: 20 }, () => fillUser(cache)));
    proxy.loseOne();
    await until(() => !cache.inUse(), 3500);
    await until(() => cache.inUse(), recoveryMs);
    for (const { id } of users) expect(await hits(cache, id)()).toBe(true);
  });

  it('garbage instead of answers is nobody’s value', async () => {
    const { proxy, cache } = await setUpBehindProxy();
    const users = await Promise.all(Array.from({ length: 20 }, () => fillUser(cache)));
    proxy.set('corrupt');
    const reads = await Promise.all(users.map(({ id }) => cache.of(userKind).read(id)));
    expect(new Set(reads.map(({ state }) => state))).toEqual(new Set(['unavailable']));
    expect(await cache.of(userKind).fence(anyUserId(), anyToken())).toBe(false);
    proxy.set('pass');
    const [first] = users;
    await until(hits(cache, first?.id ?? ''), 2500);
    for (const user of users) expect(await cache.of(userKind).read(user.id)).toMatchObject({ value: user });
  });

  it('a cut connection is refused at once', async () => {
    const { proxy, cache } = await setUpBehindProxy();
    const user = await fillUser(cache);
    proxy.set('cut');
    const read = await timed(cache.of(userKind).read(user.id));
    expect(read.value.state).toBe('unavailable');
    expect(read.ms).toBeLessThan(deadlineMs);
    await until(async () => (await cache.health()).circuit !== 'closed', 2500);
    proxy.set('pass');
    await until(hits(cache, user.id), recoveryMs);
  });
});

describe('a Redis that is found anew at each connection, as through a Sentinel', () => {
  it('is in use again where the new connection leads', async () => {
    const [primary, replica] = [kept(await openRedis()), kept(await openRedis())];
    let address = primary.address;
    const cache = kept(await openCache(primary.address, { open: () => openClient(address) }));
    const user = await fillUser(cache);
    expect(await hits(cache, user.id)()).toBe(true);
    address = replica.address;
    await primary.kill();
    await until(() => !cache.inUse(), 2000);
    await until(() => cache.inUse(), recoveryMs + 1000);
    expect((await fillUser(cache)).id).not.toBe(user.id);
    expect(await replica.command('DBSIZE')).toBeGreaterThan(0);
    expect(await hits(cache, user.id)()).toBe(false);
  });
});

describe('a process that was busy itself', () => {
  const block = (ms: number): void => {
    const untilMs = performance.now() + ms;
    while (performance.now() < untilMs);
  };

  it('for longer than the deadline blames Redis for nothing: 50 stalls, sent before and in the stall', async () => {
    const { cache, lines } = await setUp();
    const user = await fillUser(cache);
    for (let i = 0; i < 25; i++) {
      const justBefore = cache.of(userKind).read(user.id);
      block(130);
      expect((await justBefore).state).toBe('hit');
      const onItsWay = cache.of(userKind).read(user.id);
      await new Promise((resolve) => setImmediate(resolve));
      block(130);
      expect((await onItsWay).state).toBe('hit');
    }
    expect(cache.counters().failures).toEqual({});
    expect(opened(lines)).toBe(0);
  }, 30_000);
});
