import { expect, it } from 'vitest';
import { MemoryCache } from '../../../adapters/memory/memory-cache.ts';
import { systemIds } from '../../../adapters/system/ids.ts';
import { fenceTtlMs, leaseMs } from '../../../application/caching/limits.ts';
import { recordKinds } from '../../../application/records/kinds.ts';
import { profiles as profileKind } from '../../../application/records/profile.ts';
import { users as userKind } from '../../../application/records/user.ts';
import { type CacheUnderTest, describeCache } from '../../contracts/cache.ts';
import { user, userId } from '../../support/fixtures.ts';
import { ManualClock } from '../../support/manual-clock.ts';

type Limits = { readonly maxEntries?: number; readonly maxBytes?: number };

const openCache = (limits: Limits = {}): CacheUnderTest & { readonly cache: MemoryCache } => {
  const clock = new ManualClock();
  const bounds = { maxEntries: 10_000, ...limits };
  const cache = new MemoryCache({ kinds: recordKinds(), clock, ids: systemIds, ...bounds });
  return {
    cache,
    caches: cache,
    leaseMs,
    fenceTtlMs,
    userTtlMs: userKind.ttlMs,
    advance: (ms) => clock.advance(ms),
    [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
  };
};

describeCache('MemoryCache', async () => openCache());

it('keeps at most its number of entries, of all kinds together, and no fence is pushed out by them', async () => {
  const { cache } = openCache({ maxEntries: 10 });
  const users = cache.of(userKind);
  const profiles = cache.of(profileKind);
  const fenced = userId(1);
  await users.fence(fenced, 'mine');
  for (let n = 2; n < 40; n++) {
    for (const records of [users, profiles]) {
      const read = await records.read(userId(n));
      if (read.state === 'leased') await records.fill(read.lease, user(n));
    }
  }
  expect((await cache.health()).entriesInMemory).toBe(10);
  expect(await users.read(fenced)).toEqual({ state: 'fenced' });
});

it('keeps at most its number of bytes, so that nobody fills the memory with large values', async () => {
  const { cache } = openCache({ maxBytes: 200_000 });
  const users = cache.of(userKind);
  const bio = 'x'.repeat(20_000);
  for (let n = 1; n <= 40; n++) {
    const read = await users.read(userId(n));
    if (read.state === 'leased') expect(await users.fill(read.lease, { ...user(n), bio })).toBe(true);
  }
  expect((await cache.health()).entriesInMemory).toBe(4);
  expect(users.peek(userId(40))?.value.bio).toBe(bio);
  // One that is too large by itself is not kept, and says so: it would push out all others.
  const read = await users.read(userId(41));
  const huge = { ...user(41), bio: 'x'.repeat(200_000) };
  expect(read.state === 'leased' && (await users.fill(read.lease, huge))).toBe(false);
  expect((await users.read(userId(41))).state).toBe('leased');
});

it('hands out one frozen value to all, so that no reader can change what another sees', async () => {
  const { cache } = openCache();
  const users = cache.of(userKind);
  const read = await users.read(userId(1));
  if (read.state === 'leased') await users.fill(read.lease, user(1));
  const value = users.peek(userId(1))?.value;
  expect(value).toBe(users.peek(userId(1))?.value);
  expect(Object.isFrozen(value) && Object.isFrozen(value?.skills)).toBe(true);
});
