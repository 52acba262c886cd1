import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cacheable, CachePort, CacheRead, Caches, Lease, TierState } from '../../domain/ports/cache.ts';
import type { User } from '../../domain/user.ts';
import { assertLikeModel } from './cache-model.ts';
import { anyUserId, samples, sampleUser } from './records.ts';

/** A cache to be tested, and its time. It may be shared by all tests: each uses keys of its own. */
export interface CacheUnderTest extends AsyncDisposable {
  readonly caches: Caches;
  readonly leaseMs: number;
  readonly fenceTtlMs: number;
  /** The time limit of a user, plus or minus 10 %. */
  readonly userTtlMs: number;
  /** Lets time pass, for clocks and time limits alike, without waiting for it. */
  advance(ms: number): Promise<void>;
}

let tokens = 0;
export const anyToken = (): string => `token-${++tokens}`;

export const leaseIn = (read: CacheRead<Cacheable>): Lease => {
  if (read.state !== 'leased') throw new Error(`a lease was expected, and the read was ${read.state}`);
  return read.lease;
};

/** What CachePort promises, for any adapter of it. `open` makes an empty cache. */
export const describeCache = (name: string, open: () => Promise<CacheUnderTest>): void => {
  describe(`${name} as a cache`, () => {
    let cache: CacheUnderTest;
    let users: CachePort<User>;
    beforeAll(async () => {
      cache = await open();
      users = cache.caches.users;
    });
    afterAll(() => cache[Symbol.asyncDispose]());

    const filled = async (version = 1): Promise<User> => {
      const user = sampleUser(anyUserId(), version);
      expect(await users.fill(leaseIn(await users.read(user.id)), user)).toBe(true);
      return user;
    };
    const stateOf = async (key: string): Promise<string> => (await users.read(key)).state;

    describe('a read', () => {
      it('of an absent key leases it to one reader', async () => {
        const id = anyUserId();
        const [first, second] = await Promise.all([users.read(id), users.read(id)]);
        expect([first.state, second.state].sort()).toEqual(['filling', 'leased']);
        expect(await stateOf(id)).toBe('filling');
      });

      it.each(samples().map((sample) => [sample.kind, sample] as const))(
        'of a filled key returns an equal value of %s, frozen',
        (_kind, sample) =>
          sample.check(async ({ key, value, portOf }) => {
            const port = portOf(cache.caches);
            expect(await port.fill(leaseIn(await port.read(key)), value)).toBe(true);
            const read = await port.read(key);
            expect(read).toMatchObject({ state: 'hit', value });
            if (read.state === 'hit') expectFrozen(read.value);
          }),
      );

      it('of one kind does not see another kind under the same key', async () => {
        const { id } = await filled();
        expect((await cache.caches.profiles.read(id)).state).toBe('leased');
        expect((await cache.caches.lists.read(id)).state).toBe('leased');
      });

      it('starts a lease no later than the read itself, on a clock that does not jump', async () => {
        const first = leaseIn(await users.read(anyUserId()));
        await cache.advance(1000);
        const second = leaseIn(await users.read(anyUserId()));
        expect(second.readStartedAtMs - first.readStartedAtMs).toBeGreaterThanOrEqual(1000);
      });

      it('leases again when the lease was not used in its time', async () => {
        const id = anyUserId();
        leaseIn(await users.read(id));
        await cache.advance(cache.leaseMs + 1000);
        expect(await stateOf(id)).toBe('leased');
      });

      it('finds a value for its time and no longer', async () => {
        const { id } = await filled();
        await cache.advance(cache.userTtlMs * 0.8);
        expect(await stateOf(id)).toBe('hit');
        await cache.advance(cache.userTtlMs * 0.4);
        expect(await stateOf(id)).toBe('leased');
      });
    });

    describe('a peek', () => {
      it('sees nothing, or what a read would see', async () => {
        const user = await filled();
        const peeked = users.peek(user.id);
        if (peeked !== undefined) expect(peeked).toMatchObject({ state: 'hit', value: user });
        expect(users.peek(anyUserId())).toBeUndefined();
      });

      it('sees nothing behind a fence', async () => {
        const { id } = await filled();
        await users.read(id);
        await users.fence(id, anyToken());
        expect(users.peek(id)).toBeUndefined();
      });
    });

    describe('readMany', () => {
      it('answers in the order of the keys, each like a read', async () => {
        const hit = await filled(3);
        const [absent, leased, fenced] = [anyUserId(), anyUserId(), anyUserId()];
        await users.read(leased);
        await users.fence(fenced, anyToken());
        const reads = await users.readMany([fenced, hit.id, absent, leased]);
        expect(reads.map(({ state }) => state)).toEqual(['fenced', 'hit', 'leased', 'filling']);
        expect(reads[1]).toMatchObject({ value: hit });
      });

      it('grants leases that fill', async () => {
        const all = Array.from({ length: 20 }, () => sampleUser(anyUserId()));
        const reads = await users.readMany(all.map(({ id }) => id));
        for (const [i, user] of all.entries()) {
          const read = reads[i];
          expect(read === undefined ? false : await users.fill(leaseIn(read), user)).toBe(true);
        }
        const again = await users.readMany(all.map(({ id }) => id));
        expect(again.map((read) => read.state === 'hit' && read.value.id)).toEqual(all.map(({ id }) => id));
      });

      it('answers one key twice, with at most one lease', async () => {
        const id = anyUserId();
        const states = (await users.readMany([id, id])).map(({ state }) => state);
        expect(states.filter((state) => state === 'leased')).toHaveLength(1);
        expect(states).toHaveLength(2);
      });

      it('of no keys is empty', async () => expect(await users.readMany([])).toEqual([]));

      it('of 500 keys answers each', async () => {
        const reads = await users.readMany(Array.from({ length: 500 }, anyUserId));
        expect(new Set(reads.map(({ state }) => state))).toEqual(new Set(['leased']));
      });
    });

    describe('a fill', () => {
      it('is refused the second time, with what is there left as it is', async () => {
        const user = sampleUser(anyUserId());
        const lease = leaseIn(await users.read(user.id));
        expect(await users.fill(lease, user)).toBe(true);
        expect(await users.fill(lease, { ...user, version: 9 })).toBe(false);
        expect(await users.read(user.id)).toMatchObject({ value: { version: 1 } });
      });

      it('is refused once the lease is older than its time', async () => {
        const user = sampleUser(anyUserId());
        const lease = leaseIn(await users.read(user.id));
        await cache.advance(cache.leaseMs + 1000);
        expect(await users.fill(lease, user)).toBe(false);
        expect(await stateOf(user.id)).toBe('leased');
      });

      it('is refused when another has leased the key since', async () => {
        const user = sampleUser(anyUserId());
        const old = leaseIn(await users.read(user.id));
        await users.replay(user.id);
        const fresh = leaseIn(await users.read(user.id));
        expect(await users.fill(old, user)).toBe(false);
        expect(await users.fill(fresh, { ...user, version: 2 })).toBe(true);
      });

      it.each(['fence', 'fence and release', 'replay'])(
        'is refused after a %s: the row may be old',
        async (what) => {
          const user = sampleUser(anyUserId());
          const lease = leaseIn(await users.read(user.id));
          const token = anyToken();
          if (what === 'replay') await users.replay(user.id);
          else await users.fence(user.id, token);
          if (what === 'fence and release') await users.release(user.id, token);
          expect(await users.fill(lease, user)).toBe(false);
          expect(await stateOf(user.id)).toBe(what === 'fence' ? 'fenced' : 'leased');
        },
      );

      it('with a made-up token is refused', async () => {
        const user = sampleUser(anyUserId());
        const lease = leaseIn(await users.read(user.id));
        expect(await users.fill({ ...lease, token: 'made-up' }, user)).toBe(false);
        expect(await users.fill(lease, user)).toBe(true);
      });

      it('with nothing gives the lease back', async () => {
        const id = anyUserId();
        const lease = leaseIn(await users.read(id));
        expect(await users.fill(lease, undefined)).toBe(false);
        expect(await users.fill(lease, sampleUser(id))).toBe(false);
        expect(await stateOf(id)).toBe('leased');
      });
    });

    describe('a fence', () => {
      it('hides a value and lets nobody read or lease', async () => {
        const { id } = await filled();
        expect(await users.fence(id, anyToken())).toBe(true);
        expect(await stateOf(id)).toBe('fenced');
        expect((await users.readMany([id])).map(({ state }) => state)).toEqual(['fenced']);
      });

      it('ends by its time limit, with nothing behind it', async () => {
        const { id } = await filled();
        await users.fence(id, anyToken());
        await cache.advance(cache.fenceTtlMs - 2000);
        expect(await stateOf(id)).toBe('fenced');
        await cache.advance(4000);
        expect(await stateOf(id)).toBe('leased');
      });

      it('goes when its owner releases it, and the value is gone too', async () => {
        const { id } = await filled();
        const token = anyToken();
        await users.fence(id, token);
        expect(await users.release(id, token)).toBe(true);
        expect(await stateOf(id)).toBe('leased');
      });

      it('stays when another releases', async () => {
        const id = anyUserId();
        const [first, second] = [anyToken(), anyToken()];
        await users.fence(id, first);
        await users.fence(id, second);
        expect(await users.release(id, first)).toBe(true);
        expect(await stateOf(id)).toBe('fenced');
        expect(await users.release(id, second)).toBe(true);
        expect(await stateOf(id)).toBe('leased');
      });

      it('stays when it is replayed', async () => {
        const id = anyUserId();
        await users.fence(id, anyToken());
        expect(await users.replay(id)).toBe(true);
        expect(await stateOf(id)).toBe('fenced');
      });

      it('that was lost still takes with it, at its release, what was filled since', async () => {
        const user = sampleUser(anyUserId());
        const token = anyToken();
        await users.fence(user.id, token);
        await cache.advance(cache.fenceTtlMs + 2000);
        await users.fill(leaseIn(await users.read(user.id)), user);
        expect(await users.release(user.id, token)).toBe(true);
        expect(await stateOf(user.id)).toBe('leased');
      });
    });

    it('a replay deletes a value and a lease', async () => {
      const { id } = await filled();
      expect(await users.replay(id)).toBe(true);
      leaseIn(await users.read(id));
      expect(await users.replay(id)).toBe(true);
      expect(await stateOf(id)).toBe('leased');
    });

    it('inspect tells the state, version and time left of each key, never the value', async () => {
      const [absent, leased, fenced] = [anyUserId(), anyUserId(), anyUserId()];
      const { id } = await filled(7);
      await users.read(leased);
      await users.fence(fenced, anyToken());
      expect(states(await users.inspect(absent))).toEqual(['absent']);
      expect(states(await users.inspect(leased))).toContain('leased');
      expect(states(await users.inspect(fenced))).toContain('fenced');
      const found = (await users.inspect(id)).filter(({ state }) => state === 'value');
      expect(found.length).toBeGreaterThan(0);
      for (const { version, ttlMs } of found) {
        expect(version).toBe(7);
        expect(ttlMs).toBeGreaterThan(0);
        expect(ttlMs).toBeLessThanOrEqual(cache.userTtlMs * 1.1);
      }
      expect(JSON.stringify(await users.inspect(id))).not.toContain('example.com');
    });

    it('behaves like its model for 150 sequences of up to 40 commands on two keys', async () => {
      await assertLikeModel(cache);
    }, 60_000);
  });
};

const states = (tiers: readonly TierState[]): readonly string[] => [
  ...new Set(tiers.map(({ state }) => state)),
];

const expectFrozen = (value: unknown): void => {
  if (typeof value !== 'object' || value === null) return;
  expect(Object.isFrozen(value)).toBe(true);
  for (const field of Object.values(value)) expectFrozen(field);
};
