import { describe, expect, it } from 'vitest';
import { Belief } from '../../../application/caching/belief.ts';
import { contactKey, contacts } from '../../../application/records/contact.ts';
import { lists, pageKey, pages } from '../../../application/records/contact-list.ts';
import { heardOf } from '../../../application/records/kinds.ts';
import { pointers } from '../../../application/records/pointers.ts';
import { profiles } from '../../../application/records/profile.ts';
import { users } from '../../../application/records/user.ts';
import type { Proof } from '../../../domain/ports/change-log.ts';
import type { Snapshot } from '../../../domain/snapshot.ts';
import { contactId, userId } from '../../support/fixtures.ts';

const at = (xmax: number, ...inProgress: number[]): Snapshot => ({
  xmin: inProgress[0] ?? xmax,
  xmax,
  inProgress,
});
const proof = (snapshot: Snapshot, epoch = 'epoch001'): Proof => ({ epoch, snapshot });
const [ann, bob] = [userId(1), userId(2)];

const begun = (floor = at(10)): Belief => {
  const belief = new Belief();
  belief.begin('epoch001', floor);
  return belief;
};

describe('belief', () => {
  it('is for values of the present epoch that have seen all that is known', () => {
    const belief = begun();
    expect(belief.doubt(users, ann, proof(at(10)))).toBeUndefined();
    expect(belief.doubt(users, ann, proof(at(9)))).toBe('outdated');
    expect(belief.doubt(users, ann, proof(at(10, 8)))).toBe('outdated');
    expect(belief.doubt(users, ann, proof(at(10), 'epoch002'))).toBe('other-epoch');
    expect(belief.doubt(users, ann, undefined)).toBe('unproved');
  });

  it('is for nothing before it begins, and after what was known is void', () => {
    const belief = new Belief();
    expect(belief.doubt(users, ann, proof(at(10)))).toBe('unchecked');
    belief.begin('epoch001', at(10));
    belief.forget();
    expect(belief.doubt(users, ann, proof(at(10)))).toBe('unchecked');
    belief.apply(at(12), new Map());
    expect(belief.doubt(users, ann, proof(at(12)))).toBe('unchecked');
  });

  it('is for every hint, which is verified at its use', () => {
    expect(new Belief().doubt(pointers.email, 'a@example.com', undefined)).toBeUndefined();
  });

  it('asks of a changed record, and of no other, that its value has seen the change', () => {
    const belief = begun();
    belief.apply(at(14), new Map([[`users ${ann}`, [11, 13]]]));
    for (const kind of [users, profiles]) {
      expect(belief.doubt(kind, ann, proof(at(14)))).toBeUndefined();
      expect(belief.doubt(kind, ann, proof(at(14, 11)))).toBe('outdated');
      expect(belief.doubt(kind, ann, proof(at(13)))).toBe('outdated');
      expect(belief.doubt(kind, bob, proof(at(11)))).toBeUndefined();
    }
  });

  it('asks the same of a list and its pages when a contact of it changed, and of that contact alone', () => {
    const belief = begun();
    const changed = contactKey(ann, contactId(1));
    belief.apply(
      at(14),
      new Map([
        [`contacts ${ann}:${contactId(1)}`, [12]],
        [`contacts ${ann}`, [12]],
      ]),
    );
    const old = proof(at(12));
    expect(belief.doubt(contacts, changed, old)).toBe('outdated');
    expect(belief.doubt(lists, ann, old)).toBe('outdated');
    expect(belief.doubt(pages, pageKey(ann, 'generation', { skip: 0, limit: 10 }), old)).toBe('outdated');
    expect(belief.doubt(contacts, contactKey(ann, contactId(2)), old)).toBeUndefined();
    expect(belief.doubt(contacts, contactKey(bob, contactId(1)), old)).toBeUndefined();
    expect(belief.doubt(lists, bob, old)).toBeUndefined();
    expect(belief.doubt(users, ann, old)).toBeUndefined();
  });

  it('hears an own write under the same keys as the log tells of it', () => {
    const belief = begun();
    belief.noteOwn(12, heardOf({ kind: 'contact', ownerId: ann, contactId: contactId(1) }));
    belief.noteOwn(13, heardOf({ kind: 'user', userId: bob }));
    expect(belief.doubt(contacts, contactKey(ann, contactId(1)), proof(at(12)))).toBe('outdated');
    expect(belief.doubt(lists, ann, proof(at(12)))).toBe('outdated');
    expect(belief.doubt(users, bob, proof(at(13)))).toBe('outdated');
    expect(belief.doubt(profiles, bob, proof(at(14)))).toBeUndefined();
  });

  it('keeps own writes that were acknowledged before it began', () => {
    const belief = new Belief();
    belief.noteOwn(12, heardOf({ kind: 'user', userId: ann }));
    belief.begin('epoch001', at(10));
    expect(belief.doubt(users, ann, proof(at(11)))).toBe('outdated');
    expect(belief.doubt(users, ann, proof(at(13)))).toBeUndefined();
    // Once a check has seen it, it is the check's matter.
    belief.apply(at(20), new Map([[`users ${ann}`, [12]]]));
    expect(belief.doubt(users, ann, proof(at(12)))).toBe('outdated');
    expect(belief.doubt(users, ann, proof(at(13)))).toBeUndefined();
  });

  it('asks of every value that it has seen all, where everything may have changed', () => {
    const belief = begun();
    belief.apply(at(14), 'everything');
    expect(belief.doubt(users, bob, proof(at(13)))).toBe('outdated');
    expect(belief.doubt(users, bob, proof(at(14)))).toBeUndefined();
  });
});
