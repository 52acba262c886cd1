import { describe, expect, it } from 'vitest';
import type { RedisCache, RedisCacheOptions } from '../../../adapters/redis/redis-cache.ts';
import { users as userKind } from '../../../application/records/user.ts';
import { Secret } from '../../../domain/secret.ts';
import { anyToken } from '../../contracts/cache.ts';
import { anyUserId, sampleUser } from '../../contracts/records.ts';
import { openRedis, type RedisServer } from '../../support/redis-server.ts';
import { fillUser, kept, openCache, openLog, timed, until } from './fixture.ts';

const recoveryMs = 1500;

const setUp = async (settings: readonly string[] = [], options: Partial<RedisCacheOptions> = {}) => {
  const server: RedisServer = kept(await openRedis(settings));
  const { log, lines } = openLog();
  const cache = kept(await openCache(server.address, options, undefined, log));
  return { server, cache, lines };
};

const stateOf = async (cache: RedisCache, key: string): Promise<string> =>
  (await cache.of(userKind).read(key)).state;

describe('a Redis that reads but does not write', () => {
  it('READONLY (demoted to a replica) is out of use until it is promoted', async () => {
    const { server, cache, lines } = await setUp();
    const user = await fillUser(cache);
    await server.command('REPLICAOF', '127.0.0.1', '1');
    expect(await cache.of(userKind).fence(user.id, anyToken())).toBe(false);
    expect(cache.inUse()).toBe(false);
    expect(lines.find(({ event }) => event === 'redis-out-of-use')?.fields).toMatchObject({
      cause: 'readonly',
    });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(cache.inUse()).toBe(false);
    await server.command('REPLICAOF', 'NO', 'ONE');
    await until(() => cache.inUse(), recoveryMs);
    expect(await stateOf(cache, user.id)).toBe('hit');
  });

  it('READONLY is noticed by the probe, without a write', async () => {
    const { server, cache } = await setUp();
    await server.command('REPLICAOF', '127.0.0.1', '1');
    await until(() => !cache.inUse(), 2000);
  });

  it('MASTERDOWN (a replica that refuses stale reads) is out of use at the first read', async () => {
    const { server, cache } = await setUp(['--replica-serve-stale-data', 'no']);
    const user = await fillUser(cache);
    await server.command('REPLICAOF', '127.0.0.1', '1');
    expect(await stateOf(cache, user.id)).toBe('unavailable');
    expect(cache.inUse()).toBe(false);
  });

  it('NOREPLICAS is out of use', async () => {
    const { server, cache } = await setUp();
    const user = await fillUser(cache);
    await server.command('CONFIG', 'SET', 'min-replicas-to-write', '1');
    expect(await cache.of(userKind).fence(user.id, anyToken())).toBe(false);
    expect(cache.inUse()).toBe(false);
    await server.command('CONFIG', 'SET', 'min-replicas-to-write', '0');
    await until(() => cache.inUse(), recoveryMs);
  });

  it('MISCONF (snapshots fail) is out of use', async () => {
    const { server, cache } = await setUp(['--save', '3600 1', '--enable-protected-configs', 'yes']);
    await fillUser(cache);
    await server.command('CONFIG', 'SET', 'dir', '/proc');
    await server.command('BGSAVE').catch(() => undefined);
    await until(
      async () => `${await server.command('INFO', 'persistence')}`.includes('rdb_last_bgsave_status:err'),
      3000,
    );
    await until(() => !cache.inUse(), 2000);
    expect(await cache.of(userKind).fence(anyUserId(), anyToken())).toBe(false);
    expect(cache.counters().failures['misconf']).toBeGreaterThan(0);
    await server.command('CONFIG', 'SET', 'stop-writes-on-bgsave-error', 'no');
    await until(() => cache.inUse(), recoveryMs);
  });

  it('OOM still answers reads; a fence is not confirmed, and health and log say that writes are refused', async () => {
    const { server, cache, lines } = await setUp();
    const user = await fillUser(cache);
    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    expect(await cache.of(userKind).fence(user.id, anyToken())).toBe(false);
    expect(cache.inUse()).toBe(true);
    expect(await stateOf(cache, user.id)).toBe('hit');
    expect((await cache.of(userKind).readMany([user.id])).map(({ state }) => state)).toEqual(['hit']);
    expect(await stateOf(cache, anyUserId())).toBe('unavailable');
    await until(() => !cache.acceptsWrites(), 2000);
    expect(cache.inUse()).toBe(true);
    await server.command('CONFIG', 'SET', 'maxmemory', '0');
    await until(() => cache.acceptsWrites(), 2000);
    // It opened no circuit, so these lines are all that an operator hears of it: one each, however often it was probed.
    await until(() => lines.some(({ event }) => event === 'redis-accepts-writes'), 2000);
    expect(lines.map(({ event, fields }) => ({ event, ...fields }))).toEqual([
      { event: 'redis-refuses-writes', cause: 'oom' },
      { event: 'redis-accepts-writes' },
    ]);
  });

  it.each([
    ['SET', ['-set']],
    ['PUBLISH, so that other processes would not hear of it', ['resetchannels']],
  ])(
    'NOPERM on %s: reads go on, a fence is not confirmed and yet released, and health tells',
    async (_what, rules) => {
      const { server } = await setUp();
      await server.command('ACL', 'SETUSER', 'limited', 'on', '>pass', '~kith:*', '&*', '+@all', ...rules);
      const seed = kept(await openCache(server.address));
      const user = await fillUser(seed);
      const address = {
        ...server.address,
        username: 'limited',
        password: new Secret<'redis-password'>('pass'),
      };
      const cache = kept(await openCache(address));
      expect(await stateOf(cache, user.id)).toBe('hit');
      const token = anyToken();
      expect(await cache.of(userKind).fence(user.id, token)).toBe(false);
      expect(cache.inUse()).toBe(true);
      // It was answered, so nothing is left on its way: readers need not wait for its time limit.
      expect(await cache.of(userKind).release(user.id, token)).toBe(true);
      expect(await stateOf(seed, user.id)).toBe('leased');
      await until(() => !cache.acceptsWrites(), 2000);
    },
  );

  it('CLIENT PAUSE WRITE: a fence costs one deadline and is not confirmed; reads behind it recover', async () => {
    const { server, cache } = await setUp();
    const user = await fillUser(cache);
    await server.command('CLIENT', 'PAUSE', '2000', 'WRITE');
    const fence = await timed(cache.of(userKind).fence(user.id, anyToken()));
    expect(fence.value).toBe(false);
    expect(fence.ms).toBeLessThan(1000);
    // Redis lets the whole connection wait behind a paused write: the reads on it miss their deadlines.
    for (let i = 0; i < 6; i++) expect((await timed(cache.of(userKind).read(user.id))).ms).toBeLessThan(1000);
    await until(() => !cache.inUse(), 500);
    await until(() => cache.inUse(), 2000 + recoveryMs);
  });

  it('CLIENT PAUSE WRITE on one connection of several is not hidden by reads on the others', async () => {
    const { server, cache } = await setUp([], { poolSize: 4 });
    const users = await Promise.all(Array.from({ length: 40 }, () => fillUser(cache)));
    await server.command('CLIENT', 'PAUSE', '3000', 'WRITE');
    await cache.of(userKind).fence(users[0]?.id ?? '', anyToken());
    const startMs = performance.now();
    while (cache.inUse() && performance.now() - startMs < 2000) {
      await Promise.all(users.map(({ id }) => cache.of(userKind).read(id)));
    }
    expect(cache.inUse()).toBe(false);
  });
});

