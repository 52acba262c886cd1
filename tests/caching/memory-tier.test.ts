import { describe, expect, it } from 'vitest';
import { MemoryTier } from '../../adapters/tiered/memory-tier.ts';
import { user, userId } from '../support/fixtures.ts';
import { ManualClock } from '../support/manual-clock.ts';

const boundMs = 500;
const hourMs = 3_600_000;
const id = userId(1);
const hit = { state: 'hit', value: user(1), source: 'memory' } as const;

const open = (maxEntries = 100, maxBytes?: number) => {
  const clock = new ManualClock();
  const tier = new MemoryTier(clock, maxEntries, boundMs, maxBytes);
  return { clock, tier };
};

describe('the memory tier', () => {
  it('serves an entry without proof for less than the bound, counted from the start of its read', async () => {
    const { clock, tier } = open();
    const start = tier.startRead();
    await clock.advance(400);
    expect(tier.put(id, hit, start, true, hourMs)).toBe(true);
    await clock.advance(99);
    expect(tier.get(id)).toBe(hit);
    await clock.advance(1);
    expect(tier.get(id)).toBeUndefined();
  });

  it('serves it longer while pings prove that every invalidation was heard, counted from their sending', async () => {
    const { clock, tier } = open();
    tier.put(id, hit, tier.startRead(), true, hourMs);
    for (let n = 0; n < 10; n++) {
      const sentAtMs = clock.monotonicMs();
      await clock.advance(300);
      tier.listener.proved(sentAtMs);
      expect(tier.get(id)).toBe(hit);
    }
    await clock.advance(200);
    expect(tier.get(id)).toBeUndefined();
  });

  it('never serves longer than the bound what Redis did not accept, whatever the bus proves', async () => {
    const { clock, tier } = open();
    tier.put(id, hit, tier.startRead(), false, hourMs);
    await clock.advance(boundMs);
    tier.listener.proved(clock.monotonicMs());
    expect(tier.get(id)).toBeUndefined();
  });

  it('keeps at most its number of bytes, and no value that is too large by itself', () => {
    const { tier } = open(100, 200_000);
    const large = { ...hit, value: { ...user(1), bio: 'x'.repeat(20_000) } };
    for (let n = 1; n <= 40; n++)
      expect(tier.put(userId(n), large, tier.startRead(), true, hourMs)).toBe(true);
    expect(tier.size).toBe(4);
    const huge = { ...hit, value: { ...user(1), bio: 'x'.repeat(200_000) } };
    expect(tier.put(userId(41), huge, tier.startRead(), true, hourMs)).toBe(false);
    expect(tier.get(userId(40))).toBe(large);
  });

  it('drops what is invalidated, and refuses a read of it that had begun before', () => {
    const { tier } = open();
    const start = tier.startRead();
    tier.put(id, hit, start, true, hourMs);
    tier.listener.invalidated('users', id);
    expect(tier.get(id)).toBeUndefined();
    expect(tier.put(id, hit, start, true, hourMs)).toBe(false);
    expect(tier.put(id, hit, tier.startRead(), true, hourMs)).toBe(true);
  });

  it('refuses every read that was under way when the bus was interrupted, and forgets what it held', () => {
    const { tier } = open();
    const start = tier.startRead();
    tier.put(id, hit, start, true, hourMs);
    tier.listener.interrupted();
    expect(tier.get(id)).toBeUndefined();
    expect(tier.put(userId(2), hit, start, true, hourMs)).toBe(false);
    expect(tier.stalenessMs()).toBeNull();
  });

  it('refuses a read that is older than what it remembers to have heard', () => {
    const { tier } = open(10);
    const start = tier.startRead();
    for (let n = 1; n <= 11; n++) tier.drop('users', userId(n));
    // The first invalidation is forgotten, so nobody can say whether this read missed it.
    expect(tier.put(id, hit, start, true, hourMs)).toBe(false);
    expect(tier.put(id, hit, tier.startRead(), true, hourMs)).toBe(true);
  });

  it('keeps an entry no longer than its time to live', async () => {
    const { clock, tier } = open();
    tier.put(id, hit, tier.startRead(), true, 1_000);
    await clock.advance(999);
    tier.listener.proved(clock.monotonicMs());
    expect(tier.get(id)).toBe(hit);
    await clock.advance(1);
    expect(tier.get(id)).toBeUndefined();
  });
});
