import { describe, expect, it } from 'vitest';
import { getContact } from '../../../application/contacts/get-contact.ts';
import { contactId } from '../../support/fixtures.ts';
import { joinWithContacts, openWorld } from '../world.ts';

const missing = { ok: false, error: { code: 'contact-not-found' } };

describe('get contact', () => {
  it('answers with a contact of the owner, and with where it was read', async () => {
    const world = openWorld();
    const { user, contacts } = await joinWithContacts(world, 1, [7]);
    const get = getContact(world.contactDirectory);
    const [grace] = contacts;
    expect(await get(user.id, contactId(7).toUpperCase())).toEqual({
      ok: true,
      value: { value: grace, source: 'miss' },
    });
    expect(await get(user.id, contactId(7), 'authoritative')).toMatchObject({
      ok: true,
      value: { source: 'bypass' },
    });
  });

  it("does not find another's, nor what is not there or no id", async () => {
    const world = openWorld();
    const { user } = await joinWithContacts(world, 1, [7]);
    await joinWithContacts(world, 2, [8]);
    for (const id of [contactId(8), contactId(9), 'x']) {
      expect(await getContact(world.contactDirectory)(user.id, id)).toEqual(missing);
    }
  });
});
