import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { addressLimits } from '../../../adapters/rate-limit/address-limits.ts';
import { Counts } from '../../../adapters/telemetry/counts.ts';
import { observeLimits } from '../../../adapters/telemetry/observed-application.ts';
import type { LimitedRequest, RequestLimits } from '../../../domain/ports/security.ts';
import { Secret } from '../../../domain/secret.ts';
import { brokenSentences } from '../../contracts/contract.ts';
import {
  describeRequestLimits,
  type LimitsUnderTest,
  requestLimitsContract,
} from '../../contracts/request-limits.ts';
import { openRedis } from '../../support/redis-server.ts';
import { ageKeys, openCache } from '../redis/fixture.ts';

const perWindow = { 'log-in': 5, registration: 3 };
const options = { perMinute: perWindow, hmacKey: new Secret<'key'>('a key of the test'), keyPrefix: 'kith:' };
const windowMs = 60_000;

const inMemory = (): LimitsUnderTest => ({
  limits: addressLimits(options),
  perWindow,
  windowMs,
  advance: async (ms) => {
    await vi.advanceTimersByTimeAsync(ms);
  },
});

const overRedis = async (): Promise<LimitsUnderTest & AsyncDisposable> => {
  const server = await openRedis();
  const commandTimeoutMs = 250;
  const connect = () => openCache(server.address, { commandTimeoutMs });
  const stores = [await connect(), await connect()] as const;
  const [limits, another] = stores.map((store) => addressLimits({ ...options, store }));
  if (limits === undefined || another === undefined) throw new Error('no limits');
  return {
    limits,
    another,
    perWindow,
    windowMs,
    advance: (ms) => ageKeys(server, ms),
    outage: { begin: async () => server.hang(), deadlineMs: commandTimeoutMs },
    [Symbol.asyncDispose]: async () => {
      server.resume();
      for (const opened of [...stores, server]) await opened[Symbol.asyncDispose]();
    },
  };
};

describe('in memory', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  describeRequestLimits('addressLimits', inMemory);
  describeRequestLimits('addressLimits, observed,', () => {
    const under = inMemory();
    return { ...under, limits: observeLimits(under.limits, new Counts()) };
  });
});

describe('over Redis', () => {
  describeRequestLimits('addressLimits', overRedis);
});

/** Fixed windows on a clock of their own, in which some of it may be done wrong. */
const windows =
  (wrong: (take: RequestLimits['take']) => RequestLimits['take'], keyOf = ofBoth) =>
  (): LimitsUnderTest => {
    let nowMs = 0;
    const counts = new Map<string, { taken: number; readonly endsAtMs: number }>();
    const take: RequestLimits['take'] = async (request, origin) => {
      const key = keyOf(request, origin);
      const found = counts.get(key);
      const count =
        found !== undefined && found.endsAtMs > nowMs ? found : { taken: 0, endsAtMs: nowMs + windowMs };
      counts.set(key, count);
      return count.taken++ < perWindow[request] ? undefined : count.endsAtMs - nowMs;
    };
    return {
      limits: { take: wrong(take) },
      perWindow,
      windowMs,
      advance: async (ms) => {
        nowMs += ms;
      },
    };
  };
const ofBoth = (request: LimitedRequest, origin: string): string => JSON.stringify([request, origin]);
const right = (take: RequestLimits['take']): RequestLimits['take'] => take;

it('the contract of limits holds for those that the wrong ones are made of', async () => {
  expect(await brokenSentences(requestLimitsContract, windows(right))).toEqual([]);
});

it.each<readonly [what: string, sentence: RegExp, open: () => LimitsUnderTest]>([
  ['are open', /^let an origin through as often/, windows(() => async () => undefined)],
  [
    'tell nothing of the wait',
    /^let an origin through as often/,
    windows(
      (take) =>
        async (...of) =>
          (await take(...of)) === undefined ? undefined : 0,
    ),
  ],
  [
    'never open again',
    /^let it through again/,
    windows((take) => {
      const refused = new Set<string>();
      return async (request, origin) => {
        const waitMs = await take(request, origin);
        if (waitMs !== undefined) refused.add(ofBoth(request, origin));
        return refused.has(ofBoth(request, origin)) ? windowMs : undefined;
      };
    }),
  ],
  [
    'open before they said',
    /^let it through again/,
    windows((take) => async (...of) => {
      const waitMs = await take(...of);
      return waitMs !== undefined && waitMs < windowMs / 2 ? undefined : waitMs;
    }),
  ],
  ['count all origins as one', /^count each origin/, windows(right, (request) => request)],
  [
    'count by the beginning of an origin',
    /^count each origin/,
    windows(right, (request, origin) => request + origin.slice(0, 9)),
  ],
  ['count all kinds as one', /^count each kind/, windows(right, (_, origin) => origin)],
  [
    'look first and count later',
    /^let through no more of many at once/,
    windows((take) => {
      const counted = new Map<string, number>();
      return async (request, origin) => {
        const key = ofBoth(request, origin);
        const isFull = (counted.get(key) ?? 0) >= perWindow[request];
        await Promise.resolve();
        counted.set(key, (counted.get(key) ?? 0) + 1);
        return isFull ? take(request, origin) : undefined;
      };
    }),
  ],
  [
    'throw at what is not well-formed',
    /^never throw/,
    windows((take) => async (request, origin) => {
      encodeURIComponent(origin);
      return take(request, origin);
    }),
  ],
  [
    'are each process’s own, though they are said to be shared',
    /^are one limit for all processes/,
    () => ({ ...windows(right)(), another: windows(right)().limits }),
  ],
  [
    'are open without what they share',
    /^are neither gone nor slow/,
    () => {
      let isAway = false;
      const begin = async (): Promise<void> => {
        isAway = true;
      };
      const outage = { begin, deadlineMs: 100 };
      return {
        ...windows(
          (take) =>
            async (...of) =>
              isAway ? undefined : take(...of),
        )(),
        outage,
      };
    },
  ],
])('the contract refutes limits that %s', async (_what, sentence, open) => {
  const broken = await brokenSentences(requestLimitsContract, open);
  expect(broken).toContainEqual(expect.stringMatching(sentence));
});