describe('a fence that must reach replicas', () => {
  it('is confirmed only when they have it', async () => {
    // Half of the deadline is what WAIT gets; the other half must be enough for its answer on a busy machine.
    const commandTimeoutMs = 800;
    const { server, cache } = await setUp([], { waitReplicas: 1, commandTimeoutMs });
    const [id, token] = [anyUserId(), anyToken()];
    const alone = await timed(cache.of(userKind).fence(id, token));
    expect(alone.value).toBe(false);
    expect(alone.ms).toBeLessThan(commandTimeoutMs);
    expect(cache.inUse()).toBe(true);
    expect(await cache.of(userKind).release(id, token)).toBe(true);
    expect(await stateOf(cache, id)).toBe('leased');
    kept(await openRedis(['--replicaof', `127.0.0.1 ${server.port}`]));
    await until(() => cache.of(userKind).fence(anyUserId(), anyToken()), 10_000);
  });

  it('nor is a replay confirmed before: whoever asked for it means the replica that may be promoted as well', async () => {
    const { server, cache } = await setUp([], { waitReplicas: 1 });
    expect(await cache.of(userKind).replay(anyUserId())).toBe(false);
    kept(await openRedis(['--replicaof', `127.0.0.1 ${server.port}`]));
    await until(() => cache.of(userKind).replay(anyUserId()), 10_000);
  });
});

describe('credentials', () => {
  it('that are wrong make no Redis; once they are right they are picked up', async () => {
    const server: RedisServer = kept(await openRedis());
    await server.command('ACL', 'SETUSER', 'app', 'on', '>old', '~*', '&*', '+@all');
    const { log, lines } = openLog();
    const address = { ...server.address, username: 'app', password: new Secret<'redis-password'>('new') };
    const cache = kept(await openCache(address, {}, undefined, log));
    expect(cache.inUse()).toBe(false);
    expect((await cache.of(userKind).read(anyUserId())).state).toBe('unavailable');
    await until(() => lines.some(({ fields }) => fields['connection'] === 'auth'), 3000);
    await server.command('ACL', 'SETUSER', 'app', '>new');
    await until(() => cache.inUse(), recoveryMs);
    expect(await cache.of(userKind).fence(sampleUser(anyUserId()).id, anyToken())).toBe(true);
  });
});
