import { expect, it } from 'vitest';
import { MemoryTier } from '../../../adapters/tiered/memory-tier.ts';
import { TieredCache } from '../../../adapters/tiered/tiered-cache.ts';
import { recordKinds } from '../../../application/records/kinds.ts';
import { defaultTtlsMs } from '../../../application/records/ttls.ts';
import { users as userKind } from '../../../application/records/user.ts';
import type { CachePort } from '../../../domain/ports/cache.ts';
import type { User } from '../../../domain/user.ts';
import type { CacheUnderTest } from '../../contracts/cache.ts';
import { assertLikeModel } from '../../contracts/cache-model.ts';
import { onlyOf, spoilt } from '../../contracts/records.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { openGate } from '../../support/open-gate.ts';
import { believesAll } from '../../support/proofs.ts';

type Users = CachePort<User>;

const ttlMs = 60_000;

/** Memory of one process among several without Redis, with some of its commands done wrong. */
const open = (
  spoil: (right: Users, clock: ManualClock) => Partial<Users>,
  usersTtlMs: number = ttlMs,
): CacheUnderTest => {
  const clock = new ManualClock();
  const gate = openGate(clock);
  const maxStalenessMs = Number.POSITIVE_INFINITY;
  const memory = new MemoryTier({ clock, gate, maxEntries: 10_000, maxStalenessMs });
  const kinds = recordKinds({ ...defaultTtlsMs, user: usersTtlMs });
  const cache = new TieredCache({ clock, memory, gate, judge: believesAll, kinds });
  const right = cache.of(userKind);
  return {
    caches: onlyOf(userKind, spoilt(right, spoil(right, clock))),
    coordinates: false,
    leaseMs: ttlMs * 1.1,
    fenceTtlMs: 30_000,
    userTtlMs: ttlMs,
    advance: (ms) => clock.advance(ms),
    [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
  };
};

it('the model of a cache that only the log tells of others does not refute the one that is right', async () => {
  await assertLikeModel(open(() => ({})));
});

it.each<readonly [what: string, open: () => CacheUnderTest]>([
  ['keeps what it read for twice its time', () => open(() => ({}), 2 * ttlMs)],
  ['keeps what it read for half its time', () => open(() => ({}), ttlMs / 2)],
  ['drops nothing at a fence', () => open(() => ({ fence: () => Promise.resolve(true) }))],
  ['drops nothing at a release', () => open(() => ({ release: () => Promise.resolve(true) }))],
  ['drops nothing at a replay', () => open(() => ({ replay: () => Promise.resolve(true) }))],
  [
    'fills by a lease that was used',
    () =>
      open((right) => ({
        fill: async (lease, value, proof) => {
          if (await right.fill(lease, value, proof)) return true;
          const read = await right.read(lease.key);
          return read.state === 'hit' && value !== undefined;
        },
      })),
  ],
  [
    'fills what it read before a fence',
    () =>
      open((right) => ({
        fill: async (lease, value, proof) => {
          if (value === undefined || (await right.fill(lease, value, proof))) return value !== undefined;
          const read = await right.read(lease.key);
          return read.state === 'leased' && right.fill(read.lease, value, proof);
        },
      })),
  ],
])('the model refutes a cache that %s', async (_what, wrong) => {
  await expect(assertLikeModel(wrong())).rejects.toThrow(/Counterexample/);
});
