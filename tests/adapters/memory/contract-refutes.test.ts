import { expect, it } from 'vitest';
import { MemoryCache } from '../../../adapters/memory/memory-cache.ts';
import { systemIds } from '../../../adapters/system/ids.ts';
import { fenceTtlMs, leaseMs } from '../../../application/caching/limits.ts';
import { recordKinds } from '../../../application/records/kinds.ts';
import { users as userKind } from '../../../application/records/user.ts';
import type { CachePort } from '../../../domain/ports/cache.ts';
import type { User } from '../../../domain/user.ts';
import type { CacheUnderTest } from '../../contracts/cache.ts';
import { assertLikeModel } from '../../contracts/cache-model.ts';
import { onlyOf, spoilt } from '../../contracts/records.ts';
import { ManualClock } from '../../support/manual-clock.ts';

type Users = CachePort<User>;

/** A right cache with some of its commands done wrong. */
const open = (spoil: (right: Users) => Partial<Users>): CacheUnderTest => {
  const clock = new ManualClock();
  const cache = new MemoryCache({ kinds: recordKinds(), clock, ids: systemIds, maxEntries: 1000 });
  const right = cache.of(userKind);
  return {
    caches: onlyOf(userKind, spoilt(right, spoil(right))),
    leaseMs,
    fenceTtlMs,
    userTtlMs: userKind.ttlMs,
    advance: (ms) => clock.advance(ms),
    [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
  };
};

const put = async (right: Users, key: string, value: User): Promise<boolean> => {
  await right.replay(key);
  const read = await right.read(key);
  return read.state === 'leased' && (await right.fill(read.lease, value));
};

const variants: readonly (readonly [string, (right: Users) => Partial<Users>])[] = [
  [
    'fills without asking for the lease',
    (right) => ({ fill: async ({ key }, value) => value !== undefined && put(right, key, value) }),
  ],
  [
    'releases whosever fence it is',
    (right) => ({
      release: async (key, token) => {
        await right.fence(key, token);
        return right.release(key, token);
      },
    }),
  ],
  [
    'replays a fence away',
    (right) => ({
      replay: async (key) => {
        await right.fence(key, 'x');
        return right.release(key, 'x');
      },
    }),
  ],
  ['fences without removing what is there', () => ({ fence: () => Promise.resolve(true) })],
  [
    'keeps a lease that was given back',
    (right) => ({ fill: async (lease, value) => value !== undefined && right.fill(lease, value) }),
  ],
  ['deletes nothing at a replay', () => ({ replay: () => Promise.resolve(true) })],
  [
    'reads many by the first key',
    (right) => ({ readMany: (keys) => right.readMany(keys.map((_, i) => keys[i && 0] ?? '')) }),
  ],
];

it('the model does not refute the cache that is right', async () => {
  await assertLikeModel(open(() => ({})));
});

it.each(variants)('the model refutes a cache that %s', async (_what, spoil) => {
  await expect(assertLikeModel(open(spoil))).rejects.toThrow(/Counterexample/);
});
