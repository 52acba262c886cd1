import { expect } from 'vitest';
import { parseUserId } from '../../domain/identifiers.ts';
import type { Clock, Ids, Log, LogFields, Timer } from '../../domain/ports/runtime.ts';
import { type Contract, describeContract, type Open } from './contract.ts';

/** A clock to be tested. It may be the machine's, faked by vitest. */
export type ClockUnderTest = {
  readonly clock: Clock;
  /** Lets time pass. */
  advance(ms: number): Promise<void> | void;
  /** Steps the wall clock alone, as an operator may; left out where it cannot be. */
  jump?(ms: number): void;
};

/** What real time may pass between two readings. */
const slackMs = 1000;

export const clockContract: Contract<ClockUnderTest> = [
  [
    'tells the time in milliseconds since 1970',
    ({ clock }) => {
      const year = new Date(clock.nowMs()).getUTCFullYear();
      expect(year).toBeGreaterThan(2020);
      expect(year).toBeLessThan(2100);
      expect(Number.isFinite(clock.monotonicMs())).toBe(true);
    },
  ],
  [
    'never goes back on its monotonic side',
    async ({ clock, advance }) => {
      let lastMs = clock.monotonicMs();
      for (const ms of [0, 1, 0, 1000, 0]) {
        await advance(ms);
        const nowMs = clock.monotonicMs();
        expect(nowMs).toBeGreaterThanOrEqual(lastMs);
        lastMs = nowMs;
      }
    },
  ],
  [
    'tells of the same time passing on both sides',
    async ({ clock, advance }) => {
      const [wallMs, monotonicMs] = [clock.nowMs(), clock.monotonicMs()];
      await advance(100_000);
      for (const passedMs of [clock.nowMs() - wallMs, clock.monotonicMs() - monotonicMs]) {
        expect(passedMs).toBeGreaterThanOrEqual(100_000 - 1);
        expect(passedMs).toBeLessThan(100_000 + slackMs);
      }
    },
  ],
  [
    'jumps on its wall side alone',
    ({ clock, jump }) => {
      if (jump === undefined) return;
      for (const ms of [-3_600_000, 7_200_000]) {
        const [wallMs, monotonicMs] = [clock.nowMs(), clock.monotonicMs()];
        jump(ms);
        expect(Math.abs(clock.nowMs() - wallMs - ms)).toBeLessThan(slackMs);
        expect(Math.abs(clock.monotonicMs() - monotonicMs)).toBeLessThan(slackMs);
      }
    },
  ],
];

/** What Clock promises, for any adapter of it. */
export const describeClock = (name: string, open: Open<ClockUnderTest>): void =>
  describeContract(`${name} as a clock`, clockContract, open);

/** A timer to be tested. */
export type TimerUnderTest = {
  readonly timer: Timer;
  /** Lets time pass, wakes who is due meanwhile, each at his time, and lets the promises run that this settles. */
  advance(ms: number): Promise<void>;
};

export const timerContract: Contract<TimerUnderTest> = [
  [
    'wakes a sleeper at its time and not before',
    async ({ timer, advance }) => {
      let isAwake = false;
      const sleeping = timer.sleep(50).then(() => {
        isAwake = true;
      });
      await advance(49);
      expect(isAwake).toBe(false);
      await advance(1);
      expect(isAwake).toBe(true);
      await sleeping;
    },
  ],
  [
    'wakes several in the order of their times, whatever the order of going to sleep',
    async ({ timer, advance }) => {
      const woken: number[] = [];
      const sleeping = [30, 10, 20].map((ms) => timer.sleep(ms).then(() => woken.push(ms)));
      await advance(30);
      await Promise.all(sleeping);
      expect(woken).toEqual([10, 20, 30]);
    },
  ],
  [
    'lets a sleeper go to sleep again from the time at which it woke',
    async ({ timer, advance }) => {
      let isAwake = false;
      void timer
        .sleep(10)
        .then(() => timer.sleep(10))
        .then(() => {
          isAwake = true;
        });
      await advance(19);
      expect(isAwake).toBe(false);
      await advance(1);
      expect(isAwake).toBe(true);
    },
  ],
  [
    'repeats work, first after one period, until it is disposed, also twice',
    async ({ timer, advance }) => {
      let count = 0;
      const repeating = timer.every(10, async () => void count++);
      await advance(9);
      expect(count).toBe(0);
      await advance(21);
      expect(count).toBe(3);
      repeating[Symbol.dispose]();
      repeating[Symbol.dispose]();
      await advance(100);
      expect(count).toBe(3);
    },
  ],
  [
    'never has work under way twice, and goes on when it has ended',
    async ({ timer, advance }) => {
      const ends: (() => void)[] = [];
      const repeating = timer.every(10, () => new Promise((resolve) => ends.push(resolve)));
      await advance(100);
      expect(ends).toHaveLength(1);
      ends[0]?.();
      await advance(10);
      expect(ends).toHaveLength(2);
      repeating[Symbol.dispose]();
      ends[1]?.();
      await advance(100);
      expect(ends).toHaveLength(2);
    },
  ],
  [
    'repeats several things, each by itself',
    async ({ timer, advance }) => {
      const counts = [0, 0];
      const repeating = [10, 25].map((ms, index) =>
        timer.every(ms, async () => {
          counts[index] = (counts[index] ?? 0) + 1;
        }),
      );
      await advance(50);
      expect(counts).toEqual([5, 2]);
      repeating[0]?.[Symbol.dispose]();
      await advance(50);
      expect(counts).toEqual([5, 4]);
      repeating[1]?.[Symbol.dispose]();
    },
  ],
];

