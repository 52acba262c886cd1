import { describe, expect, it } from 'vitest';
import { removeContact } from '../../../application/contacts/remove-contact.ts';
import { contactId, userId } from '../../support/fixtures.ts';
import { joinWithContacts, openWorld } from '../world.ts';

describe('remove contact', () => {
  it('removes one contact for good, behind its fence', async () => {
    const world = openWorld();
    const { user } = await joinWithContacts(world, 1, [7, 8]);
    expect(await removeContact(world.writes)(user.id, contactId(7), 1)).toEqual({
      ok: true,
      value: undefined,
    });
    const { items } = await world.contacts.page(user.id, { skip: 0, limit: 10 });
    expect(items.map(({ id }) => id)).toEqual([contactId(8)]);
    expect(world.steps).toEqual(['begin ordinary', 'fence contact', 'commit']);
  });

  it('fails for another version than the expected one', async () => {
    const world = openWorld();
    const { user, contacts } = await joinWithContacts(world, 1, [7]);
    expect(await removeContact(world.writes)(user.id, contactId(7), 2)).toEqual({
      ok: false,
      error: { code: 'version-conflict' },
    });
    expect(await world.contacts.find(user.id, contactId(7))).toEqual(contacts[0]);
  });

  it("does not find another's, nor what is not there or no id, nor the contacts of nobody", async () => {
    const world = openWorld();
    const { user } = await joinWithContacts(world, 1, [7]);
    const { contacts } = await joinWithContacts(world, 2, [8]);
    const remove = removeContact(world.writes);
    for (const id of [contactId(8), contactId(9), 'x']) {
      expect(await remove(user.id, id)).toEqual({ ok: false, error: { code: 'contact-not-found' } });
    }
    expect(await remove(userId(9), contactId(7))).toEqual({ ok: false, error: { code: 'user-not-found' } });
    expect(await world.contacts.find(userId(2), contactId(8))).toEqual(contacts[0]);
  });
});
