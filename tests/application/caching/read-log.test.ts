import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseFloor, judge, keysOf } from '../../../application/caching/read-log.ts';
import type { CheckAnswer, LogRow } from '../../../domain/ports/change-log.ts';
import { hasSeenAllOf, parseSnapshot, type Snapshot } from '../../../domain/snapshot.ts';

const snapshot = (text: string): Snapshot => {
  const parsed = parseSnapshot(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
};

const last = { snapshot: snapshot('100:110:100'), shape: 'files' };
const answer: CheckAnswer = {
  snapshot: snapshot('105:120:105'),
  shape: 'files',
  identity: 'here',
  swept: snapshot('50:60:50'),
  rows: [],
  unreadable: undefined,
  who: undefined,
};
const row = (xid: number, source: string, key: string | null): LogRow => ({ xid, source, key });

describe('a check of the log', () => {
  it('brings all transactions of each key, also of those that lie on the same list', () => {
    const rows = [
      row(111, 'contacts', 'o:c'),
      row(112, 'contacts', 'o:d'),
      row(112, 'users', 'o'),
      row(112, 'users', 'o'),
    ];
    expect(judge(last, 'here', { ...answer, rows })).toEqual({
      kind: 'go-on',
      rows: new Map([
        ['contacts o:c', [111]],
        ['contacts o', [111, 112]],
        ['contacts o:d', [112]],
        ['users o', [112]],
      ]),
    });
    expect(judge(last, 'here', answer)).toEqual({ kind: 'go-on', rows: new Map() });
  });

  it.each<readonly [string, Partial<CheckAnswer>]>([
    ['tables-changed', { shape: 'other' }],
    ['tables-changed', { shape: 'other', rows: 'too-many' }],
    ['too-many-rows', { rows: 'too-many' }],
    ['unreadable-row', { unreadable: 'xid 5' }],
    ['table-emptied', { rows: [row(111, 'users', 'a'), row(112, 'users', null)] }],
  ])('is everything: %s', (why, changed) => {
    expect(judge(last, 'here', { ...answer, ...changed })).toEqual({
      kind: 'go-on',
      rows: 'everything',
      why,
    });
  });

  it.each<readonly [string, Partial<CheckAnswer>]>([
    ['other-identity', { identity: 'there' }],
    ['other-identity', { identity: undefined }],
    ['went-back', { snapshot: snapshot('90:100:90') }],
    ['went-back', { snapshot: snapshot('90:110:90,100') }],
    ['slept-too-long', { swept: snapshot('100:110:') }],
    ['slept-too-long', { swept: snapshot('111:111:') }],
  ])('lets the process start anew: %s', (why, changed) => {
    expect(judge(last, 'here', { ...answer, ...changed })).toEqual({ kind: 'start-anew', why });
  });

  it('goes on where just what this process has seen was swept', () => {
    expect(judge(last, 'here', { ...answer, swept: last.snapshot }).kind).toBe('go-on');
  });
});

describe('a key', () => {
  it('of several parts is heard as itself and as the list of its first part', () => {
    expect(keysOf('users', 'a')).toEqual(['users a']);
    expect(keysOf('contacts', 'o:c')).toEqual(['contacts o:c', 'contacts o']);
    expect(keysOf('orders', 'o:c:d')).toEqual(['orders o:c:d', 'orders o']);
  });
});

describe('the floor of a new process', () => {
  const notes = ['10:10:', '20:30:20,25', '20:30:20', '40:40:', '50:60:50'].map((text, index) => ({
    snapshot: snapshot(text),
    shape: index === 3 ? 'other files' : 'files',
  }));
  const choose = (changed: Partial<Parameters<typeof chooseFloor>[0]>): string | undefined => {
    const chosen = chooseFloor({
      notes,
      shape: 'files',
      swept: snapshot('1:1:'),
      crowdedFrom: undefined,
      ...changed,
    });
    return chosen === undefined
      ? undefined
      : `${chosen.snapshot.xmin}:${chosen.snapshot.xmax}:${chosen.snapshot.inProgress}`;
  };

  it('is the oldest note', () => {
    expect(choose({})).toBe('10:10:');
    expect(choose({ notes: notes.toReversed() })).toBe('10:10:');
    expect(choose({ notes: [] })).toBeUndefined();
  });
  it('after which nothing was swept', () => {
    expect(choose({ swept: snapshot('20:30:20,25') })).toBe('20:30:20,25');
    expect(choose({ swept: snapshot('20:30:20') })).toBe('20:30:20');
    expect(choose({ swept: snapshot('70:70:') })).toBeUndefined();
  });
  it('with the files of today', () => {
    expect(choose({ swept: snapshot('31:31:') })).toBe('50:60:50');
    expect(choose({ shape: 'other files' })).toBe('40:40:');
    expect(choose({ shape: 'none of them' })).toBeUndefined();
  });
  it('after which there are few enough rows', () => {
    expect(choose({ crowdedFrom: 9 })).toBe('10:10:');
    expect(choose({ crowdedFrom: 10 })).toBe('20:30:20,25');
    expect(choose({ crowdedFrom: 30 })).toBe('50:60:50');
    expect(choose({ crowdedFrom: 60 })).toBeUndefined();
  });

  it('is never younger than another that would do', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(notes), fc.nat(70), (some, crowdedFrom) => {
        const chosen = chooseFloor({ notes: some, shape: 'files', swept: snapshot('1:1:'), crowdedFrom });
        const fit = some.filter((note) => note.shape === 'files' && note.snapshot.xmax > crowdedFrom);
        expect(chosen === undefined).toBe(fit.length === 0);
        for (const note of fit) {
          if (chosen !== undefined) expect(hasSeenAllOf(note.snapshot, chosen.snapshot)).toBe(true);
        }
      }),
    );
  });
});
