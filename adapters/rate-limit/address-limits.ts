import { createHmac } from 'node:crypto';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { LimitedRequest, RequestLimits } from '../../domain/ports/security.ts';
import { Secret } from '../../domain/secret.ts';

/** A Redis that runs a script on one key within a deadline of its own; rejects, and soon, when it cannot. */
export type ScriptStore = {
  evaluate(lua: string, key: string, args: readonly string[]): Promise<unknown>;
};

export type AddressLimitsOptions = {
  /** Per origin and minute; 0 for no limit. */
  readonly perMinute: Readonly<Record<LimitedRequest, number>>;
  /** Names origins in Redis and in memory, so that no address is in a dump of either. */
  readonly hmacKey: Secret<string>;
  readonly keyPrefix: string;
  /** Shared by all instances; without one each counts by itself. */
  readonly store?: ScriptStore | undefined;
};

const windowSeconds = 60;
/** In hexadecimal digits: 128 and 16 bits. */
const [digestLength, sharedDigestLength] = [32, 4];
/** What somebody is told to wait whose request could not be counted: if counting fails, nobody is let in. */
const uncountedWaitMs = 1000;

/**
 * Fixed windows of a minute that begin with an origin's first request. While Redis does not answer, each process counts
 * by itself (`insuranceLimiter`): a limit is then as many times as high as there are instances, and never gone.
 */
export const addressLimits = (options: AddressLimitsOptions): RequestLimits => {
  const limiters = new Map(
    Object.entries(options.perMinute)
      .filter(([, points]) => points > 0)
      .map(([request, points]) => [request, limiterOf(request, points, options)]),
  );
  return {
    async take(request, origin) {
      try {
        await limiters.get(request)?.consume(origin);
        return undefined;
      } catch (refusal) {
        return refusal instanceof RateLimiterRes ? Math.max(1, refusal.msBeforeNext) : uncountedWaitMs;
      }
    },
  };
};

const limiterOf = (
  request: string,
  points: number,
  { hmacKey, keyPrefix, store }: AddressLimitsOptions,
): { consume(origin: string): Promise<unknown> } => {
  const limits = { points, duration: windowSeconds };
  const digest = (origin: string) =>
    createHmac('sha256', Secret.reveal(hmacKey)).update(origin).digest('hex').slice(0, digestLength);
  const own = new BoundedMemory(limits);
  if (store === undefined) return { consume: (origin) => own.consume(digest(origin)) };
  const shared = new RateLimiterRedis({
    ...limits,
    keyPrefix: `${keyPrefix}limit:${request}`,
    insuranceLimiter: own,
    useRedisPackage: true,
    // The one command of node-redis that `consume` uses.
    storeClient: {
      eval: (lua: string, { keys: [key = ''], arguments: args }: { keys: string[]; arguments: string[] }) =>
        store.evaluate(lua, key, args).then(parseCount),
    },
  });
  return { consume: (origin) => shared.consume(digest(origin)) };
};

/** The count and how long it lasts, in milliseconds. The library would take any other reply for a count below the limit. */
const parseCount = (reply: unknown): readonly unknown[] => {
  const [count, ttlMs]: unknown[] = Array.isArray(reply) ? reply : [];
  if (!Number.isSafeInteger(count) || !Number.isSafeInteger(ttlMs) || Number(count) < 1)
    throw new TypeError('a count was expected');
  return [count, ttlMs];
};

/**
 * Counts in memory that 65,536 origins share: whoever comes from a million addresses fills no memory. Now and then two
 * origins share a count, which makes the limit stricter for them. Nobody can choose which two without knowing the key.
 */
class BoundedMemory extends RateLimiterMemory {
  override consume(digest: string): Promise<RateLimiterRes> {
    return super.consume(digest.slice(0, sharedDigestLength));
  }
}
