import { onTestFinished } from 'vitest';
import { openClient } from '../../../adapters/redis/client.ts';
import { RedisCache, type RedisCacheOptions } from '../../../adapters/redis/redis-cache.ts';
import type { RedisAddress } from '../../../adapters/redis/redis-url.ts';
import { systemClock, systemTimer } from '../../../adapters/system/clock.ts';
import { systemIds } from '../../../adapters/system/ids.ts';
import type { Judge } from '../../../application/caching/belief.ts';
import { recordKinds } from '../../../application/records/kinds.ts';
import { users as userKind } from '../../../application/records/user.ts';
import { defaultConfig } from '../../../composition/config.ts';
import type { Clock, Log, LogFields } from '../../../domain/ports/runtime.ts';
import { Secret } from '../../../domain/secret.ts';
import type { User } from '../../../domain/user.ts';
import { anyUserId, sampleUser } from '../../contracts/records.ts';
import { believesAll, proof } from '../../support/proofs.ts';
import type { RedisServer } from '../../support/redis-server.ts';

/** Keeps what a test opens, and disposes of it after the test, the newest first. */
export const kept = <T extends AsyncDisposable>(thing: T): T => {
  onTestFinished(() => thing[Symbol.asyncDispose]());
  return thing;
};

/** The system's clock, put forward by hand. */
export class MovableClock implements Clock {
  #offsetMs = 0;
  nowMs(): number {
    return systemClock.nowMs() + this.#offsetMs;
  }
  monotonicMs(): number {
    return systemClock.monotonicMs() + this.#offsetMs;
  }
  move(ms: number): void {
    this.#offsetMs += ms;
  }
}

/** Time passes in Redis by taking it off the time limit of every key. */
export const ageKeys = async (server: RedisServer, ms: number): Promise<void> => {
  await server.command('EVAL', age, '0', `${Math.round(ms)}`);
};
const age = `for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key) - ARGV[1]
  if left > 0 then redis.call('PEXPIRE', key, left) else redis.call('DEL', key) end
end`;

export type LogLine = { readonly atMs: number; readonly event: string; readonly fields: LogFields };

/** A log that keeps its lines. */
export const openLog = (): { readonly log: Log; readonly lines: readonly LogLine[] } => {
  const lines: LogLine[] = [];
  const keep = (event: string, fields: LogFields = {}) =>
    void lines.push({ atMs: performance.now(), event, fields: { ...fields } });
  return { log: { info: keep, warn: keep, error: keep }, lines };
};

export const runtime = (
  clock: Clock = systemClock,
  log: Log = openLog().log,
  judge: Judge = believesAll,
): { judge: Judge; clock: Clock; timer: typeof systemTimer; ids: typeof systemIds; log: Log } => ({
  judge,
  clock,
  timer: systemTimer,
  ids: systemIds,
  log,
});

/** A cache as the product has it by default, and a start that waits a second. */
export const redisOptions = (address: RedisAddress): RedisCacheOptions => {
  const { keyPrefix } = defaultConfig().cache;
  return {
    open: () => openClient(address),
    hmacKey: new Secret('a key for tests, 32 bytes or more'),
    kinds: recordKinds(),
    keyPrefix,
    ...{ poolSize: 1, startWaitMs: 1000, commandTimeoutMs: 100, waitReplicas: 0 },
  };
};

/** A started cache on its own prefix. */
export const openCache = async (
  address: RedisAddress,
  options: Partial<RedisCacheOptions> = {},
  clock: Clock = systemClock,
  log: Log = openLog().log,
  judge: Judge = believesAll,
): Promise<RedisCache> => {
  const cache = new RedisCache({ ...redisOptions(address), ...options }, runtime(clock, log, judge));
  await cache.start();
  return cache;
};

