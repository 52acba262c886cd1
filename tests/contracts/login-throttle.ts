import { expect } from 'vitest';
import { attemptLimits, delayMs } from '../../domain/attempts.ts';
import { DatabaseUnavailable, Overloaded } from '../../domain/faults.ts';
import type { Guess, LoginThrottle } from '../../domain/ports/security.ts';
import { type Contract, describeContract, type Open } from './contract.ts';

/** A throttle to be tested, and its time. Its counts may be shared by all tests: each uses names of its own. */
export type ThrottleUnderTest = {
  readonly throttle: LoginThrottle;
  /**
   * The same counts as another process has them. Where your throttle reads the clock of its process, let this one's be
   * wrong by some seconds: the contract then shows that it does not matter.
   */
  readonly another: LoginThrottle;
  /** One whose counters cannot be reached. */
  readonly unreachable: LoginThrottle;
  /** Lets time pass on the clock that they share. */
  advance(ms: number): Promise<void>;
  /** Sets that clock back, as NTP or an operator may. */
  setBack(ms: number): void;
};

const { freeOfOrigin, freeOfAccount, firstDelayMs } = attemptLimits;
const minuteMs = 60_000;

/** Guesses at an account that nobody else guesses at. */
const anybody = (): ((origin: string | number, ...names: readonly string[]) => Guess) => {
  const name = crypto.randomUUID();
  return (origin, ...names) => ({ names: [name, ...names], origin: `${origin}` });
};

const fail = async (throttle: LoginThrottle, guess: Guess, times: number): Promise<void> => {
  for (let n = 0; n < times; n++) await throttle.admit(guess);
};

