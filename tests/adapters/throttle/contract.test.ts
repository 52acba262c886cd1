import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryDatabase } from '../../../adapters/memory/memory-database.ts';
import { openEmbedded } from '../../../adapters/mikro-orm/embedded.ts';
import { openPostgres } from '../../../adapters/mikro-orm/postgres.ts';
import { KeyedThrottle } from '../../../adapters/throttle/keyed-throttle.ts';
import type { AttemptCounters, Database } from '../../../domain/ports/persistence.ts';
import type { LoginThrottle } from '../../../domain/ports/security.ts';
import { Secret } from '../../../domain/secret.ts';
import { brokenSentences } from '../../contracts/contract.ts';
import {
  describeLoginThrottle,
  loginThrottleContract,
  type ThrottleUnderTest,
} from '../../contracts/login-throttle.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { createTestDatabase } from '../../support/postgres.ts';
import { silentLog, untilReady } from '../mikro-orm/support.ts';

type Attempts = Pick<Database, 'attempts'>;

const throttleKey = new Secret<'key'>('a key of the test');

/** Two processes over the counters of one database, and a third over those of a database that was closed. */
const under = (database: Attempts, closed: Attempts): ThrottleUnderTest => {
  const clock = new ManualClock();
  const over = ({ attempts }: Attempts): LoginThrottle =>
    new KeyedThrottle({ attempts: timedBy(clock, attempts), throttleKey });
  return {
    throttle: over(database),
    another: over(database),
    unreachable: over(closed),
    advance: (ms) => clock.advance(ms),
    setBack: (ms) => clock.jump(-ms),
  };
};

/** Counters with a clock to move in the place of their database's. */
const timedBy = (clock: ManualClock, attempts: AttemptCounters): AttemptCounters => ({
  admit: (counters) => attempts.admit(counters, clock.nowMs()),
  succeeded: (counters) => attempts.succeeded(counters, clock.nowMs()),
  withdraw: (counters) => attempts.withdraw(counters, clock.nowMs()),
});

const describeOver = (name: string, open: () => Promise<Database>): void => {
  describe(`over ${name}`, () => {
    let database: Database;
    let closed: Database;
    beforeAll(async () => {
      database = await open();
      closed = await open();
      await closed[Symbol.asyncDispose]();
    }, 120_000);
    afterAll(() => database[Symbol.asyncDispose]());
    describeLoginThrottle('KeyedThrottle', () => under(database, closed));
  });
};

