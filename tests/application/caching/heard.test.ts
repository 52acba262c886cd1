import process from 'node:process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Heard } from '../../../application/caching/heard.ts';
import type { Snapshot } from '../../../domain/snapshot.ts';
import { importMutant, type Mutation } from '../../mutants.ts';
import { play, steps } from './database-model.ts';

const seed = Number(process.env['KITH_SEED'] ?? Date.now() % 2 ** 31);
const numRuns = 4 * Number(process.env['KITH_RUNS'] ?? 150);

const plans = fc.record({ plan: steps, keyCount: fc.integer({ min: 1, max: 6 }) });

describe(`what a process has heard (seed ${seed})`, () => {
  it('for every order in which transactions begin, end, are noted and checked, no value that is believed is older than what the process knows', () => {
    let [believed, refused] = [0, 0];
    fc.assert(
      fc.property(plans, fc.integer({ min: 1, max: 4 }), ({ plan, keyCount }, maxKeys) => {
        const found = play((floor) => new Heard(floor, maxKeys), plan, keyCount);
        believed += found.believed;
        refused += found.refused;
        return found.wrongly === 0;
      }),
      { seed, numRuns },
    );
    // It says something only if both happened, often.
    expect(Math.min(believed, refused)).toBeGreaterThan(50 * numRuns);
  });

  it('for every such order a value that is read now is believed', () => {
    fc.assert(
      fc.property(
        plans,
        ({ plan, keyCount }) => play((floor) => new Heard(floor, 1000), plan, keyCount).freshRefused === 0,
      ),
      { seed, numRuns },
    );
  });
});

type Module = { readonly Heard: typeof Heard };
const heardFile = new URL('../../../application/caching/heard.ts', import.meta.url);

/** One seed for all times: whether a refutation is found must not be a matter of luck. */
const refutes = (mutant: typeof Heard): boolean =>
  fc.check(
    fc.property(
      plans,
      fc.integer({ min: 1, max: 4 }),
      ({ plan, keyCount }, maxKeys) =>
        play((floor) => new mutant(floor, maxKeys), plan, keyCount).wrongly === 0,
    ),
    { seed: 1, numRuns: 20_000, endOnFailure: true },
  ).failed;

describe('the property refutes', () => {
  it('not the code as it is', () => {
    expect(
      fc.check(
        fc.property(
          plans,
          ({ plan, keyCount }) => play((floor) => new Heard(floor, 3), plan, keyCount).wrongly === 0,
        ),
        { seed: 1, numRuns: 500 },
      ).failed,
    ).toBe(false);
  });

  it.each<readonly [string, Mutation]>([
    [
      'only the greatest transaction of a key',
      ['xids: xids.length > maxXids ? undefined : xids', 'xids: [Math.max(...xids)]'],
    ],
    [
      'only the least transaction of a key',
      ['xids: xids.length > maxXids ? undefined : xids', 'xids: xids.slice(0, 1)'],
    ],
    ['own writes are not noted', ['if (hasSeen(this.#read, xid)) return;', 'return;']],
    ['own writes are forgotten at each check', ['(xid) => !hasSeen(this.#read, xid))', '() => false)']],
    ['own writes are forgotten when there are many', ['this.#blindChecks = 2;', 'this.#blindChecks = 0;']],
    ['one check is enough when there were many', ['this.#blindChecks = 2;', 'this.#blindChecks = 1;']],
    ['FLOOR is not raised', ['this.#floor = check;', '']],
    ['FLOOR is not raised by everything', ['this.#floor = snapshot;', '']],
    ['FLOOR is not asked', ['!hasSeenAllOf(snapshot, this.#floor)', 'false']],
    ['a bounded snapshot as the floor', ['this.#floor = check;', 'this.#floor = bounded(check, 1);']],
    [
      'too many transactions of a key to tell are none',
      ['xids === undefined ? hasSeenAllOf(snapshot, check)', 'xids === undefined ? true'],
    ],
  ])('%s', async (_, mutation) => {
    const also: Mutation[] = mutation[1].includes('bounded(')
      ? [['import { hasSeen,', 'import { bounded, hasSeen,']]
      : [];
    const { Heard: mutant } = (await importMutant(heardFile, mutation, ...also)) as Module;
    expect(refutes(mutant)).toBe(true);
  });

  it.each<readonly [string, (snapshot: Snapshot, floor: Snapshot) => boolean]>([
    ['FLOOR compared by xmax alone', (snapshot, floor) => snapshot.xmax >= floor.xmax],
    ['FLOOR compared by xmin', (snapshot, floor) => snapshot.xmin >= floor.xmin],
    [
      'FLOOR compared by what is in progress alone',
      (snapshot, floor) => snapshot.inProgress.length <= floor.inProgress.length,
    ],
  ])('%s', async (_, order) => {
    Reflect.set(globalThis, 'kithOrder', order);
    const { Heard: mutant } = (await importMutant(heardFile, [
      '!hasSeenAllOf(snapshot, this.#floor)',
      '!globalThis.kithOrder(snapshot, this.#floor)',
    ])) as Module;
    expect(refutes(mutant)).toBe(true);
  });
});
