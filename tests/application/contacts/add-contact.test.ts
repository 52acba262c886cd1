import { describe, expect, it } from 'vitest';
import { addContact } from '../../../application/contacts/add-contact.ts';
import { changeContact } from '../../../application/contacts/change-contact.ts';
import { removeContact } from '../../../application/contacts/remove-contact.ts';
import type { Writes } from '../../../application/writes.ts';
import { maxContactsPerUser } from '../../../domain/contact.ts';
import { DatabaseUnavailable } from '../../../domain/faults.ts';
import { storeContacts } from '../../contracts/persistence-support.ts';
import { contact, userId } from '../../support/fixtures.ts';
import { join, openWorld } from '../world.ts';

const grace = { firstName: 'Grace', phone: '+49 170 1234567' };
const key = '8e03978e-40d5-43e7-bc93-6894a57f9324';
const dayMs = 86_400_000;

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
    '--228',
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

describe('add contact with an idempotency key', () => {
  const openHome = async () => {
    const world = openWorld();
    const ada = await join(world, 1);
    const add = addContact(world);
    const total = async (): Promise<number> =>
      (await world.contacts.page(ada.id, { skip: 0, limit: 1 })).total;
    return { world, ada, add, total };
  };

  it('adds one contact and answers the same, at once and one after the other', async () => {
    const { world, ada, add, total } = await openHome();
    const first = await Promise.all([1, 2, 3].map(() => add(ada.id, grace, key)));
    await world.clock.advance(60_000);
    const answers = [...first, await add(ada.id, grace, key), await add(ada.id, grace, key)];
    expect(answers[0]).toMatchObject({ ok: true, value: { firstName: 'Grace', version: 1 } });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(await total()).toBe(1);
    // And without a key each is another.
    await Promise.all([1, 2, 3].map(() => add(ada.id, grace)));
    expect(await total()).toBe(4);
  });

  it('tells the caches again where it finds the contact, for whoever added it may not know that it did', async () => {
    const { world, ada, add } = await openHome();
    await add(ada.id, grace, key);
    world.steps.length = 0;
    await add(ada.id, grace, key);
    expect(world.steps).toEqual(['begin ordinary', 'fence contact', 'commit']);
  });

  it('answers as it did the first time, whatever became of the contact', async () => {
    const { world, ada, add, total } = await openHome();
    const added = await add(ada.id, grace, key);
    if (!added.ok) throw new Error(added.error.code);
    await changeContact(world)(ada.id, added.value.id, { firstName: 'Rear Admiral' });
    expect(await add(ada.id, grace, key)).toEqual(added);
    await removeContact(world.writes)(ada.id, added.value.id);
    expect(await add(ada.id, grace, key)).toEqual(added);
    expect(await total()).toBe(0);
  });

  it('compares what was meant, not how it was written', async () => {
    const { ada, add } = await openHome();
    const added = await add(ada.id, grace, key);
    const sameMeant = { notes: null, phone: '+491701234567', firstName: ' Grace ' };
    expect(await add(ada.id, sameMeant, key)).toEqual(added);
  });

  it('refuses the key for another contact, and adds nothing', async () => {
    const { ada, add, total } = await openHome();
    await add(ada.id, grace, key);
    for (const other of [{ firstName: 'Grace' }, { ...grace, notes: 'x' }, { ...grace, firstName: 'Ada' }])
      expect(await add(ada.id, other, key)).toEqual({
        ok: false,
        error: { code: 'idempotency-key-reused' },
      });
    expect(await total()).toBe(1);
  });

  it('takes the same key of another user for another key', async () => {
    const { world, ada, add } = await openHome();
    const eve = await join(world, 2);
    const [hers, theirs] = [await add(ada.id, grace, key), await add(eve.id, { firstName: 'Other' }, key)];
    expect(hers).toMatchObject({ ok: true, value: { ownerId: ada.id } });
    expect(theirs).toMatchObject({ ok: true, value: { ownerId: eve.id, firstName: 'Other' } });
  });

  it('forgets a key after 24 hours', async () => {
    const { world, ada, add, total } = await openHome();
    const added = await add(ada.id, grace, key);
    await world.clock.advance(dayMs - 1);
    expect(await add(ada.id, grace, key)).toEqual(added);
    // Counted from the first use, not from the last.
    await world.clock.advance(1);
    expect(await add(ada.id, grace, key)).not.toEqual(added);
    expect(await total()).toBe(2);
  });

  it('keeps no key of what was refused', async () => {
    const { world, ada, add, total } = await openHome();
    const contacts = Array.from({ length: maxContactsPerUser }, (_, n) => contact(n + 1, ada.id));
    await storeContacts(world, ada.id, contacts);
    expect(await add(ada.id, grace, key)).toEqual({ ok: false, error: { code: 'contact-limit' } });
    const [first] = contacts;
    if (first === undefined) throw new Error('no contact');
    await removeContact(world.writes)(ada.id, first.id);
    const added = await add(ada.id, grace, key);
    expect(added.ok).toBe(true);
    // The list is full once more, which matters to new ones alone.
    expect(await add(ada.id, grace, key)).toEqual(added);
    expect(await total()).toBe(maxContactsPerUser);
  });

  it('keeps no key of a transaction that failed', async () => {
    const { world, ada, total } = await openHome();
    const writes: Writes = {
      ...world.writes,
      run: (work, locked) =>
        world.writes.run(async (transaction, raiseFences) => {
          await work(transaction, raiseFences);
          throw new DatabaseUnavailable('planted');
        }, locked),
    };
    await expect(addContact({ ...world, writes })(ada.id, grace, key)).rejects.toThrow(DatabaseUnavailable);
    // So that another contact may be sent under it.
    expect(await addContact(world)(ada.id, { firstName: 'Ada' }, key)).toMatchObject({ ok: true });
    expect(await total()).toBe(1);
  });

  it.each([
    ['', 'too-short'],
    ['x'.repeat(256), 'too-long'],
    ['a\nb', 'forbidden-character'],
    ['ключ', 'forbidden-character'],
  ])('refuses %j as a key, and tells what else is wrong', async (wrong, code) => {
    const { ada, add } = await openHome();
    expect(await add(ada.id, { firstName: '' }, wrong)).toMatchObject({
      ok: false,
      error: { code: 'invalid-input', issues: [{ path: ['firstName'] }, { path: ['idempotencyKey'], code }] },
    });
  });

  it('takes the longest key, and one of spaces and quotes', async () => {
    const { ada, add, total } = await openHome();
    for (const right of ['~'.repeat(255), ' ', 'a "b" \\ c']) {
      const added = await add(ada.id, grace, right);
      expect(added.ok).toBe(true);
      expect(await add(ada.id, grace, right)).toEqual(added);
    }
    expect(await total()).toBe(3);
  });
});
