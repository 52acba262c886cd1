import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCheck, parseChoice, parseInstance } from '../../../adapters/mikro-orm/log-answers.ts';

const whole = {
  snapshot: '10:12:10',
  identity: '7.5.e',
  swept: '1:1:',
  shape: 'files',
  rows: '[]',
  who: null,
};
const user = '00000000-0000-0000-0000-000000000001';
const rows = (...each: unknown[]) => parseCheck({ ...whole, rows: JSON.stringify(each) });

describe('the answer to a check', () => {
  it('is read as a whole', () => {
    expect(parseCheck(whole)).toEqual({
      snapshot: { xmin: 10, xmax: 12, inProgress: [10] },
      identity: '7.5.e',
      swept: { xmin: 1, xmax: 1, inProgress: [] },
      shape: 'files',
      rows: [],
      unreadable: undefined,
      who: undefined,
    });
  });

  it('has no identity where the log has no state, or one of another database', () => {
    expect(parseCheck({ ...whole, identity: null }).identity).toBeUndefined();
    expect(parseCheck({ ...whole, identity: null, swept: null })).toMatchObject({
      identity: undefined,
      rows: [],
    });
  });

  it.each<{ readonly answer: unknown }>([
    ...[undefined, null, '10:12:10', {}].map((answer) => ({ answer })),
    ...Object.keys(whole).map((name) => ({ answer: { ...whole, [name]: undefined } })),
    ...Object.keys(whole).map((name) => ({ answer: { ...whole, [name]: 5 } })),
    ...['{}', '[['].map((rows) => ({ answer: { ...whole, rows } })),
    ...['12:10:', null].map((snapshot) => ({ answer: { ...whole, snapshot } })),
    { answer: { ...whole, shape: null } },
  ])('is refused where it is not whole: $answer', ({ answer }) => {
    expect(() => parseCheck(answer)).toThrow();
  });

  it('may say who reads the log', () => {
    const one = { id: 'a', beat: '3', j_ms: 2000, applied: '5:5:', protocol: 1 };
    const who = (answer: unknown) => parseCheck({ ...whole, who: JSON.stringify(answer) }).who;
    expect(who({ instances: [one], j_ms: 9000 })).toEqual({ instances: [parseInstance(one)], boundMs: 9000 });
    expect(who({ instances: [], j_ms: 9000 })).toEqual({ instances: [], boundMs: 9000 });
    // Half a list would be a list of fewer.
    for (const half of [
      { j_ms: 9000 },
      { instances: [one] },
      { instances: [{ id: 'a' }], j_ms: 1 },
      {},
      null,
    ])
      expect(() => who(half)).toThrow();
  });

  it('may have more rows than are told', () => {
    expect(parseCheck({ ...whole, rows: null }).rows).toBe('too-many');
  });

  it.each([
    ['users', user],
    // md5('seed')::uuid: of no version at all.
    ['users', 'fe4c0f30-aa35-9c41-d9f9-a5f69c8c4192'],
    ['contacts', `${user}:ffffffff-ffff-ffff-ffff-ffffffffffff`],
    ['contacts', null],
    // What this version does not know may have keys of any form.
    ['orders', '5:"\n\u0000'],
    ['', ''],
  ])('brings any id that PostgreSQL stores: %s %s', (source, key) => {
    expect(rows(['5', source, key])).toMatchObject({
      rows: [{ xid: 5, source, key }],
      unreadable: undefined,
    });
  });

  it.each([
    [['x', 'users', user], 'transaction unknown of users'],
    [['0', 'users', user], 'transaction unknown of users'],
    [[5, 'users', user], 'transaction unknown of users'],
    [['5', 'users', ''], 'transaction 5 of users'],
    [['5', 'users', `${user}:${user}`], 'transaction 5 of users'],
    [['5', 'contacts', user], 'transaction 5 of contacts'],
    [['5', 'contacts', 7], 'transaction 5 of contacts'],
    [['5', 'contacts'], 'transaction 5 of contacts'],
    [['5', null, user], 'transaction 5 of unknown'],
    [null, 'transaction unknown of unknown'],
    ['5 users', 'transaction unknown of unknown'],
  ])('names a row that cannot be read, without its key: %j', (row, name) => {
    expect(rows(['6', 'users', user], row, ['7', 'users', 'also'])).toMatchObject({
      rows: [{ xid: 6 }],
      unreadable: name,
    });
  });

  it('is read or refused, and never half of it, whatever the rows are', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (each) => {
        const answer = rows(...each);
        return (
          answer.rows !== 'too-many' &&
          (answer.unreadable !== undefined || answer.rows.length === each.length)
        );
      }),
    );
  });
});

describe('the notes', () => {
  const choice = {
    swept: '1:1:',
    shape: 'files',
    notes: '[["5:5:","files"],["x","files"],["6:6:",1],null]',
    crowded_from: '9',
  };
  it('are those that can be read', () => {
    expect(parseChoice(choice)).toEqual({
      swept: { xmin: 1, xmax: 1, inProgress: [] },
      shape: 'files',
      notes: [{ snapshot: { xmin: 5, xmax: 5, inProgress: [] }, shape: 'files' }],
      crowdedFrom: 9,
    });
    expect(parseChoice({ ...choice, notes: null, crowded_from: null })).toMatchObject({
      notes: [],
      crowdedFrom: undefined,
    });
  });
  it('are none where the log was not begun', () => {
    expect(() => parseChoice(undefined)).toThrow();
    expect(() => parseChoice({ ...choice, swept: null })).toThrow();
  });
});

describe('an instance', () => {
  const instance = { id: user, beat: '7', j_ms: 2000, applied: '5:5:', protocol: 1 };
  it('is read', () => {
    expect(parseInstance(instance)).toEqual({
      id: user,
      beat: 7,
      boundMs: 2000,
      applied: { xmin: 5, xmax: 5, inProgress: [] },
      protocol: 1,
    });
    expect(parseInstance({ ...instance, applied: null }).applied).toBeUndefined();
  });
  it.each([
    { id: 5 },
    { beat: '-1' },
    { beat: null },
    { beat: '1.5' },
    { j_ms: 'x' },
    { protocol: undefined },
  ])('is refused with %j', (changed) => {
    expect(() => parseInstance({ ...instance, ...changed })).toThrow();
  });
});
