import { describe, expect, it } from 'vitest';
import { MemoryTier } from '../../../adapters/tiered/memory-tier.ts';
import { momentOn } from '../../../application/caching/ages.ts';
import { Gate } from '../../../application/caching/gate.ts';
import { users as userKind } from '../../../application/records/user.ts';
import { user, userId } from '../../support/fixtures.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const boundMs = 500;
const hourMs = 3_600_000;
const id = userId(1);
const hit = { state: 'hit', value: user(1), source: 'memory' } as const;

const open = (maxEntries = 100, maxBytes?: number) => {
  const clock = new ManualClock();
  const gate = new Gate({ clock, boundMs: hourMs, silentBoundMs: 0 });
  const check = () => gate.answered(momentOn(clock));
  check();
  check();
  const tier = new MemoryTier({
    clock,
    gate,
    maxEntries,
    maxStalenessMs: boundMs,
    ...(maxBytes && { maxBytes }),
  });
  return { clock, gate, check, tier, users: tier.open(userKind) };
};

describe('the memory tier', () => {
  it('serves an entry without proof for less than the bound, counted from the start of its read', async () => {
    const { clock, tier, users } = open();
    const start = tier.startRead();
    await clock.advance(400);
    expect(users.put(id, hit, start, true, hourMs)).toBe(true);
    await clock.advance(99);
    expect(users.get(id)).toBe(hit);
    await clock.advance(1);
    expect(users.get(id)).toBeUndefined();
  });

  it('serves it longer while pings prove that every invalidation was heard, counted from their sending', async () => {
    const { clock, tier, users } = open();
    users.put(id, hit, tier.startRead(), true, hourMs);
    for (let n = 0; n < 10; n++) {
      const sent = momentOn(clock);
      await clock.advance(300);
      tier.listener.proved(sent);
      expect(users.get(id)).toBe(hit);
    }
    await clock.advance(200);
    expect(users.get(id)).toBeUndefined();
  });

  it('serves nothing while the gate is closed, whatever the bus proves, and the same again when it is open', async () => {
    const { clock, tier, users, check } = open();
    users.put(id, hit, tier.startRead(), true, 3 * hourMs);
    await clock.advance(hourMs + 1);
    tier.listener.proved(momentOn(clock));
    expect(users.get(id)).toBeUndefined();
    check();
    expect(users.get(id)).toBeUndefined();
    check();
    expect(users.get(id)).toBe(hit);
  });

  it.each(['an entry', 'a proof'])(
    'does not serve by %s of before the machine was suspended',
    async (what) => {
      const { clock, tier, users } = open();
      if (what === 'a proof') {
        const start = tier.startRead();
        await clock.advance(boundMs);
        users.put(id, hit, start, true, hourMs);
        tier.listener.proved(momentOn(clock));
      } else users.put(id, hit, tier.startRead(), true, hourMs);
      expect(users.get(id)).toBe(hit);
      // The monotonic clock stands still meanwhile.
      clock.jump(boundMs);
      expect(users.get(id)).toBeUndefined();
    },
  );

  it('never serves longer than the bound what Redis did not accept, whatever the bus proves', async () => {
    const { clock, tier, users } = open();
    users.put(id, hit, tier.startRead(), false, hourMs);
    await clock.advance(boundMs);
    tier.listener.proved(momentOn(clock));
    expect(users.get(id)).toBeUndefined();
  });

  it('keeps at most its number of bytes, and no value that is too large by itself', () => {
    const { tier, users } = open(100, 200_000);
    const large = { ...hit, value: { ...user(1), bio: 'x'.repeat(20_000) } };
    for (let n = 1; n <= 40; n++)
      expect(users.put(userId(n), large, tier.startRead(), true, hourMs)).toBe(true);
    expect(tier.size).toBe(4);
    const huge = { ...hit, value: { ...user(1), bio: 'x'.repeat(200_000) } };
    expect(users.put(userId(41), huge, tier.startRead(), true, hourMs)).toBe(false);
    expect(users.get(userId(40))).toBe(large);
  });

  it('drops what is invalidated, and refuses a read of it that had begun before', () => {
    const { tier, users } = open();
    const start = tier.startRead();
    users.put(id, hit, start, true, hourMs);
    tier.listener.invalidated('users', id);
    expect(users.get(id)).toBeUndefined();
    expect(users.put(id, hit, start, true, hourMs)).toBe(false);
    expect(users.put(id, hit, tier.startRead(), true, hourMs)).toBe(true);
  });

  it.each(['everything', 'a kind of a later version', 'constructor'])(
    'takes news of %s for news of every record, and refuses every read that was under way',
    (kind) => {
      const { tier, users } = open();
      const start = tier.startRead();
      users.put(id, hit, start, true, hourMs);
      tier.listener.invalidated(kind, '*');
      expect(users.get(id)).toBeUndefined();
      expect(users.put(userId(2), hit, start, true, hourMs)).toBe(false);
      expect(users.put(userId(2), hit, tier.startRead(), true, hourMs)).toBe(true);
    },
  );

  it('refuses every read that was under way when the bus was interrupted, and forgets what it held', () => {
    const { tier, users } = open();
    const start = tier.startRead();
    users.put(id, hit, start, true, hourMs);
    tier.listener.interrupted();
    expect(users.get(id)).toBeUndefined();
    expect(users.put(userId(2), hit, start, true, hourMs)).toBe(false);
    expect(tier.stalenessMs()).toBeNull();
  });

  it('refuses a read that is older than what it remembers to have heard', () => {
    const { tier, users } = open(10);
    const start = tier.startRead();
    for (let n = 1; n <= 11; n++) users.drop(userId(n));
    // The first invalidation is forgotten, so nobody can say whether this read missed it.
    expect(users.put(id, hit, start, true, hourMs)).toBe(false);
    expect(users.put(id, hit, tier.startRead(), true, hourMs)).toBe(true);
  });

  it('keeps an entry no longer than its time to live', async () => {
    const { clock, tier, users } = open();
    users.put(id, hit, tier.startRead(), true, 1_000);
    await clock.advance(999);
    tier.listener.proved(momentOn(clock));
    expect(users.get(id)).toBe(hit);
    await clock.advance(1);
    expect(users.get(id)).toBeUndefined();
  });
});
