import { describe, expect, it } from 'vitest';
import { changeContact } from '../../../application/contacts/change-contact.ts';
import { contactId, userId } from '../../support/fixtures.ts';
import { joinWithContacts, openWorld } from '../world.ts';

describe('change contact', () => {
  it('changes the fields that are given, clears with null, and leaves the others', async () => {
    const world = openWorld();
    const { user, contacts } = await joinWithContacts(world, 1, [7]);
    const changed = await changeContact(world)(user.id, contactId(7), { firstName: 'Grace', notes: null }, 1);
    expect(changed).toEqual({
      ok: true,
      value: {
        ...contacts[0],
        firstName: 'Grace',
        notes: null,
        version: 2,
        updatedAtMs: expect.any(Number),
      },
    });
    expect(await world.contacts.find(user.id, contactId(7))).toEqual(changed.ok && changed.value);
    expect(world.steps).toEqual(['begin ordinary', 'fence contact', 'commit']);
  });

  it('refuses input that is wrong or empty, and changes nothing', async () => {
    const world = openWorld();
    const { user } = await joinWithContacts(world, 1, [7]);
    for (const [input, issues] of [
      [{ firstName: '', phone: 'x' }, [{ path: ['firstName'] }, { path: ['phone'] }]],
      [{}, [{ path: [], code: 'empty' }]],
    ] as const) {
      expect(await changeContact(world)(user.id, contactId(7), input)).toMatchObject({
        ok: false,
        error: { code: 'invalid-input', issues },
      });
    }
    expect(world.steps).toEqual([]);
  });

  it('leaves a contact at least one name', async () => {
    const world = openWorld();
    const { user, contacts } = await joinWithContacts(world, 1, [7]);
    const change = (input: Parameters<ReturnType<typeof changeContact>>[2]) =>
      changeContact(world)(user.id, contactId(7), input);
    expect(await change({ firstName: null, lastName: null })).toMatchObject({
      ok: false,
      error: { code: 'invalid-input', issues: [{ path: ['firstName'], code: 'required' }] },
    });
    expect(await world.contacts.find(user.id, contactId(7))).toEqual(contacts[0]);
    expect(world.steps).toEqual(['begin ordinary', 'roll back']);
    const company = { firstName: null, lastName: null, organization: 'Navy' };
    expect(await change(company)).toMatchObject({ ok: true, value: company });
    expect(await change({ organization: null })).toMatchObject({ ok: false });
    expect(await change({ notes: 'a port' })).toMatchObject({ ok: true, value: company });
  });

  it('fails for another version than the expected one, and raises no fence', async () => {
    const world = openWorld();
    const { user, contacts } = await joinWithContacts(world, 1, [7]);
    expect(await changeContact(world)(user.id, contactId(7), { firstName: 'Grace' }, 2)).toEqual({
      ok: false,
      error: { code: 'version-conflict' },
    });
    expect(world.steps).toEqual(['begin ordinary', 'roll back']);
    expect(await world.contacts.find(user.id, contactId(7))).toEqual(contacts[0]);
  });

  it("does not find another's, nor what is not there or no id, nor the contacts of nobody", async () => {
    const world = openWorld();
    const { user } = await joinWithContacts(world, 1, [7]);
    const { contacts } = await joinWithContacts(world, 2, [8]);
    const change = (ownerId: typeof user.id, id: string) =>
      changeContact(world)(ownerId, id, { firstName: 'Grace' });
    for (const id of [contactId(8), contactId(9), 'x']) {
      expect(await change(user.id, id)).toEqual({ ok: false, error: { code: 'contact-not-found' } });
    }
    expect(await change(userId(9), contactId(7))).toEqual({ ok: false, error: { code: 'user-not-found' } });
    expect(await world.contacts.find(userId(2), contactId(8))).toEqual(contacts[0]);
  });
});
