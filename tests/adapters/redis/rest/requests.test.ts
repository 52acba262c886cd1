import { describe, expect, it, vi } from 'vitest';
import { profiles as profileKind } from '../../../../application/records/profile.ts';
import { users as userKind } from '../../../../application/records/user.ts';
import { anyToken, leaseIn } from '../../../contracts/cache.ts';
import { anyUserId, sampleUser } from '../../../contracts/records.ts';
import { proof } from '../../../support/proofs.ts';
import type { RestServer } from '../../../support/rest-server.ts';
import { fillUser, until } from '../fixture.ts';
import { setUp, stateOf } from './fixture.ts';

vi.setConfig({ testTimeout: 120_000 });

/** The requests that some work takes, as the names of the commands in each. */
const during = async (server: RestServer, work: () => Promise<unknown>): Promise<readonly string[]> => {
  const before = server.requests.length;
  await work();
  return server.requests.slice(before).map(({ commands }) => commands.map(([name]) => name).join());
};

describe('over REST', () => {
  it('a read is one request, whether there is something or not', async () => {
    const { server, cache } = await setUp();
    const users = cache.of(userKind);
    const { id } = await fillUser(cache);
    expect(await during(server, () => users.read(id))).toEqual(['EVAL']);
    expect(await during(server, () => users.read(anyUserId()))).toEqual(['EVAL']);
  });

  it('a read of many keys is one request, and each is leased, hit or not to be had as it would be alone', async () => {
    const { server, cache } = await setUp();
    const users = cache.of(userKind);
    const [{ id }, fenced] = [await fillUser(cache), anyUserId()];
    await users.fence(fenced, anyToken());
    let states: readonly string[] = [];
    const requests = await during(server, async () => {
      states = (await users.readMany([id, fenced, anyUserId()])).map(({ state }) => state);
    });
    expect(states).toEqual(['hit', 'fenced', 'leased']);
    expect(requests).toEqual(['EVAL,EVAL,EVAL']);
  });

  it('a fence, a fill and a release are one request each, and nothing is published', async () => {
    const { server, cache } = await setUp();
    const users = cache.of(userKind);
    const [user, token] = [sampleUser(anyUserId()), anyToken()];
    const lease = leaseIn(await users.read(user.id));
    expect(await during(server, () => users.fill(lease, user, proof))).toEqual(['EVAL']);
    expect(await during(server, () => users.fence(user.id, token))).toEqual(['SET']);
    expect(await during(server, () => users.release(user.id, token))).toEqual(['EVAL']);
    expect(await during(server, () => users.replay(user.id))).toEqual(['EVAL']);
  });

  it('what several callers ask in one turn is one request', async () => {
    const { server, cache } = await setUp();
    const both = () =>
      Promise.all([cache.of(userKind).read(anyUserId()), cache.of(profileKind).read(anyUserId())]);
    expect(await during(server, both)).toEqual(['EVAL,EVAL']);
  });

  it('a turn that asks for more than a request may hold is several', async () => {
    const { server, cache } = await setUp();
    const users = cache.of(userKind);
    const large = Array.from({ length: 8 }, () => ({
      ...sampleUser(anyUserId()),
      bio: 'ä'.repeat(80_000),
    }));
    const leases = (await users.readMany(large.map(({ id }) => id))).map(leaseIn);
    let stored: readonly boolean[] = [];
    const requests = await during(server, async () => {
      stored = await Promise.all(leases.map((lease, index) => users.fill(lease, large[index], proof)));
    });
    expect(stored).toEqual(leases.map(() => true));
    expect(requests.length).toBeGreaterThan(1);
    expect(requests.length).toBeLessThan(leases.length);
  });

  it('a value that is not believed takes a second request for its lease', async () => {
    let isBelieved = true;
    const { server, cache } = await setUp(undefined, {
      doubt: () => (isBelieved ? undefined : 'outdated'),
    });
    const { id } = await fillUser(cache);
    isBelieved = false;
    let state = '';
    const requests = await during(server, async () => {
      state = await stateOf(cache, id);
    });
    expect(state).toBe('leased');
    expect(requests).toEqual(['EVAL', 'EVAL']);
  });

  it('a Redis that is well is asked nothing for a minute, however often somebody looks at its health', async () => {
    const { server, cache } = await setUp();
    await until(() => cache.acceptsWrites(), 30_000);
    const looks = async () => {
      for (let look = 0; look < 10; look++) {
        await cache.health();
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    // More than one probe of a Redis on a connection would have come meanwhile.
    expect(await during(server, looks)).toEqual([]);
    expect(await cache.health()).toMatchObject({
      backend: 'upstash',
      circuit: 'closed',
      memoryUsedBytes: null,
    });
  });

  it('requests share connections that are kept', async () => {
    const { server, cache } = await setUp();
    for (let request = 0; request < 20; request++) await stateOf(cache, anyUserId());
    expect(server.connections()).toBeLessThan(5);
  });

  it('everything under the prefix is replayed when the cache is cleared', async () => {
    const { cache } = await setUp();
    const { id } = await fillUser(cache);
    const fenced = anyUserId();
    await cache.of(userKind).fence(fenced, anyToken());
    expect(await cache.clear()).toBe(true);
    expect(await stateOf(cache, id)).toBe('leased');
    expect(await stateOf(cache, fenced)).toBe('fenced');
  });

  it('a replica that is behind serves nothing old after a confirmed fence', async () => {
    const { server, cache } = await setUp();
    const { id } = await fillUser(cache);
    await server.lag();
    // What a plain read would be told.
    expect(await cache.of(userKind).inspect(id)).toMatchObject([{ state: 'value' }]);
    expect(await cache.of(userKind).fence(id, anyToken())).toBe(true);
    expect(await cache.of(userKind).inspect(id)).toMatchObject([{ state: 'value' }]);
    expect(await stateOf(cache, id)).toBe('fenced');
    expect((await cache.of(userKind).readMany([id])).map(({ state }) => state)).toEqual(['fenced']);
  });
});
