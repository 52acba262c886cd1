import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contactKey, contacts } from '../../../application/records/contact.ts';
import { lists, pageKey, pages } from '../../../application/records/contact-list.ts';
import { heardOf, recordKinds, recordsHeardAs, recordsOf } from '../../../application/records/kinds.ts';
import { profiles } from '../../../application/records/profile.ts';
import { users } from '../../../application/records/user.ts';
import type { ContactId, UserId } from '../../../domain/identifiers.ts';
import type { Cacheable, RecordKind, RecordOrigin } from '../../../domain/ports/cache.ts';
import { anyContactId, anyUserId } from '../../contracts/records.ts';
import { contactId, userId } from '../../support/fixtures.ts';

type Kind = RecordKind<Cacheable>;

/** The keys of somebody's records. */
const keys: Readonly<Record<string, (owner: UserId, contact: ContactId) => string>> = {
  users: (owner) => owner,
  profiles: (owner) => owner,
  contacts: (owner, contact) => contactKey(owner, contact),
  lists: (owner) => owner,
  pages: (owner) => pageKey(owner, 'a generation: the first', { skip: 20, limit: 10 }),
};

const ids = fc.constant(undefined).map(() => [anyUserId(), anyContactId()] as const);

/** Throws where a change of a record would not lead to it, or would lead to another. */
const expectInverse = (kinds: readonly Kind[]): void =>
  fc.assert(
    fc.property(fc.constantFrom(...kinds), ids, ({ name, origin }, [owner, contact]) => {
      if (origin === undefined) return;
      const key = keys[name]?.(owner, contact) ?? '';
      const heard = origin.heardAs(key);
      // Pages hang on their list, which is heard by the same name.
      if (name === 'pages') expect([heard, origin.recordOf(heard)]).toEqual([owner, undefined]);
      else expect(origin.recordOf(heard)).toBe(key);
      // And no change leads to a record that is not heard of by it.
      const changes = [
        ...heardOf({ kind: 'user', userId: owner }),
        ...heardOf({ kind: 'contact', ownerId: owner, contactId: contact }),
      ];
      for (const change of changes.filter(({ source }) => source === origin.source)) {
        const record = origin.recordOf(change.key);
        if (record !== undefined) expect(origin.heardAs(record)).toBe(change.key);
      }
      // A whole key comes back: another's record would be dropped in its place.
      const mine = changes.flatMap((change) => recordsHeardAs(kinds, change));
      for (const record of mine) expect(record.key).toBe(keys[record.kind.name]?.(owner, contact));
    }),
    { seed: 3 },
  );

/** The kinds with the origin of one of them told otherwise. */
const spoiled = (name: string, spoil: (right: RecordOrigin) => Partial<RecordOrigin>): readonly Kind[] =>
  recordKinds().map((kind) =>
    kind.name === name && kind.origin !== undefined
      ? { ...kind, origin: { ...kind.origin, ...spoil(kind.origin) } }
      : kind,
  );

describe('where a kind of record is heard of', () => {
  it('is the inverse of what is led to, for every kind', () => {
    expectInverse(recordKinds());
  });

  it.each<readonly [string, readonly Kind[]]>([
    ['contacts by their own key', spoiled('contacts', () => ({ heardAs: (key) => key }))],
    ['lists led to by contacts', spoiled('lists', () => ({ recordOf: (heard) => heard }))],
    [
      'contacts led to by owners',
      spoiled('contacts', (right) => ({ recordOf: (h) => right.recordOf(h) ?? h })),
    ],
    ['pages by their whole key', spoiled('pages', () => ({ heardAs: (key) => key }))],
    ['users that nothing leads to', spoiled('users', () => ({ recordOf: () => undefined }))],
  ])('would not be with %s', (_what, kinds) => {
    expect(() => expectInverse(kinds)).toThrow(/Property failed/);
  });

  it('is nowhere for hints, and somewhere for all others', () => {
    for (const { isHint, origin } of recordKinds()) expect(origin === undefined).toBe(isHint);
  });

  it('has the owner first for a contact, so that the key of the list stands before the colon', () => {
    const [owner, contact] = [userId(1), contactId(2)];
    expect(contacts.origin?.heardAs(contactKey(owner, contact))).toBe(`${owner}:${contact}`);
    expect(lists.origin?.heardAs(owner)).toBe(owner);
    expect(pages.origin?.heardAs(pageKey(owner, 'g', { skip: 0, limit: 20 }))).toBe(owner);
  });

  it('leads from each change to the records that it makes old, and to no other', () => {
    const [owner, contact] = [userId(1), contactId(2)];
    const named = (records: ReturnType<typeof recordsOf>) => records.map(({ kind, key }) => [kind.name, key]);
    expect(named(recordsOf({ kind: 'user', userId: owner }))).toEqual([
      [users.name, owner],
      [profiles.name, owner],
    ]);
    expect(named(recordsOf({ kind: 'contact', ownerId: owner, contactId: contact }))).toEqual([
      [contacts.name, contactKey(owner, contact)],
      [lists.name, owner],
    ]);
    expect(recordsHeardAs(recordKinds(), { source: 'orders', key: owner })).toEqual([]);
  });
});
