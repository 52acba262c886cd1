import process from 'node:process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bounded,
  formatSnapshot,
  hasSeen,
  hasSeenAllOf,
  parseSnapshot,
  parseXid,
  type Snapshot,
} from '../../../domain/snapshot.ts';
import { ModelDatabase, type Step, steps, type Taken } from './database-model.ts';

const seed = Number(process.env['KITH_SEED'] ?? Date.now() % 2 ** 31);
const numRuns = 2 * Number(process.env['KITH_RUNS'] ?? 150);

/** More than any plan gives out. */
const ids = Array.from({ length: 100 }, (_, index) => 100 + index);

/** Snapshots of one database, taken between any transactions. */
const takenDuring = (plan: readonly Step[]): readonly Taken[] => {
  const database = new ModelDatabase();
  const taken: Taken[] = [];
  for (const step of plan) {
    if (step.do === 'begin') database.begin();
    else if (step.do === 'commit' || step.do === 'roll-back') database.end(step.which, true);
    else taken.push(database.take());
  }
  return taken.slice(0, 25);
};

const pairs = function* (all: readonly Taken[]): Generator<readonly [Taken, Taken]> {
  for (const one of all) for (const other of all) yield [one, other];
};

describe(`a snapshot (seed ${seed})`, () => {
  it('has seen what had ended before it, for every order of beginnings and ends', () => {
    fc.assert(
      fc.property(steps, (plan) => {
        return takenDuring(plan).every(({ snapshot, seen }) =>
          ids.every((xid) => hasSeen(snapshot, xid) === seen.has(xid)),
        );
      }),
      { seed, numRuns },
    );
  });

  it('has seen all that another has seen where xmax and the number in progress say so, and only there', () => {
    fc.assert(
      fc.property(steps, (plan) =>
        [...pairs(takenDuring(plan))].every(
          ([one, other]) => hasSeenAllOf(one.snapshot, other.snapshot) === other.seen.isSubsetOf(one.seen),
        ),
      ),
      { seed, numRuns },
    );
  });

  it('claims no more when it is bounded, and never to have seen a floor that it has not', () => {
    fc.assert(
      fc.property(steps, fc.nat(3), (plan, max) =>
        [...pairs(takenDuring(plan))].every(([{ snapshot, seen }, other]) => {
          const less = bounded(snapshot, max);
          return (
            less.inProgress.length <= max &&
            parseSnapshot(formatSnapshot(less)) !== undefined &&
            ids.every((xid) => !hasSeen(less, xid) || seen.has(xid)) &&
            (!hasSeenAllOf(less, other.snapshot) || other.seen.isSubsetOf(seen))
          );
        }),
      ),
      { seed, numRuns },
    );
  });

  it.each<readonly [string, (one: Snapshot, other: Snapshot) => boolean]>([
    ['by xmax alone', (one, other) => one.xmax >= other.xmax],
    ['by xmin', (one, other) => one.xmin >= other.xmin],
    ['of a floor that was bounded', (one, other) => hasSeenAllOf(one, bounded(other, 1))],
  ])('is not ordered %s', (_, order) => {
    const wrong = fc.check(
      fc.property(steps, (plan) =>
        [...pairs(takenDuring(plan))].every(
          ([one, other]) => !order(one.snapshot, other.snapshot) || other.seen.isSubsetOf(one.seen),
        ),
      ),
      { seed: 1, numRuns: 2000 },
    );
    expect(wrong.failed).toBe(true);
  });

  it('is read from the text of PostgreSQL and written as it', () => {
    const xid = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(fc.uniqueArray(xid, { minLength: 2, maxLength: 20 }), (xids) => {
        const sorted = xids.toSorted((a, b) => a - b);
        const [xmin = 0, ...inProgress] = sorted.slice(0, -1);
        const snapshot = { xmin, xmax: sorted.at(-1) ?? 0, inProgress };
        expect(parseSnapshot(formatSnapshot(snapshot))).toEqual(snapshot);
      }),
      { seed, numRuns },
    );
    expect(parseSnapshot('1:1:')).toEqual({ xmin: 1, xmax: 1, inProgress: [] });
    expect(parseSnapshot('10:20:10,11,14')).toEqual({ xmin: 10, xmax: 20, inProgress: [10, 11, 14] });
  });

  it.each([
    ...[
      '',
      ':',
      '::',
      '1',
      '1:',
      '1:2',
      ':2:',
      '1::',
      '0:1:',
      '1:0:',
      '2:1:',
      '01:2:',
      '1:02:',
      ' 1:2:',
      '1:2: ',
    ],
    ...[
      '1:2:,',
      '1:3:1,',
      '1:3:,1',
      '1:3:1,,2',
      '1:5:2,2',
      '1:5:3,2',
      '1:5:5',
      '3:5:2',
      '1:5:0',
      '1:2:3:4',
      '1:5:1:2',
    ],
    ...[
      '-1:2:',
      '1.5:2:',
      '1e3:2000:',
      '0x1:2:',
      '1:9007199254740992:',
      `1:${'9'.repeat(400)}:`,
      'NaN:1:',
      '１:2:',
    ],
    ...[undefined, null, 5, 5n, {}, ['1:1:']],
  ])('is not read from anything else: %s', (text) => {
    expect(parseSnapshot(text)).toBeUndefined();
  });

  it('is never half read: whatever text is taken is the text that is written', () => {
    const text = fc.stringMatching(/^[0-9:, -]{0,24}$/);
    fc.assert(
      fc.property(text, (text) => {
        const read = parseSnapshot(text);
        return read === undefined || formatSnapshot(read) === text;
      }),
      { seed, numRuns: 10 * numRuns },
    );
  });

  it('knows ids that are counted exactly, and no others', () => {
    expect(parseXid('9007199254740991')).toBe(Number.MAX_SAFE_INTEGER);
    for (const text of ['9007199254740992', '18446744073709551615', '0', '', '-1', '01', '1 ', 1, null])
      expect(parseXid(text)).toBeUndefined();
  });
});