describeOver('memory', async () => memoryDatabase());
describeOver('PGlite', () => openEmbedded({ dataDir: null }, silentLog));
describeOver('PostgreSQL', async () => {
  const server = await createTestDatabase();
  const database = await openPostgres({ address: server.address }, silentLog);
  await untilReady(database);
  return {
    ...database,
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
});

/** A throttle whose counters do something else than asked, or that asks them for something else. */
const open =
  (
    wrongCounters: (right: AttemptCounters) => Partial<AttemptCounters>,
    wrong: (right: LoginThrottle) => Partial<LoginThrottle>,
  ) =>
  async (): Promise<ThrottleUnderTest> => {
    const { attempts: right } = memoryDatabase();
    const attempts: AttemptCounters = {
      admit: (counters, atMs) => right.admit(counters, atMs),
      succeeded: (counters, atMs) => right.succeeded(counters, atMs),
      withdraw: (counters, atMs) => right.withdraw(counters, atMs),
      ...wrongCounters(right),
    };
    const closed = memoryDatabase();
    await closed[Symbol.asyncDispose]();
    const { throttle, another, ...rest } = under({ attempts }, closed);
    const spoilt = (of: LoginThrottle): LoginThrottle => ({
      admit: (guess) => of.admit(guess),
      succeeded: (guess) => of.succeeded(guess),
      withdraw: (guess) => of.withdraw(guess),
      ...wrong(of),
    });
    return {
      throttle: spoilt(throttle),
      another: spoilt(another),
      ...rest,
      unreachable: spoilt(rest.unreachable),
    };
  };
const none = () => ({});

it('the contract of a throttle holds for the one that the wrong ones are made of', async () => {
  expect(await brokenSentences(loginThrottleContract, open(none, none))).toEqual([]);
});

const variants: readonly (readonly [
  what: string,
  sentence: RegExp,
  wrongCounters: (right: AttemptCounters) => Partial<AttemptCounters>,
  wrong: (right: LoginThrottle) => Partial<LoginThrottle>,
])[] = [
  ['lets everybody in', /^lets five failures/, none, () => ({ admit: async () => undefined })],
  [
    'lets in whom it cannot count',
    /^lets nobody in uncounted/,
    none,
    (right) => ({ admit: (guess) => right.admit(guess).catch(() => undefined) }),
  ],
  [
    'asks and counts in two steps',
    /^lets no more of forty guesses at once/,
    (right) => {
      let asked: Promise<unknown> = Promise.resolve();
      return {
        admit: async (counters, atMs) => {
          const ask = async (): Promise<number | undefined> => {
            const waitMs = await right.admit(counters, atMs);
            if (waitMs === undefined) await right.withdraw(counters, atMs);
            return waitMs;
          };
          const asking = asked.then(ask);
          asked = asking;
          const waitMs = await asking;
          await new Promise((resolve) => setImmediate(resolve));
          if (waitMs === undefined) await right.admit(counters, atMs);
          return waitMs;
        },
      };
    },
    none,
  ],
  [
    'counts by account alone',
    /^delays no other origin/,
    none,
    (right) => ({ admit: ({ names }) => right.admit({ names, origin: 'everywhere' }) }),
  ],
  [
    'counts at the first name alone',
    /^refuses if any of the names does/,
    none,
    (right) => ({ admit: ({ names, origin }) => right.admit({ names: names.slice(0, 1), origin }) }),
  ],
  [
    'counts a name as often as it is given',
    /^refuses if any of the names does/,
    (right) => ({
      admit: async (counters, atMs) => {
        const waitMs = await right.admit(counters, atMs);
        if (waitMs === undefined)
          for (let n = 1; n < counters.length + 1; n++) await right.admit(counters, atMs);
        return waitMs;
      },
    }),
    none,
  ],
  [
    'glues names and origins together',
    /^takes no name and origin for others/,
    none,
    (right) => ({
      admit: ({ names, origin }) => right.admit({ names: names.map((name) => name + origin), origin: '' }),
    }),
  ],
  [
    'makes everybody wait for what a clock was ahead',
    /^delays nobody below the free number/,
    (right) => {
      let latestMs = 0;
      return {
        admit: async (counters, atMs = 0) => {
          if (atMs < latestMs) return latestMs - atMs;
          latestMs = atMs;
          return right.admit(counters, atMs);
        },
      };
    },
    none,
  ],
  [
    'says the same wait anew until the clock is where it was',
    /^makes nobody wait for longer than the delay/,
    (right) => {
      let latestMs = 0;
      return {
        admit: (counters, atMs = 0) => {
          latestMs = Math.max(latestMs, atMs);
          return right.admit(counters, latestMs);
        },
      };
    },
    none,
  ],
  [
    'goes by the clock of whoever asks',
    /^is one count and one clock/,
    (right) => {
      let asked = 0;
      return { admit: (counters, atMs = 0) => right.admit(counters, atMs + 1000 * (asked++ % 2)) };
    },
    none,
  ],
  [
    'forgets nothing',
    /^forgets the failures of who guessed right/,
    none,
    () => ({ succeeded: async () => undefined }),
  ],
  [
    'takes nothing back',
    /^takes back what was not looked at/,
    none,
    () => ({ withdraw: async () => undefined }),
  ],
];

it.each(variants)(
  'the contract refutes a throttle that %s',
  async (_what, sentence, wrongCounters, wrong) => {
    const broken = await brokenSentences(loginThrottleContract, open(wrongCounters, wrong));
    expect(broken).toContainEqual(expect.stringMatching(sentence));
  },
);