/** Waits until something holds, looking every 5 ms; how long that took. */
export const until = async (holds: () => boolean | Promise<boolean>, withinMs: number): Promise<number> => {
  const startMs = performance.now();
  while (!(await holds())) {
    if (performance.now() - startMs > withinMs) throw new Error(`did not come about within ${withinMs} ms`);
    await systemTimer.sleep(5);
  }
  return performance.now() - startMs;
};

/** How long a promise took, and what came of it. */
export const timed = async <T>(promise: Promise<T>): Promise<{ readonly ms: number; readonly value: T }> => {
  const startMs = performance.now();
  const value = await promise;
  return { ms: performance.now() - startMs, value };
};

/** The shortest of a few runs, for what must not wait: any one of them may meet a pause of the machine. */
export const quickestMs = async (work: () => Promise<unknown>): Promise<number> => {
  let quickest = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 5; run++) quickest = Math.min(quickest, (await timed(work())).ms);
  return quickest;
};

/** Puts a user into the cache, and gives it back. */
export const fillUser = async (cache: Pick<RedisCache, 'of' | 'inUse'>, version = 1): Promise<User> => {
  const user = sampleUser(anyUserId(), version);
  // On a busy machine the cache may be out of use for a moment.
  await until(() => cache.inUse(), 5_000);
  const read = await cache.of(userKind).read(user.id);
  if (read.state !== 'leased') throw new Error(`a lease was expected, and the read was ${read.state}`);
  if (!(await cache.of(userKind).fill(read.lease, user, proof))) throw new Error('the fill was refused');
  return user;
};

export type Call = {
  readonly atMs: number;
  readonly ms: number;
  readonly state: string;
  readonly wasDisturbed: boolean;
};

/**
 * Notices when this process stands still, because it is busy or the machine is. A deadline is longer then, as it should be:
 * whoever waits meanwhile says nothing about deadlines.
 */
const watchPauses = () => {
  let lastMs = performance.now();
  let pausedAtMs = Number.NEGATIVE_INFINITY;
  const look = () => {
    const nowMs = performance.now();
    if (nowMs - lastMs > 20) pausedAtMs = nowMs;
    lastMs = nowMs;
  };
  const timer = setInterval(look, 5);
  return {
    since: (ms: number): boolean => {
      look();
      return pausedAtMs >= ms;
    },
    stop: () => clearInterval(timer),
  };
};

/** What the first attempt measured that no pause of this process disturbed. */
export const undisturbed = async <T>(attempt: () => Promise<() => Promise<T>>): Promise<T> => {
  for (let attempts = 0; attempts < 5; attempts++) {
    const measure = await attempt();
    const [pauses, startMs] = [watchPauses(), performance.now()];
    const measured = await measure();
    pauses.stop();
    if (!pauses.since(startMs)) return measured;
  }
  throw new Error('the machine left no attempt undisturbed');
};

/** The longest of the calls that no pause of this process disturbed. */
export const slowestMs = (calls: readonly Call[]): number => {
  const undisturbed = calls.filter(({ wasDisturbed }) => !wasDisturbed);
  if (undisturbed.length === 0) throw new Error('the machine left no call undisturbed');
  return Math.max(...undisturbed.map(({ ms }) => ms));
};

/** Reads one key over and over, `width` callers at a time, until stopped; every call with its time. */
export const readUnderLoad = (
  cache: RedisCache,
  key: string,
  width = 16,
): (() => Promise<readonly Call[]>) => {
  const calls: Call[] = [];
  let stopped = false;
  const pauses = watchPauses();
  const caller = async (): Promise<void> => {
    while (!stopped) {
      const { ms, value } = await timed(cache.of(userKind).read(key));
      const atMs = performance.now();
      calls.push({ atMs, ms, state: value.state, wasDisturbed: pauses.since(atMs - ms) });
      await systemTimer.sleep(1);
    }
  };
  const callers = Promise.all(Array.from({ length: width }, caller));
  return async () => {
    stopped = true;
    await callers;
    pauses.stop();
    return calls;
  };
};