/** What Timer promises, for any adapter of it. */
export const describeTimer = (name: string, open: Open<TimerUnderTest>): void =>
  describeContract(`${name} as a timer`, timerContract, open);

/** Ids to be tested. */
export type IdsUnderTest = {
  readonly ids: Ids;
  /** Whether they are made up for a test, so that a run can be repeated. Nobody else may be able to guess them. */
  readonly arePredictable?: boolean;
};

const sampleSize = 2000;

/** The milliseconds since 1970 that a UUIDv7 begins with. */
const timeIn = (uuid: string): number => Number.parseInt(uuid.replace('-', '').slice(0, 12), 16);

export const idsContract: Contract<IdsUnderTest> = [
  [
    'are UUIDs of version 7, of which none comes twice',
    ({ ids }) => {
      const made = Array.from({ length: sampleSize }, () => ids.uuid());
      for (const uuid of made) {
        expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(parseUserId(uuid).ok).toBe(true);
      }
      expect(new Set(made).size).toBe(sampleSize);
    },
  ],
  [
    'are UUIDs in the order of their making',
    ({ ids, arePredictable = false }) => {
      const startMs = Date.now();
      const made = Array.from({ length: sampleSize }, () => ids.uuid());
      expect([...made].sort()).toEqual(made);
      if (arePredictable) return;
      for (const uuid of made) {
        expect(timeIn(uuid)).toBeGreaterThanOrEqual(startMs - slackMs);
        expect(timeIn(uuid)).toBeLessThanOrEqual(Date.now() + slackMs);
      }
    },
  ],
  [
    'are tokens of which none comes twice, and which may stand in a key or a message',
    ({ ids }) => {
      const made = Array.from({ length: sampleSize }, () => ids.token());
      expect(new Set(made).size).toBe(sampleSize);
      for (const token of made) expect(token).toMatch(/^[\w-]{1,64}$/);
    },
  ],
  [
    'are tokens of at least 96 bits that nobody guesses, no part of them more easily than another',
    ({ ids, arePredictable = false }) => {
      if (arePredictable) return;
      const made = Array.from({ length: sampleSize }, () => ids.token());
      // By how many characters there are at each place: what stands still or counts has few.
      const places = Math.min(...made.map((token) => token.length));
      let bits = 0;
      for (let place = 0; place < places; place++)
        bits += Math.log2(new Set(made.map((token) => token[place])).size);
      expect(bits).toBeGreaterThanOrEqual(96);
      // Whoever saw some knows nothing of the next: half of the places change from each to the next, and more.
      for (const [n, token] of made.slice(1).entries()) {
        const changed = [...token].filter((character, place) => character !== made[n]?.[place]);
        expect(changed.length).toBeGreaterThan(places / 2);
      }
    },
  ],
];

/** What Ids promises, for any adapter of it. */
export const describeIds = (name: string, open: Open<IdsUnderTest>): void =>
  describeContract(`${name} as ids`, idsContract, open);

/** A log to be tested, and what came of it. */
export type LogUnderTest = {
  readonly log: Log;
  /** What was written so far, in order; without the level where it is not kept. */
  written(): readonly {
    readonly level?: string | undefined;
    readonly event: string;
    readonly fields: LogFields;
  }[];
};

const levels = ['info', 'warn', 'error'] as const;

export const logContract: Contract<LogUnderTest> = [
  [
    'writes one line an event, in order, with its fields',
    ({ log, written }) => {
      const fields: LogFields = { text: 'a', number: -1.5, isTrue: true, nothing: null };
      for (const level of levels) log[level](`of-${level}`, { ...fields, of: level });
      expect(written().map(({ event }) => event)).toEqual(levels.map((level) => `of-${level}`));
      for (const [index, level] of levels.entries()) {
        expect(written()[index]?.fields).toMatchObject({ ...fields, of: level });
        expect([undefined, level]).toContain(written()[index]?.level);
      }
    },
  ],
  [
    'takes an event without fields',
    ({ log, written }) => {
      for (const level of levels) log[level]('bare');
      expect(written().map(({ event }) => event)).toEqual(['bare', 'bare', 'bare']);
    },
  ],
  [
    'writes one line also of what has many, or looks like one of its own',
    ({ log, written }) => {
      log.info('one', {
        text: 'two\nthree\r\n{"level":"error","event":"forged"}',
        level: 'error',
        event: 'forged',
      });
      log.info('two\nthree');
      expect(written()).toHaveLength(2);
      expect(written()[0]).toMatchObject({
        event: 'one',
        fields: { text: expect.stringContaining('two\n') },
      });
    },
  ],
  [
    'never throws, whatever stands in a field',
    ({ log, written }) => {
      const odd = ['', '\0', '\ud800', 'x'.repeat(1_000_000), Number.NaN, Number.POSITIVE_INFINITY];
      for (const value of odd) log.warn('odd', { value, __proto__: null, [`${value}`.slice(0, 10)]: value });
      expect(written().length).toBeGreaterThan(0);
    },
  ],
  [
    'changes nothing of what it is given, and is not changed by what becomes of it',
    ({ log, written }) => {
      const fields = { count: 1 };
      log.info('counted', Object.freeze({ ...fields }));
      log.info('counting', fields);
      fields.count = 2;
      expect(written()[1]?.fields).toMatchObject({ count: 1 });
    },
  ],
];

/** What Log promises, for any adapter of it. */
export const describeLog = (name: string, open: Open<LogUnderTest>): void =>
  describeContract(`${name} as a log`, logContract, open);
