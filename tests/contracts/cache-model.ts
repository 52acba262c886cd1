import fc from 'fast-check';
import { expect } from 'vitest';
import type { UserId } from '../../domain/identifiers.ts';
import type { CacheRead, Lease } from '../../domain/ports/cache.ts';
import type { User } from '../../domain/user.ts';
import { anyToken, type CacheUnderTest } from './cache.ts';
import { anyUserId, sampleUser } from './records.ts';

/** What a key holds, told as simply as possible. Leases and fences are counted. */
type Entry =
  | { readonly is: 'value'; readonly version: number; readonly untilMs: number; readonly jitterMs: number }
  | {
      readonly is: 'lease' | 'fence';
      readonly number: number;
      readonly untilMs: number;
      readonly jitterMs: 0;
    };

export type CacheModel = {
  nowMs: number;
  readonly keys: Map<number, Entry>;
  readonly leases: { readonly key: number }[];
  readonly fences: { readonly key: number; readonly token: string }[];
};

export type RealCache = {
  readonly cache: CacheUnderTest;
  readonly keys: readonly UserId[];
  readonly leases: Lease[];
};

type Command = fc.AsyncCommand<CacheModel, RealCache, false>;

/** What real time may pass within a run, and is not in the model. */
const slackMs = 1500;

const at = <T>(list: readonly T[], index: number): T => {
  const found = list[index];
  if (found === undefined) throw new Error(`nothing at ${index}`);
  return found;
};

const entryOf = (model: CacheModel, key: number): Entry | undefined => {
  const entry = model.keys.get(key);
  return entry !== undefined && entry.untilMs > model.nowMs ? entry : undefined;
};

/**
 * Runs sequences of commands against a cache and its model; throws with the shortest sequence that tells them apart, and
 * its seed.
 */
export const assertLikeModel = (cache: CacheUnderTest): Promise<void> =>
  fc.assert(
    fc.asyncProperty(cacheCommands(cache), (commands) =>
      fc.asyncModelRun(() => {
        const keys = [anyUserId(), anyUserId()];
        return {
          model: { nowMs: 0, keys: new Map(), leases: [], fences: [] },
          real: { keys, cache, leases: [] },
        };
      }, commands),
    ),
    { numRuns: 150 },
  );

const cacheCommands = ({
  leaseMs,
  fenceTtlMs,
  userTtlMs,
}: CacheUnderTest): fc.Arbitrary<Iterable<Command>> => {
  const command = (
    name: string,
    run: (model: CacheModel, real: RealCache) => Promise<void>,
    check: (model: Readonly<CacheModel>) => boolean = () => true,
  ): Command => ({ check, run, toString: () => name });

  const expectRead = (model: CacheModel, real: RealCache, key: number, read: CacheRead<User>): void => {
    const entry = entryOf(model, key);
    if (entry === undefined) {
      if (read.state !== 'leased') throw new Error(`a lease was expected, and the read was ${read.state}`);
      const number = model.leases.push({ key }) - 1;
      real.leases.push(read.lease);
      model.keys.set(key, { is: 'lease', number, untilMs: model.nowMs + leaseMs, jitterMs: 0 });
    } else if (entry.is === 'value') {
      expect(read).toMatchObject({ state: 'hit', value: { version: entry.version } });
    } else {
      expect(read.state).toBe(entry.is === 'lease' ? 'filling' : 'fenced');
    }
  };

  const read = (key: number): Command =>
    command(`read(${key})`, async (model, real) => {
      expectRead(model, real, key, await real.cache.caches.users.read(at(real.keys, key)));
    });

  const readMany = command('readMany(0, 1)', async (model, real) => {
    const reads = await real.cache.caches.users.readMany(real.keys);
    for (const [key, found] of reads.entries()) expectRead(model, real, key, found);
  });

  const fill = (choice: number, version: number | undefined): Command =>
    command(
      `fill(${choice}, ${version})`,
      async (model, real) => {
        const number = model.leases.length - 1 - (choice % model.leases.length);
        const { key } = at(model.leases, number);
        const entry = entryOf(model, key);
        const stands = entry?.is === 'lease' && entry.number === number;
        const value = version === undefined ? undefined : sampleUser(at(real.keys, key), version);
        expect(await real.cache.caches.users.fill(at(real.leases, number), value)).toBe(
          stands && version !== undefined,
        );
        if (!stands) return;
        if (version === undefined) model.keys.delete(key);
        else
          model.keys.set(key, {
            is: 'value',
            version,
            untilMs: model.nowMs + userTtlMs,
            jitterMs: userTtlMs * 0.1,
          });
      },
      (model) => model.leases.length > 0,
    );

  const fence = (key: number): Command =>
    command(`fence(${key})`, async (model, real) => {
      const token = anyToken();
      expect(await real.cache.caches.users.fence(at(real.keys, key), token)).toBe(true);
      const number = model.fences.push({ key, token }) - 1;
      model.keys.set(key, { is: 'fence', number, untilMs: model.nowMs + fenceTtlMs, jitterMs: 0 });
    });

  const release = (choice: number): Command =>
    command(
      `release(${choice})`,
      async (model, real) => {
        const number = model.fences.length - 1 - (choice % model.fences.length);
        const { key, token } = at(model.fences, number);
        const entry = entryOf(model, key);
        const isAnothers = entry?.is === 'fence' && entry.number !== number;
        expect(await real.cache.caches.users.release(at(real.keys, key), token)).toBe(true);
        if (!isAnothers) model.keys.delete(key);
      },
      (model) => model.fences.length > 0,
    );

  const replay = (key: number): Command =>
    command(`replay(${key})`, async (model, real) => {
      expect(await real.cache.caches.users.replay(at(real.keys, key))).toBe(true);
      if (entryOf(model, key)?.is !== 'fence') model.keys.delete(key);
    });

  const inspect = (key: number): Command =>
    command(`inspect(${key})`, async (model, real) => {
      const tiers = await real.cache.caches.users.inspect(at(real.keys, key));
      const entry = entryOf(model, key);
      const expected =
        entry === undefined ? 'absent' : { value: 'value', lease: 'leased', fence: 'fenced' }[entry.is];
      expect(tiers.map(({ state }) => state)).toContain(expected);
    });

  const advance = (ms: number): Command =>
    command(
      `advance(${ms})`,
      async (model, real) => {
        await real.cache.advance(ms);
        model.nowMs += ms;
      },
      // Not into the moment in which an entry ends, give or take.
      (model) =>
        [...model.keys.values()].every(
          ({ untilMs, jitterMs }) => Math.abs(untilMs - (model.nowMs + ms)) > jitterMs + slackMs,
        ),
    );

  const key = fc.nat({ max: 1 });
  // Counted from the latest: the old ones seldom matter.
  const choice = fc.nat({ max: 4 });
  const version = fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined, freq: 5 });
  const spans = [leaseMs / 2, leaseMs * 1.5, fenceTtlMs * 1.2, userTtlMs * 0.5, userTtlMs * 1.3];
  return fc.commands<CacheModel, RealCache, false>(
    [
      key.map(read),
      key.map(read),
      fc.constant(readMany),
      fc.tuple(choice, version).map(([number, filled]) => fill(number, filled)),
      fc.tuple(choice, version).map(([number, filled]) => fill(number, filled)),
      key.map(fence),
      choice.map(release),
      key.map(replay),
      key.map(inspect),
      fc.constantFrom(...spans).map(advance),
    ],
    { maxCommands: 40, size: 'max' },
  );
};