export const loginThrottleContract: Contract<ThrottleUnderTest> = [
  [
    'lets five failures of an origin pass, and then one after each wait, which doubles',
    async ({ throttle, advance }) => {
      const from = anybody();
      for (let n = 1; n <= freeOfOrigin; n++) expect(await throttle.admit(from(1))).toBeUndefined();
      for (let failures = freeOfOrigin; failures < freeOfOrigin + 4; failures++) {
        const waitMs = delayMs(failures, freeOfOrigin);
        expect(await throttle.admit(from(1))).toBe(waitMs);
        await advance(waitMs - 1);
        expect(await throttle.admit(from(1))).toBe(1);
        await advance(1);
        expect(await throttle.admit(from(1))).toBeUndefined();
      }
    },
  ],
  [
    'counts no guess that it refuses',
    async ({ throttle, advance }) => {
      const from = anybody();
      await fail(throttle, from(1), freeOfOrigin + 20);
      expect(await throttle.admit(from(1))).toBe(firstDelayMs);
      await advance(firstDelayMs);
      expect(await throttle.admit(from(1))).toBeUndefined();
    },
  ],
  [
    'lets no more of forty guesses at once pass than of forty one after the other',
    async ({ throttle, another }) => {
      const from = anybody();
      const guesses = Array.from({ length: 40 }, (_, n) =>
        (n % 2 === 0 ? throttle : another).admit(from(1)).catch(turnedAway),
      );
      const outcomes = await Promise.all(guesses);
      expect(outcomes.filter((waitMs) => waitMs === undefined)).toHaveLength(freeOfOrigin);
    },
  ],
  [
    'is one count and one clock for all processes',
    async ({ throttle, another }) => {
      const from = anybody();
      for (let n = 0; n < freeOfOrigin; n++)
        expect(await (n % 2 === 0 ? another : throttle).admit(from(1))).toBeUndefined();
      expect(await another.admit(from(1))).toBe(firstDelayMs);
      expect(await throttle.admit(from(1))).toBe(firstDelayMs);
      await another.succeeded(from(1));
      expect(await throttle.admit(from(1))).toBeUndefined();
    },
  ],
  [
    'delays nobody below the free number, wherever the clock was set',
    async ({ throttle, setBack }) => {
      const from = anybody();
      for (let n = 0; n < freeOfOrigin; n++) {
        expect(await throttle.admit(from(1))).toBeUndefined();
        setBack(n % 2 === 0 ? 1 : minuteMs);
      }
      await throttle.succeeded(from(1));
      setBack(minuteMs);
      expect(await throttle.admit(from(1))).toBeUndefined();
    },
  ],
  [
    'makes nobody wait for longer than the delay, wherever the clock was set',
    async ({ throttle, advance, setBack }) => {
      const from = anybody();
      await fail(throttle, from(1), freeOfOrigin);
      setBack(5 * minuteMs);
      expect(await throttle.admit(from(1))).toBe(firstDelayMs);
      await advance(firstDelayMs - 1);
      expect(await throttle.admit(from(1))).toBe(1);
      await advance(1);
      expect(await throttle.admit(from(1))).toBeUndefined();
      expect(await throttle.admit(from(1))).toBe(2 * firstDelayMs);
    },
  ],
  [
    'delays no other origin, and no other account',
    async ({ throttle }) => {
      const [from, other] = [anybody(), anybody()];
      await fail(throttle, from('stranger'), freeOfOrigin + 1);
      expect(await throttle.admit(from('owner'))).toBeUndefined();
      expect(await throttle.admit(other('stranger'))).toBeUndefined();
      expect(await throttle.admit(from('stranger'))).toBeGreaterThan(0);
    },
  ],
  [
    'refuses if any of the names does, and counts at each of the others once',
    async ({ throttle }) => {
      const [from, second] = [anybody(), crypto.randomUUID()];
      await fail(throttle, { names: [second], origin: '1' }, freeOfOrigin);
      expect(await throttle.admit(from(1, second))).toBe(firstDelayMs);
      await fail(throttle, from(1, ...from(1).names), freeOfOrigin - 2);
      expect(await throttle.admit(from(1))).toBeUndefined();
      expect(await throttle.admit(from(1))).toBe(firstDelayMs);
    },
  ],
  [
    'takes no name and origin for others, wherever one ends and the other begins',
    async ({ throttle }) => {
      const name = crypto.randomUUID();
      const cuts = ['', 'x', ' x', '"x', '\0x', ',x', ':x', `","x`].map((origin) => ({
        names: [name],
        origin,
      }));
      for (const guess of cuts) await fail(throttle, guess, freeOfOrigin);
      for (const end of ['x', ' x', '"x', '\0x', ',x', ':x', `","x`])
        expect(await throttle.admit({ names: [`${name}${end}`], origin: '' })).toBeUndefined();
    },
  ],
  [
    'forgets the failures of who guessed right, and does not count him among strangers',
    async ({ throttle }) => {
      const from = anybody();
      await fail(throttle, from('home'), freeOfOrigin - 1);
      await throttle.succeeded(from('home'));
      for (let n = 0; n < freeOfAccount; n++) expect(await throttle.admit(from(n))).toBeUndefined();
      expect(await throttle.admit(from('one more'))).toBe(firstDelayMs);
      for (let n = 0; n < freeOfOrigin; n++) expect(await throttle.admit(from('home'))).toBeUndefined();
      expect(await throttle.admit(from('home'))).toBe(firstDelayMs);
    },
  ],
  [
    'takes back what was not looked at',
    async ({ throttle }) => {
      const from = anybody();
      await fail(throttle, from(1), freeOfOrigin);
      await throttle.withdraw(from(1));
      expect(await throttle.admit(from(1))).toBeUndefined();
      expect(await throttle.admit(from(1))).toBe(firstDelayMs);
      await throttle.withdraw(anybody()(1));
    },
  ],
  [
    'takes any names and origins: long, empty, none, not well-formed',
    async ({ throttle }) => {
      const odd = ['', '\0', '\ud800', "'; --", 'x'.repeat(100_000), '\u{1F986}'];
      for (const origin of odd) {
        const guess: Guess = { names: odd.map((text) => `${crypto.randomUUID()}${text}`), origin };
        expect(await throttle.admit(guess)).toBeUndefined();
        await throttle.succeeded(guess);
        await throttle.withdraw(guess);
      }
      expect(await throttle.admit({ names: [], origin: '1' })).toBeUndefined();
    },
  ],
  [
    'lets nobody in uncounted: without its counters it throws DatabaseUnavailable',
    async ({ unreachable }) => {
      const from = anybody();
      await expect(unreachable.admit(from(1))).rejects.toThrow(DatabaseUnavailable);
      await expect(unreachable.succeeded(from(1))).rejects.toThrow(DatabaseUnavailable);
      await expect(unreachable.withdraw(from(1))).rejects.toThrow(DatabaseUnavailable);
    },
  ],
];

/** What LoginThrottle promises, for any adapter of it. */
export const describeLoginThrottle = (name: string, open: Open<ThrottleUnderTest>): void =>
  describeContract(`${name} as a log-in throttle`, loginThrottleContract, open);

/** On a machine that is slow enough, a bounded queue turns some away: that is not what these are about. */
const turnedAway = (error: unknown): 'turned away' => {
  expect(error).toBeInstanceOf(Overloaded);
  return 'turned away';
};
