import fc from 'fast-check';
import { expect } from 'vitest';
import type { LimitedRequest, RequestLimits } from '../../domain/ports/security.ts';
import { type Contract, describeContract, type Open } from './contract.ts';

/** Limits to be tested, and how they are set. */
export type LimitsUnderTest = {
  readonly limits: RequestLimits;
  /** How many requests of each kind one origin may make in a window. */
  readonly perWindow: Readonly<Record<LimitedRequest, number>>;
  readonly windowMs: number;
  /** Lets time pass, for clocks and time limits alike, without waiting for it. */
  advance(ms: number): Promise<void>;
  /** The same limits as another process has them, where they are shared. */
  readonly another?: RequestLimits;
  /** Takes away what the processes share, and the longest that a request may wait for it, in milliseconds. */
  readonly outage?: { begin(): Promise<void>; readonly deadlineMs: number };
};

const kinds: readonly LimitedRequest[] = ['log-in', 'registration'];

let origins = 0;
/** An address that nobody came from before. */
const anyOrigin = (): string => `2001:db8:${(++origins).toString(16)}::/64`;

const takeAll = async (
  limits: RequestLimits,
  { perWindow }: LimitsUnderTest,
  request: LimitedRequest,
  origin: string,
): Promise<void> => {
  for (let n = 0; n < perWindow[request]; n++) expect(await limits.take(request, origin)).toBeUndefined();
};

export const requestLimitsContract: Contract<LimitsUnderTest> = [
  [
    'let an origin through as often as they say, and then tell how long to wait',
    async (under) => {
      for (const request of kinds) {
        const origin = anyOrigin();
        await takeAll(under.limits, under, request, origin);
        for (let n = 0; n < 3; n++) {
          const waitMs = await under.limits.take(request, origin);
          expect(waitMs).toBeGreaterThan(0);
          expect(waitMs).toBeLessThanOrEqual(under.windowMs);
        }
      }
    },
  ],
  [
    'let it through again when it has waited, as often as before, and not sooner',
    async (under) => {
      const { limits, advance } = under;
      const origin = anyOrigin();
      await takeAll(limits, under, 'log-in', origin);
      const waitMs = (await limits.take('log-in', origin)) ?? 0;
      // What real time may pass meanwhile is not in the wait.
      expect(waitMs).toBeGreaterThan(2000);
      await advance(waitMs - 1000);
      expect(await limits.take('log-in', origin)).toBeGreaterThan(0);
      await advance(1000);
      await takeAll(limits, under, 'log-in', origin);
      expect(await limits.take('log-in', origin)).toBeGreaterThan(0);
    },
  ],
  [
    'count each origin by itself',
    async (under) => {
      await takeAll(under.limits, under, 'log-in', '192.0.2.1');
      for (const other of ['192.0.2.10', '192.0.2.2', '', ' 192.0.2.1', '192.0.2.1:80'])
        expect(await under.limits.take('log-in', other)).toBeUndefined();
    },
  ],
  [
    'count each kind of request by itself',
    async (under) => {
      const origin = anyOrigin();
      for (const request of kinds) await takeAll(under.limits, under, request, origin);
      for (const request of kinds) expect(await under.limits.take(request, origin)).toBeGreaterThan(0);
    },
  ],
  [
    'let through no more of many at once than of many one after the other',
    async ({ limits, another = limits, perWindow }) => {
      const origin = anyOrigin();
      const taken = Array.from({ length: perWindow['log-in'] + 40 }, (_, n) =>
        (n % 2 === 0 ? limits : another).take('log-in', origin),
      );
      const passed = (await Promise.all(taken)).filter((waitMs) => waitMs === undefined);
      expect(passed).toHaveLength(perWindow['log-in']);
    },
  ],
  [
    'are one limit for all processes, where they are shared',
    async (under) => {
      if (under.another === undefined) return;
      const origin = anyOrigin();
      await takeAll(under.another, under, 'log-in', origin);
      expect(await under.limits.take('log-in', origin)).toBeGreaterThan(0);
    },
  ],
  [
    'never throw, whatever the origin is',
    async ({ limits }) => {
      const take = async (origin: string): Promise<void> => {
        const waitMs = await limits.take('log-in', origin);
        expect(waitMs === undefined || waitMs > 0).toBe(true);
      };
      for (const origin of ['', '\0', '\ud800', '__proto__', 'x'.repeat(100_000)]) await take(origin);
      await fc.assert(fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 200 }), take), { numRuns: 50 });
    },
  ],
  [
    'are neither gone nor slow when what the processes share is away: each counts by itself',
    async (under) => {
      const { limits, outage, perWindow } = under;
      if (outage === undefined) return;
      await limits.take('log-in', anyOrigin());
      await outage.begin();
      const origin = anyOrigin();
      const startMs = performance.now();
      const waits: (number | undefined)[] = [];
      for (let n = 0; n < perWindow['log-in'] + 3; n++) waits.push(await limits.take('log-in', origin));
      expect(performance.now() - startMs).toBeLessThan(outage.deadlineMs * waits.length);
      expect(waits.filter((waitMs) => waitMs === undefined)).toHaveLength(perWindow['log-in']);
      expect(waits.at(-1)).toBeGreaterThan(0);
    },
  ],
];

/** What RequestLimits promises, for any adapter of it. */
export const describeRequestLimits = (name: string, open: Open<LimitsUnderTest>): void =>
  describeContract(`${name} as request limits`, requestLimitsContract, open);
