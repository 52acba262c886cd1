import { createHash, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { attemptLimits, type Counters, counterKey, delayMs } from '../../domain/attempts.ts';
import { Overloaded } from '../../domain/faults.ts';
import type { Database } from '../../domain/ports/persistence.ts';

const { freeOfOrigin, freeOfAccount, firstDelayMs, maxDelayMs, forgottenAfterMs, familiarForMs } =
  attemptLimits;

const startMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

/** The counters of one name; each test has names of its own. */
const nameless = () => {
  const name = randomUUID();
  return (origin: number | string): Counters => ({
    account: key(`account ${name}`),
    origin: key(`origin ${name} ${origin}`),
  });
};

const key = (text: string) => counterKey(createHash('sha256').update(text).digest('base64url'));

/** The counting of failed guesses, under the rules of domain/attempts.ts. */
export const attemptsContract = (database: () => Database): void => {
  const admit = (counters: readonly Counters[], nowMs = startMs) =>
    database().attempts.admit(counters, nowMs);
  /** Fails as often as it is let, in the same millisecond. */
  const fail = async (counters: Counters, times: number, nowMs = startMs): Promise<void> => {
    for (let n = 0; n < times; n++) await admit([counters], nowMs);
  };

  describe('attempts', () => {
    it('lets five failures of an origin pass, then refuses for longer each time, up to a quarter of an hour', async () => {
      const from = nameless();
      let nowMs = startMs;
      for (let n = 1; n < freeOfOrigin; n++) expect(await admit([from(1)], nowMs)).toBeUndefined();
      const delays: number[] = [];
      for (let failures = freeOfOrigin; failures < freeOfOrigin + 10; failures++) {
        expect(await admit([from(1)], nowMs)).toBeUndefined();
        const delay = delayMs(failures, freeOfOrigin);
        expect(await admit([from(1)], nowMs)).toBe(delay);
        expect(await admit([from(1)], nowMs + delay - 1)).toBe(1);
        delays.push(delay);
        nowMs += delay;
      }
      expect(delays.slice(0, 3)).toEqual([firstDelayMs, 2 * firstDelayMs, 4 * firstDelayMs]);
      expect(delays.slice(-2)).toEqual([maxDelayMs, maxDelayMs]);
    });

    it('does not count what it refuses', async () => {
      const from = nameless();
      await fail(from(1), freeOfOrigin);
      for (let n = 0; n < 20; n++) expect(await admit([from(1)])).toBe(firstDelayMs);
      expect(await admit([from(1)], startMs + firstDelayMs)).toBeUndefined();
    });

    it('lets exactly five of forty simultaneous guesses pass', async () => {
      const from = nameless();
      const guesses = Array.from({ length: 40 }, () => admit([from(1)]).catch(turnedAway));
      const outcomes = await Promise.all(guesses);
      expect(outcomes.filter((wait) => wait === undefined)).toHaveLength(freeOfOrigin);
      for (const wait of outcomes) expect([undefined, firstDelayMs, 'turned away']).toContain(wait);
    });

    it('lets nobody wait below the free number, however far ahead the last failure is', async () => {
      const from = nameless();
      // Another clock, or this one before it was set back: by a millisecond, some seconds, minutes, a year.
      for (const aheadMs of [1, 2_000, 300_000, 31_536_000_000].slice(0, freeOfOrigin - 1))
        expect(await admit([from(1)], startMs + aheadMs)).toBeUndefined();
      expect(await admit([from(1)])).toBeUndefined();
    });

    it('lets nobody wait for longer than the delay: a last failure in the future is one of now', async () => {
      const from = nameless();
      const aheadMs = 300_000;
      await fail(from(1), freeOfOrigin, startMs + aheadMs);
      expect(await admit([from(1)])).toBe(firstDelayMs);
      // And from now on, although the clock is still where it was set back to.
      expect(await admit([from(1)], startMs + 1_000)).toBe(firstDelayMs - 1_000);
      expect(await admit([from(1)], startMs + firstDelayMs)).toBeUndefined();
      expect(await admit([from(1)], startMs + firstDelayMs)).toBe(2 * firstDelayMs);
    });

    it('lets no stranger wait for longer than the delay of the account either', async () => {
      const from = nameless();
      const aheadMs = 300_000;
      for (let n = 0; n < freeOfAccount; n++)
        expect(await admit([from(n)], n % 2 === 0 ? startMs + aheadMs : startMs)).toBeUndefined();
      const aheads = nameless();
      for (let n = 0; n < freeOfAccount; n++)
        expect(await admit([aheads(n)], startMs + aheadMs)).toBeUndefined();
      expect(await admit([aheads('another')])).toBe(firstDelayMs);
      expect(await admit([aheads('another')], startMs + firstDelayMs)).toBeUndefined();
    });

    it('goes by a clock of its own unless it is told another', async () => {
      const from = nameless();
      for (let n = 0; n < freeOfOrigin; n++)
        expect(await database().attempts.admit([from(1)])).toBeUndefined();
      const waitMs = await database().attempts.admit([from(1)]);
      expect(waitMs).toBeGreaterThan(firstDelayMs / 2);
      expect(waitMs).toBeLessThanOrEqual(firstDelayMs);
      await database().attempts.withdraw([from(1)]);
      expect(await database().attempts.admit([from(1)])).toBeUndefined();
      await database().attempts.succeeded([from(1)]);
      expect(await database().attempts.admit([from(1)])).toBeUndefined();
    });

    it('delays no other origin and no other account', async () => {
      const [from, other] = [nameless(), nameless()];
      await fail(from('stranger'), 20);
      expect(await admit([from('stranger')])).toBeGreaterThan(0);
      expect(await admit([from('owner')])).toBeUndefined();
      expect(await admit([other('stranger')])).toBeUndefined();
    });

    it('forgets an origin’s failures at its success', async () => {
      const from = nameless();
      await fail(from(1), freeOfOrigin - 1);
      await database().attempts.succeeded([from(1)], startMs);
      for (let n = 0; n < freeOfOrigin; n++) expect(await admit([from(1)])).toBeUndefined();
      expect(await admit([from(1)])).toBe(firstDelayMs);
    });

    it('forgets them a day after the last', async () => {
      const from = nameless();
      await fail(from(1), freeOfOrigin);
      const laterMs = startMs + forgottenAfterMs + 1;
      for (let n = 0; n < freeOfOrigin; n++) expect(await admit([from(1)], laterMs)).toBeUndefined();
      expect(await admit([from(1)], laterMs)).toBe(firstDelayMs);
    });

    it('takes a guess back that was not looked at', async () => {
      const from = nameless();
      await fail(from(1), freeOfOrigin);
      await database().attempts.withdraw([from(1)], startMs);
      expect(await admit([from(1)])).toBeUndefined();
      expect(await admit([from(1)])).toBe(firstDelayMs);
      await database().attempts.withdraw([nameless()(1)], startMs);
    });

    it('slows an account’s strangers down when they are many, and no origin that logged in before', async () => {
      const from = nameless();
      await database().attempts.succeeded([from('home')], startMs);
      for (let n = 0; n < freeOfAccount; n++) expect(await admit([from(n)])).toBeUndefined();
      expect(await admit([from('another')])).toBe(firstDelayMs);
      expect(await admit([from(0)])).toBe(firstDelayMs);

      // The owner mistypes, and gets in.
      for (let n = 1; n < freeOfOrigin; n++) expect(await admit([from('home')])).toBeUndefined();
      await database().attempts.succeeded([from('home')], startMs);
      // That is no reason to go easy on the strangers, nor are the owner's mistakes one to be harder.
      expect(await admit([from('another')])).toBe(firstDelayMs);
      expect(await admit([from('another')], startMs + firstDelayMs)).toBeUndefined();
      expect(await admit([from('one more')], startMs + firstDelayMs)).toBe(2 * firstDelayMs);
    });

    it('forgets that an origin is familiar after 90 days', async () => {
      const from = nameless();
      await database().attempts.succeeded([from('home')], startMs);
      const lastMs = startMs + familiarForMs - 1;
      for (let n = 0; n < freeOfAccount; n++) await admit([from(n)], lastMs);
      expect(await admit([from('home')], lastMs)).toBeUndefined();
      expect(await admit([from('home')], lastMs + 1)).toBeGreaterThan(0);
    });

    it('takes a new origin’s failures out of the account’s count when it turns out to be the owner', async () => {
      const from = nameless();
      for (let place = 0; place < 2 * freeOfAccount; place++) {
        await admit([from(place)]);
        await admit([from(place)]);
        await database().attempts.succeeded([from(place)], startMs);
      }
      expect(await admit([from('another')])).toBeUndefined();
    });

    it('counts at several names at once, and refuses if any of them does', async () => {
      const names = [nameless(), nameless(), nameless()];
      const [first] = names.map((from) => from(1));
      if (first === undefined) throw new Error('no names');
      await fail(first, freeOfOrigin - 1);
      const all = names.map((from) => from(1));
      expect(await admit(all)).toBeUndefined();
      expect(await admit(all)).toBe(firstDelayMs);
      await database().attempts.succeeded(all, startMs);
      expect(await admit(all)).toBeUndefined();
      expect(await admit([])).toBeUndefined();
    });

    it('does not run into itself when many origins guess at, and log in to, one account with several names', async () => {
      for (let round = 0; round < 20; round++) await rush(database());
    }, 60_000);
  });
};

/** Guesses and log-ins of 30 origins at once, at one account with three names, which come in different orders. */
export const rush = async ({ attempts }: Pick<Database, 'attempts'>): Promise<void> => {
  const names = [nameless(), nameless(), nameless()];
  const work = Array.from({ length: 30 }, async (_, origin) => {
    const counters = names.map((from) => from(origin));
    if (origin % 2 === 0) counters.reverse();
    await attempts.admit(counters, startMs);
    if (origin % 3 === 0) await attempts.succeeded(counters, startMs);
    if (origin % 3 === 1) await attempts.withdraw(counters, startMs);
  });
  await Promise.all(work.map((one) => one.catch(turnedAway)));
};

/** On a machine that is slow enough, the bounded queue turns some away: that is not what these are about. */
const turnedAway = (error: unknown): 'turned away' => {
  expect(error).toBeInstanceOf(Overloaded);
  return 'turned away';
};
