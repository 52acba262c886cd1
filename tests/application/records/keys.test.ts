import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isHole, keyOf, nameIn, partsOf, wordsOf } from '../../../application/records/keys.ts';
import { recordKinds } from '../../../application/records/kinds.ts';
import { checkKinds, portsOf } from '../../../application/records/record-kind.ts';
import { users } from '../../../application/records/user.ts';
import type { Cacheable, CachePort, RecordKind } from '../../../domain/ports/cache.ts';

// What could be mistaken for something else: separators, their escapes, words of the patterns, nothing at all.
const part = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom(':', '%', '%3A', '%25', 'user', 'id', 'contact', 'contacts', ' ', '', 'a'), {
      maxLength: 5,
    })
    .map((pieces) => pieces.join('')),
);
const holesOf = ({ pattern }: RecordKind<Cacheable>): number => wordsOf(pattern).filter(isHole).length;
const shown = (key: string): string => `#${key.length}`;

/** A record of any kind, with its parts. */
const anyRecord = (kinds: readonly RecordKind<Cacheable>[]) =>
  fc
    .constantFrom(...kinds)
    .chain((kind) =>
      fc
        .array(part, { minLength: holesOf(kind), maxLength: holesOf(kind) })
        .map((parts) => ({ kind, parts })),
    );

describe('keys', () => {
  it('tell their parts apart, for every list of parts', () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 2, maxLength: 5 }), ([first = '', ...rest]) => {
        expect(partsOf(keyOf(first, ...rest))).toEqual([first, ...rest]);
      }),
      { numRuns: 1000 },
    );
  });

  const injective = (name: typeof nameIn, key: typeof keyOf): void =>
    fc.assert(
      fc.property(anyRecord(recordKinds()), anyRecord(recordKinds()), (one, other) => {
        const isSame =
          one.kind.name === other.kind.name && one.parts.join('\0\0') === other.parts.join('\0\0');
        const nameOf = ({ kind, parts: [first = '', ...rest] }: typeof one): string =>
          name({ ...kind, isHint: false }, shown)(key(first, ...rest));
        expect(nameOf(one) === nameOf(other)).toBe(isSame);
      }),
      { numRuns: 3000, seed: 7 },
    );

  it('give every two records of all kinds different names in a store that they share', () => {
    injective(nameIn, keyOf);
  });

  it('would not if they were joined as they are', () => {
    const joined: typeof nameIn = ({ pattern }) => {
      const [word = ''] = wordsOf(pattern);
      return (key) => `${word}:${key}`;
    };
    expect(() => injective(joined, (...parts) => parts.join(':'))).toThrow(/Counterexample|failed/);
  });

  it('of hints go into a name only as what hides them', () => {
    for (const kind of recordKinds().filter(({ isHint }) => isHint))
      expect(nameIn(kind, shown)('ann@example.com')).toMatch(/^user:[a-z]+:#15$/);
  });

  it('with too few or too many parts are refused', () => {
    const contacts = recordKinds().find(({ name }) => name === 'contacts');
    expect(() => nameIn(contacts ?? users, shown)('a:b:c')).toThrow('a key of contacts has 2 parts');
  });
});

describe('the kinds of a cache', () => {
  it.each<readonly [Partial<RecordKind<Cacheable>>, string]>([
    [{ name: 'Users' }, 'cannot be the name'],
    [{ name: 'two words' }, 'cannot be the name'],
    [{ name: 'everything' }, 'cannot be the name'],
    [{ name: users.name }, 'two kinds are called users'],
    [{ pattern: users.pattern }, 'could give two records the same name'],
    [{ pattern: 'user:{anything}:{user}' }, 'could give two records the same name'],
    [{ pattern: '{anything}:id:{user}' }, 'is not a word'],
    [{ pattern: 'orders' }, 'has no {part}'],
    [{ pattern: '{order}' }, 'is not a word'],
    [{ pattern: 'orders::{order}' }, 'is not a word'],
    [{ pattern: 'orders:x{order}' }, 'is not a word'],
    [{ pattern: 'orders:{a}:{b}', isHint: true }, 'more than one part'],
    [{ isHint: true }, 'has to be a hint or to have an origin'],
    [{ origin: undefined }, 'has to be a hint or to have an origin'],
    [{ ttlMs: 0 }, 'is not a time'],
    [{ ttlMs: Number.NaN }, 'is not a time'],
  ])('cannot be confused with one another: %o is refused', (wrong, why) => {
    const order = { ...users, name: 'orders', pattern: 'orders:{order}' };
    expect(() => checkKinds([...recordKinds(), order])).not.toThrow();
    expect(() => checkKinds([...recordKinds(), { ...order, ...wrong }])).toThrow(why);
  });

  it('are those that it was made with, and no other of the same name', () => {
    const port = <V extends Cacheable>(): CachePort<V> => ({}) as CachePort<V>;
    const { of } = portsOf([users], port);
    expect(of({ ...users, ttlMs: 1 })).toBe(of(users));
    expect(() => of({ ...users, codec: { ...users.codec } })).toThrow('not made with the kind users');
    expect(() => of({ ...users, name: 'orders' })).toThrow('not made with the kind orders');
  });
});
