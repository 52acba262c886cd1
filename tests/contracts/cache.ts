import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { lists as listKind } from '../../application/records/contact-list.ts';
import { profiles as profileKind } from '../../application/records/profile.ts';
import { users as userKind } from '../../application/records/user.ts';
import type {
  Cache,
  Cacheable,
  CachePort,
  CacheRead,
  Caches,
  Lease,
  TierState,
} from '../../domain/ports/cache.ts';
import type { User } from '../../domain/user.ts';
import { proof } from '../support/proofs.ts';
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
  /**
   * Whether leases and fences stand, which they do unless this is `false`. One process among several whom only the log
   * tells of the others' writes needs neither: every reader is leased, and a fence drops what is there, voids the leases
   * before it and is gone. A lease ends with the time of what was read for it: `leaseMs` is `userTtlMs` and a tenth.
   */
  readonly coordinates?: boolean;
  /** The same records as another process has them, where the cache is made for several. */
  readonly another?: Caches;
  /** What concerns all kinds; left out by the tier of a cache, which is not one by itself. */
  readonly whole?: Pick<Cache, 'clear' | 'forget' | 'health'>;
  /** How long another process may go on serving what was there before a confirmed fence, in milliseconds; 0 for not at all. */
  readonly staleAfterFenceMs?: number;
  /** Takes away, for good, the server that it needs, if it needs one; and how long a call may wait for that at most. */
  readonly outage?: { begin(): Promise<void>; readonly deadlineMs: number };
}

let tokens = 0;
export const anyToken = (): string => `token-${++tokens}`;

export const leaseIn = (read: CacheRead<Cacheable>): Lease => {
  if (read.state !== 'leased') throw new Error(`a lease was expected, and the read was ${read.state}`);
  return read.lease;
};

