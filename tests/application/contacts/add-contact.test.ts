import { describe, expect, it } from 'vitest';
import { addContact } from '../../../application/contacts/add-contact.ts';
import { maxContactsPerUser } from '../../../domain/contact.ts';
import { storeContacts } from '../../contracts/persistence-support.ts';
import { contact, userId } from '../../support/fixtures.ts';
import { join, openWorld } from '../world.ts';

describe('add contact', () => {
  it('adds to the list of its owner, behind the fence of the contact', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    const added = await addContact(world)(ada.id, { firstName: 'Grace', email: 'Grace@Example.com' });
    expect(added).toMatchObject({
      ok: true,
      value: { ownerId: ada.id, firstName: 'Grace', lastName: null, email: 'grace@example.com', version: 1 },
    });
    if (!added.ok) throw new Error(added.error.code);
    expect(await world.contacts.find(ada.id, added.value.id)).toEqual(added.value);
    expect(world.steps).toEqual(['begin ordinary', 'fence contact', 'commit']);
  });

  it.each([{ firstName: 'Grace' }, { lastName: 'Hopper' }, { organization: 'Navy', firstName: null }])(
    'takes %j for a name',
    async (input) => {
      const world = openWorld();
      const ada = await join(world, 1);
      expect(await addContact(world)(ada.id, input)).toMatchObject({ ok: true, value: input });
    },
  );

  it.each([{}, { notes: 'x' }, { firstName: null, lastName: null, organization: null }])(
    'finds no name in %j',
    async (input) => {
      const world = openWorld();
      const ada = await join(world, 1);
      expect(await addContact(world)(ada.id, { ...input, phone: 'x' })).toMatchObject({
        ok: false,
        error: { issues: [{ path: ['firstName'], code: 'required' }, { path: ['phone'] }] },
      });
    },
  );

  it.each(['--02-29', '--12-10', '2024-02-29', '0001-01-01'])('takes %s for a birthday', async (birthday) => {
    const world = openWorld();
    const ada = await join(world, 1);
    const input = { firstName: 'Grace', birthday };
    expect(await addContact(world)(ada.id, input)).toMatchObject({ ok: true, value: { birthday } });
  });

  it.each([
    '--02-30',
    '--13-01',
    '-02-28',
    '---02-28',
    '02-28',
    '--2-28',
    '--0228',
    '2023-02-29',
    '0000-01-01',
  ])('takes %s for none', async (birthday) => {
    const world = openWorld();
    const ada = await join(world, 1);
    const input = { firstName: 'Grace', birthday };
    expect(await addContact(world)(ada.id, input)).toMatchObject({ ok: false });
  });

  it('tells everything that is wrong with the input at once, and adds nothing', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    const wrong = { firstName: '', email: 'x', phone: '1', birthday: '2026-02-30' };
    expect(await addContact(world)(ada.id, wrong)).toMatchObject({
      ok: false,
      error: {
        code: 'invalid-input',
        issues: [{ path: ['firstName'] }, { path: ['email'] }, { path: ['phone'] }, { path: ['birthday'] }],
      },
    });
    expect(world.steps).toEqual([]);
  });

  it('adds as many as a user may have and not one more, also when several are added at once', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    const contacts = Array.from({ length: maxContactsPerUser - 2 }, (_, n) => contact(n + 1, ada.id));
    await storeContacts(world, ada.id, contacts);
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, () => addContact(world)(ada.id, { firstName: 'Grace' })),
    );
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(2);
    expect(outcomes.at(-1)).toEqual({ ok: false, error: { code: 'contact-limit' } });
    expect((await world.contacts.page(ada.id, { skip: 0, limit: 1 })).total).toBe(maxContactsPerUser);
  });

  it('does not find an owner who is not there', async () => {
    expect(await addContact(openWorld())(userId(9), { firstName: 'Grace' })).toEqual({
      ok: false,
      error: { code: 'user-not-found' },
    });
  });

  it('throws if the ids that it is given are none', async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    const ids = { ...world.ids, uuid: () => 'x' };
    await expect(addContact({ ...world, ids })(ada.id, { firstName: 'Grace' })).rejects.toThrow(TypeError);
  });
});
