import fc from 'fast-check';
import { expect } from 'vitest';
import { users as userKind } from '../../application/records/user.ts';
import type { UserId } from '../../domain/identifiers.ts';
import type { CacheRead, Lease } from '../../domain/ports/cache.ts';
import type { User } from '../../domain/user.ts';
import { proof } from '../support/proofs.ts';
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
  /** Where leases do not stand in `keys`, each is open until it is used or its key is heard of. */
  readonly leases: { readonly key: number; readonly startedAtMs: number; isOpen: boolean }[];
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
 * its seed. A simulation may be `without` time or a view into it.
 */
export const assertLikeModel = (cache: CacheUnderTest, without: readonly Optional[] = []): Promise<void> =>
  fc.assert(
    fc.asyncProperty(cacheCommands(cache, without), (commands) =>
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

type Optional = 'advance' | 'inspect';

const cacheCommands = (
  { leaseMs, fenceTtlMs, userTtlMs, coordinates = true }: CacheUnderTest,
  without: readonly Optional[],
): fc.Arbitrary<Iterable<Command>> => {
  const jitterMs = userTtlMs * 0.1;

  const command = (
    name: string,
    run: (model: CacheModel, real: RealCache) => Promise<void>,
    check: (model: Readonly<CacheModel>) => boolean = () => true,
  ): Command => ({ check, run, toString: () => name });

  const drop = (model: CacheModel, key: number): void => {
    model.keys.delete(key);
    for (const lease of model.leases) if (lease.key === key) lease.isOpen = false;
  };

  const expectRead = (model: CacheModel, real: RealCache, key: number, read: CacheRead<User>): void => {
    const entry = entryOf(model, key);
    if (entry === undefined) {
      if (read.state !== 'leased') throw new Error(`a lease was expected, and the read was ${read.state}`);
      const number = model.leases.push({ key, startedAtMs: model.nowMs, isOpen: true }) - 1;
      real.leases.push(read.lease);
      if (!coordinates) return;
      model.keys.set(key, { is: 'lease', number, untilMs: model.nowMs + leaseMs, jitterMs: 0 });
    } else if (entry.is === 'value') {
      expect(read).toMatchObject({ state: 'hit', value: { version: entry.version } });
    } else {
      expect(read.state).toBe(entry.is === 'lease' ? 'filling' : 'fenced');
    }
  };

  const read = (key: number): Command =>
    command(`read(${key})`, async (model, real) => {
      expectRead(model, real, key, await real.cache.caches.of(userKind).read(at(real.keys, key)));
    });

  const readMany = command('readMany(0, 1)', async (model, real) => {
    const reads = await real.cache.caches.of(userKind).readMany(real.keys);
    for (const [key, found] of reads.entries()) expectRead(model, real, key, found);
  });

  const fill = (choice: number, version: number | undefined): Command =>
    command(
      `fill(${choice}, ${version})`,
      async (model, real) => {
        const number = model.leases.length - 1 - (choice % model.leases.length);
        const lease = at(model.leases, number);
        const { key, startedAtMs } = lease;
        const entry = entryOf(model, key);
        const stands = coordinates
          ? entry?.is === 'lease' && entry.number === number
          : lease.isOpen && model.nowMs - startedAtMs < userTtlMs;
        lease.isOpen = false;
        const value = version === undefined ? undefined : sampleUser(at(real.keys, key), version);
        expect(await real.cache.caches.of(userKind).fill(at(real.leases, number), value, proof)).toBe(
          stands && version !== undefined,
        );
        if (!stands) return;
        const untilMs = (coordinates ? model.nowMs : startedAtMs) + userTtlMs;
        if (version !== undefined) model.keys.set(key, { is: 'value', version, untilMs, jitterMs });
        else if (coordinates) model.keys.delete(key);
      },
      (model) => model.leases.length > 0,
    );

  const fence = (key: number): Command =>
    command(`fence(${key})`, async (model, real) => {
      const token = anyToken();
      expect(await real.cache.caches.of(userKind).fence(at(real.keys, key), token)).toBe(true);
      const number = model.fences.push({ key, token }) - 1;
      drop(model, key);
      if (coordinates)
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
        expect(await real.cache.caches.of(userKind).release(at(real.keys, key), token)).toBe(true);
        if (!isAnothers) drop(model, key);
      },
      (model) => model.fences.length > 0,
    );

  const replay = (key: number): Command =>
    command(`replay(${key})`, async (model, real) => {
      expect(await real.cache.caches.of(userKind).replay(at(real.keys, key))).toBe(true);
      if (entryOf(model, key)?.is !== 'fence') drop(model, key);
    });

  const inspect = (key: number): Command =>
    command(`inspect(${key})`, async (model, real) => {
      const tiers = await real.cache.caches.of(userKind).inspect(at(real.keys, key));
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
      // Not into the moment in which an entry or a lease ends, give or take.
      (model) => {
        const isApart = ({ untilMs, jitterMs }: { readonly untilMs: number; readonly jitterMs: number }) =>
          Math.abs(untilMs - (model.nowMs + ms)) > jitterMs + slackMs;
        const leases = coordinates ? [] : model.leases.filter(({ isOpen }) => isOpen);
        return (
          [...model.keys.values()].every(isApart) &&
          leases.every(({ startedAtMs }) => isApart({ untilMs: startedAtMs + userTtlMs, jitterMs }))
        );
      },
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
      ...(without.includes('inspect') ? [] : [key.map(inspect)]),
      ...(without.includes('advance') ? [] : [fc.constantFrom(...spans).map(advance)]),
    ],
    { maxCommands: 40, size: 'max' },
  );
};