/** What CachePort promises, and Cache where `whole` is one, for any adapter of it. `open` makes an empty cache. */
export const describeCache = (name: string, open: () => Promise<CacheUnderTest>): void => {
  describe(`${name} as a cache`, () => {
    let cache: CacheUnderTest;
    let users: CachePort<User>;
    beforeAll(async () => {
      cache = await open();
      users = cache.caches.of(userKind);
    });
    afterAll(() => cache[Symbol.asyncDispose]());

    const filled = async (version = 1): Promise<User> => {
      const user = sampleUser(anyUserId(), version);
      expect(await users.fill(leaseIn(await users.read(user.id)), user, proof)).toBe(true);
      return user;
    };
    const stateOf = async (key: string): Promise<string> => (await users.read(key)).state;
    /** What a reader is told who would be kept away. */
    const told = (state: 'filling' | 'fenced'): string => (cache.coordinates === false ? 'leased' : state);

    describe('a read', () => {
      it('of an absent key leases it to one reader', async () => {
        const id = anyUserId();
        const [first, second] = await Promise.all([users.read(id), users.read(id)]);
        expect([first.state, second.state].sort()).toEqual([told('filling'), 'leased'].sort());
        expect(await stateOf(id)).toBe(told('filling'));
      });

      it.each(samples().map((sample) => [sample.name, sample] as const))(
        'of a filled key returns an equal value of %s, frozen',
        (_kind, sample) =>
          sample.check(async ({ kind, key, value }) => {
            const port = cache.caches.of(kind);
            expect(await port.fill(leaseIn(await port.read(key)), value, proof)).toBe(true);
            const read = await port.read(key);
            expect(read).toMatchObject({ state: 'hit', value });
            if (read.state === 'hit') expectFrozen(read.value);
          }),
      );

      it('of one kind does not see another kind under the same key', async () => {
        const { id } = await filled();
        expect((await cache.caches.of(profileKind).read(id)).state).toBe('leased');
        expect((await cache.caches.of(listKind).read(id)).state).toBe('leased');
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
        expect(reads.map(({ state }) => state)).toEqual([told('fenced'), 'hit', 'leased', told('filling')]);
        expect(reads[1]).toMatchObject({ value: hit });
      });

      it('grants leases that fill', async () => {
        const all = Array.from({ length: 20 }, () => sampleUser(anyUserId()));
        const reads = await users.readMany(all.map(({ id }) => id));
        for (const [i, user] of all.entries()) {
          const read = reads[i];
          expect(read === undefined ? false : await users.fill(leaseIn(read), user, proof)).toBe(true);
        }
        const again = await users.readMany(all.map(({ id }) => id));
        expect(again.map((read) => read.state === 'hit' && read.value.id)).toEqual(all.map(({ id }) => id));
      });

      it('answers one key twice, with at most one lease', async () => {
        const id = anyUserId();
        const states = (await users.readMany([id, id])).map(({ state }) => state);
        expect(states.sort()).toEqual([told('filling'), 'leased'].sort());
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
        expect(await users.fill(lease, user, proof)).toBe(true);
        expect(await users.fill(lease, { ...user, version: 9 }, proof)).toBe(false);
        expect(await users.read(user.id)).toMatchObject({ value: { version: 1 } });
      });

      it('is refused once the lease is older than its time', async () => {
        const user = sampleUser(anyUserId());
        const lease = leaseIn(await users.read(user.id));
        await cache.advance(cache.leaseMs + 1000);
        expect(await users.fill(lease, user, proof)).toBe(false);
        expect(await stateOf(user.id)).toBe('leased');
      });

      it('is refused when another has leased the key since', async () => {
        const user = sampleUser(anyUserId());
        const old = leaseIn(await users.read(user.id));
        await users.replay(user.id);
        const fresh = leaseIn(await users.read(user.id));
        expect(await users.fill(old, user, proof)).toBe(false);
        expect(await users.fill(fresh, { ...user, version: 2 }, proof)).toBe(true);
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
          expect(await users.fill(lease, user, proof)).toBe(false);
          expect(await stateOf(user.id)).toBe(what === 'fence' ? told('fenced') : 'leased');
        },
      );

      it('with a made-up token is refused', async () => {
        const user = sampleUser(anyUserId());
        const lease = leaseIn(await users.read(user.id));
        expect(await users.fill({ ...lease, token: 'made-up' }, user, proof)).toBe(false);
        expect(await users.fill(lease, user, proof)).toBe(true);
      });

      it('with nothing gives the lease back', async () => {
        const id = anyUserId();
        const lease = leaseIn(await users.read(id));
        expect(await users.fill(lease, undefined)).toBe(false);
        expect(await users.fill(lease, sampleUser(id), proof)).toBe(false);
        expect(await stateOf(id)).toBe('leased');
      });
    });

    describe('a fence', () => {
      it('hides a value and lets nobody read or lease', async () => {
        const { id } = await filled();
        expect(await users.fence(id, anyToken())).toBe(true);
        expect(await stateOf(id)).toBe(told('fenced'));
        expect((await users.readMany([id])).map(({ state }) => state)).toEqual([told('fenced')]);
      });

      it('ends by its time limit, with nothing behind it', async () => {
        const { id } = await filled();
        await users.fence(id, anyToken());
        await cache.advance(cache.fenceTtlMs - 2000);
        expect(await stateOf(id)).toBe(told('fenced'));
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
        expect(await stateOf(id)).toBe(told('fenced'));
        expect(await users.release(id, second)).toBe(true);
        expect(await stateOf(id)).toBe('leased');
      });

      it('stays when it is replayed', async () => {
        const id = anyUserId();
        await users.fence(id, anyToken());
        expect(await users.replay(id)).toBe(true);
        expect(await stateOf(id)).toBe(told('fenced'));
      });

      it('that was lost still takes with it, at its release, what was filled since', async () => {
        const user = sampleUser(anyUserId());
        const token = anyToken();
        await users.fence(user.id, token);
        await cache.advance(cache.fenceTtlMs + 2000);
        await users.fill(leaseIn(await users.read(user.id)), user, proof);
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

    describe('a drop', () => {
      it('takes a value out of the memory of this process, and of nobody else', async () => {
        const user = await filled();
        await users.read(user.id);
        users.drop(user.id);
        expect(users.peek(user.id)).toBeUndefined();
        const read = await users.read(user.id);
        if (read.state === 'hit') expect(read).toMatchObject({ source: 'redis', value: user });
        else leaseIn(read);
      });

      it('keeps memory from taking what was being read', async () => {
        const user = sampleUser(anyUserId());
        const lease = leaseIn(await users.read(user.id));
        users.drop(user.id);
        await users.fill(lease, user, proof);
        expect(users.peek(user.id)).toBeUndefined();
      });

      it('keeps memory from taking what is being found', async () => {
        const user = await filled();
        users.drop(user.id);
        const reads = [users.read(user.id), users.readMany([user.id])];
        users.drop(user.id);
        await Promise.all(reads);
        expect(users.peek(user.id)).toBeUndefined();
      });

      it('of one key leaves the others', async () => {
        const user = await filled();
        const peeked = users.peek(user.id);
        users.drop(anyUserId());
        expect(users.peek(user.id)).toBe(peeked);
      });

      it('leaves a fence to its owner', async () => {
        const id = anyUserId();
        await users.fence(id, anyToken());
        users.drop(id);
        expect(await stateOf(id)).toBe(told('fenced'));
      });
    });

    it('inspect tells the state, version and time left of each key, never the value', async () => {
      const [absent, leased, fenced] = [anyUserId(), anyUserId(), anyUserId()];
      const { id } = await filled(7);
      await users.read(leased);
      await users.fence(fenced, anyToken());
      expect(states(await users.inspect(absent))).toEqual(['absent']);
      const stands = cache.coordinates !== false;
      expect(states(await users.inspect(leased))).toContain(stands ? 'leased' : 'absent');
      expect(states(await users.inspect(fenced))).toContain(stands ? 'fenced' : 'absent');
      const found = (await users.inspect(id)).filter(({ state }) => state === 'value');
      expect(found.length).toBeGreaterThan(0);
      for (const { version, ttlMs } of found) {
        expect(version).toBe(7);
        expect(ttlMs).toBeGreaterThan(0);
        expect(ttlMs).toBeLessThanOrEqual(cache.userTtlMs * 1.1);
      }
      expect(JSON.stringify(await users.inspect(id))).not.toContain('example.com');
    });

    describe('another process', () => {
      /** The tests of one process have nothing to say here. */
      const another = (context: TestContext): CachePort<User> =>
        cache.another?.of(userKind) ?? context.skip('nobody shares this cache');
      const coordinated = (context: TestContext): CachePort<User> =>
        cache.coordinates === false ? context.skip('only the log tells of others') : another(context);

      it('reads what this one filled, unless nobody tells it of anything', async (context) => {
        const other = another(context);
        const user = await filled();
        const read = await other.read(user.id);
        if (cache.coordinates === false) expect(read.state).toBe('leased');
        else expect(read).toMatchObject({ state: 'hit', value: user });
      });

      it('waits for the fill of this one, and for its fence', async (context) => {
        const other = coordinated(context);
        const [leased, fenced] = [anyUserId(), anyUserId()];
        await users.read(leased);
        await users.fence(fenced, anyToken());
        expect((await other.read(leased)).state).toBe('filling');
        expect((await other.read(fenced)).state).toBe('fenced');
      });

      it('serves nothing that was there before a confirmed fence, within the bound', async (context) => {
        const other = coordinated(context);
        const user = await filled();
        // It has the value in its own memory now, if it has a memory.
        const read = await other.read(user.id);
        if (read.state === 'leased') await other.fill(read.lease, user, proof);
        expect(await users.fence(user.id, anyToken())).toBe(true);
        await cache.advance(cache.staleAfterFenceMs ?? 0);
        expect(other.peek(user.id)).toBeUndefined();
        expect((await other.read(user.id)).state).toBe('fenced');
      });

      it('fills nothing that it read before the fence of this one', async (context) => {
        const other = coordinated(context);
        const user = sampleUser(anyUserId());
        const lease = leaseIn(await other.read(user.id));
        await users.fence(user.id, anyToken());
        await cache.advance(cache.staleAfterFenceMs ?? 0);
        expect(await other.fill(lease, user, proof)).toBe(false);
      });

      it('keeps what it took late for little longer than its time', async (context) => {
        const other = another(context);
        const { id } = await filled();
        await cache.advance(cache.userTtlMs * 0.8);
        await other.read(id);
        await cache.advance(cache.userTtlMs * 0.5);
        expect((await other.read(id)).state).toBe('leased');
      });
    });

    describe('the whole cache', () => {
      const whole = (context: TestContext): NonNullable<CacheUnderTest['whole']> =>
        cache.whole ?? context.skip('this is a tier of one');

      it('replays every key when it is cleared: values and leases go, fences stay', async (context) => {
        const user = await filled();
        const [leased, fenced] = [sampleUser(anyUserId()), anyUserId()];
        const lease = leaseIn(await users.read(leased.id));
        await users.fence(fenced, anyToken());
        expect(await whole(context).clear()).toBe(true);
        expect(users.peek(user.id)).toBeUndefined();
        expect(await stateOf(user.id)).toBe('leased');
        expect(await users.fill(lease, leased, proof)).toBe(false);
        expect(await stateOf(fenced)).toBe(told('fenced'));
      });

      it('forgets what memory holds and what is being read, and nobody else has to', async (context) => {
        const { forget } = whole(context);
        const [user, leased] = [await filled(), sampleUser(anyUserId())];
        const lease = leaseIn(await users.read(leased.id));
        forget.call(cache.whole);
        expect(users.peek(user.id)).toBeUndefined();
        await users.fill(lease, leased, proof);
        expect(users.peek(leased.id)).toBeUndefined();
        const read = await users.read(user.id);
        if (read.state === 'hit') expect(read).toMatchObject({ source: 'redis', value: user });
        else leaseIn(read);
      });

      it('is not degraded while all of it works, and says how much it holds', async (context) => {
        await whole(context).clear();
        const before = await whole(context).health();
        expect(before).toMatchObject({ degraded: false, circuit: 'closed', entriesInMemory: 0 });
        await filled();
        expect((await whole(context).health()).entriesInMemory).toBe(1);
      });
    });

    it('behaves like its model for 150 sequences of up to 40 commands on two keys', async () => {
      await assertLikeModel(cache);
    }, 60_000);

    it('has outcomes and no exceptions when its server is gone, and no call waits for longer than its deadline', async (context) => {
      const { outage } = cache;
      if (outage === undefined) return context.skip('there is no server');
      const inTime = async <T>(call: Promise<T>): Promise<T> => {
        const startMs = performance.now();
        const outcome = await call;
        // A deadline, and what a busy machine adds.
        expect(performance.now() - startMs).toBeLessThan(outage.deadlineMs * 2);
        return outcome;
      };
      const [user, absent] = [await filled(), sampleUser(anyUserId())];
      const [fenced, token] = [anyUserId(), anyToken()];
      expect(await users.fence(fenced, token)).toBe(true);
      await outage.begin();

      // What memory holds may be served for as long as it may be served at all.
      const reads = [
        await inTime(users.read(user.id)),
        ...(await inTime(users.readMany([user.id, absent.id]))),
      ];
      for (const read of reads)
        if (read.state === 'hit') expect(read).toMatchObject({ source: 'memory', value: user });
        else expect(['leased', 'unavailable']).toContain(read.state);
      const read = await inTime(users.read(absent.id));
      if (read.state === 'leased') {
        expect(await inTime(users.fill(read.lease, absent, proof))).toBe(true);
        expect(users.peek(absent.id)).toMatchObject({ value: absent });
      }

      expect(await inTime(users.release(fenced, token))).toBe(false);
      expect(await inTime(users.replay(absent.id))).toBe(false);
      expect(await inTime(users.fence(user.id, anyToken()))).toBe(false);
      // Whoever could not confirm a fence reads his own writes: the server may hold the old value.
      expect(users.peek(user.id)).toBeUndefined();
      expect(['leased', 'unavailable']).toContain((await inTime(users.read(user.id))).state);
      expect(states(await inTime(users.inspect(user.id)))).toContain('unavailable');
      if (cache.whole === undefined) return;
      expect(await inTime(cache.whole.clear())).toBe(false);
      expect(await inTime(cache.whole.health())).toMatchObject({ degraded: true });
    });
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
