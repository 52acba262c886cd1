import { describe, expect, it } from 'vitest';
import { cases, mostStatesShort } from '../../model/cases.ts';
import { check, type Model } from '../../model/checker.ts';
import { at, type Fields, Layout, recordOf } from '../../model/record.ts';
import { type Case, surpriseOf } from '../../model/table.ts';

type World = { readonly counters: readonly Fields<'value'>[] };

/** Counters that anybody may raise; `bad` says which values must not be reached together. */
const counting = (most: number, bad: (values: readonly number[]) => boolean): Model<World> => {
  const layout = new Layout();
  const counters = layout.many(recordOf('value'), 2);
  return {
    size: layout.size,
    view: (bytes) => ({ counters: counters(bytes) }),
    begin: (add) => add(() => undefined),
    steps(now, take) {
      for (const [index, { value }] of now.counters.entries()) {
        if (value === most) continue;
        take(`counter ${index}`, 'rises', (next) => {
          at(next.counters, index).value++;
        });
        take(`counter ${index}`, 'begins anew', (next) => {
          at(next.counters, index).value = 0;
        });
      }
    },
    wrong: (now) => (bad(now.counters.map(({ value }) => value)) ? 'reached' : undefined),
    show: (now) => now.counters.map(({ value }) => value).join(' '),
  };
};

describe('the checker', () => {
  it('visits every state once', () => {
    expect(check(counting(200, () => false))).toMatchObject({
      verdict: 'complete',
      states: 201 * 201,
      depth: 400,
      trace: [],
    });
  });

  it('finds a planted violation, and the shortest way to it', () => {
    const { verdict, depth, wrong, trace } = check(counting(9, ([a, b]) => a === 3 && b === 2));
    expect({ verdict, depth, wrong }).toEqual({ verdict: 'refuted', depth: 5, wrong: 'reached' });
    expect(trace).toHaveLength(6);
    expect(trace[0]).toBe('beginning | 0 0');
    expect(trace.slice(1).every((step) => /^counter [01]: rises \| \d \d$/.test(step))).toBe(true);
    expect(trace.at(-1)).toMatch(/3 2$/);
  });

  it('finds a beginning that is wrong', () => {
    expect(check(counting(9, () => true))).toMatchObject({ verdict: 'refuted', depth: 0 });
  });

  it('says that it has not seen everything when the limit ended it', () => {
    const { verdict, states } = check(
      counting(200, ([a]) => a === 200),
      1000,
    );
    expect(verdict).toBe('bounded');
    expect(states).toBeLessThan(1100);
  });

  it('refuses a model that has no beginning, or in which nothing can happen: it would hold everything', () => {
    const model = counting(9, () => false);
    expect(() => check({ ...model, begin: () => undefined })).toThrow('no beginning');
    expect(() => check({ ...model, steps: () => undefined })).toThrow('nothing can happen');
  });

  it('refuses a number that a field cannot hold', () => {
    const model = counting(300, () => false);
    expect(() => check(model)).toThrow('value cannot be 256');
  });
});

describe('the table', () => {
  const example = at(cases, 0);
  const outcome = { isRefuted: true, steps: 7, words: '', looked: '', ms: 0, trace: [] };
  it.each<[string, Case['expected'], Partial<typeof outcome>, string | undefined]>([
    ['a case that holds', 'holds', { isRefuted: false }, undefined],
    ['a case that must hold and is refuted', 'holds', {}, 'must hold'],
    ['a variant that is refuted in its number of steps', { refuted: 7 }, {}, undefined],
    ['a variant that is refuted in another number', { refuted: 6 }, {}, 'must be refuted in 6'],
    ['a variant that is not refuted', { refuted: 7 }, { isRefuted: false }, 'must be refuted'],
    ['a variant of the simulation', { refuted: 'by chance' }, {}, undefined],
  ])('judges %s', (_name, expected, changes, surprise) => {
    expect(surpriseOf({ ...example, expected }, { ...outcome, ...changes })).toBe(surprise);
  });

  it('has no case twice', () => {
    const names = cases.map(({ part, name }) => `${part}: ${name}`);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});

describe('the short form of the model', () => {
  const named = cases
    .filter(({ short }) => short)
    .map((one): [string, Case] => [`${one.part}: ${one.name}`, one]);

  it.each(named.filter(([, { expected }]) => expected === 'holds'))('holds: %s', (_name, one) => {
    expect(one.run(mostStatesShort)).toMatchObject({ isRefuted: false });
  });

  it.each(named.filter(([, { expected }]) => expected !== 'holds'))('refutes: %s', (_name, one) => {
    expect(surpriseOf(one, one.run(mostStatesShort))).toBeUndefined();
  });
});
