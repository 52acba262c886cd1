import { describe, expect, it } from 'vitest';
import { listContacts } from '../../../application/contacts/list-contacts.ts';
import { joinWithContacts, openWorld } from '../world.ts';

const open = async () => {
  const world = openWorld();
  const { user, contacts } = await joinWithContacts(world, 1, [1, 2, 3]);
  await joinWithContacts(world, 2, [4]);
  const list = listContacts({ directory: world.contactDirectory, contacts: world.contacts });
  return { ownerId: user.id, newestFirst: contacts.toReversed(), list };
};

describe('list contacts', () => {
  it("answers with a page of the owner's, newest first, and with how many there are", async () => {
    const { ownerId, newestFirst, list } = await open();
    expect(await list(ownerId, {})).toEqual({
      ok: true,
      value: {
        value: { ownerId, items: newestFirst, total: 3, skip: 0, limit: 20 },
        source: 'miss',
      },
    });
    expect(await list(ownerId, { skip: 1, limit: 1 })).toMatchObject({
      ok: true,
      value: { value: { items: [newestFirst[1]], total: 3, skip: 1, limit: 1 } },
    });
  });

  it('searches in the database and not in the cache', async () => {
    const { ownerId, newestFirst, list } = await open();
    expect(await list(ownerId, { query: 'FIRST 2' })).toEqual({
      ok: true,
      value: {
        value: { ownerId, items: [newestFirst[1]], total: 1, skip: 0, limit: 20 },
        source: 'bypass',
      },
    });
  });

  it('tells everything that is wrong with the input at once', async () => {
    const { ownerId, list } = await open();
    expect(await list(ownerId, { skip: -1, limit: 101, query: '' })).toMatchObject({
      ok: false,
      error: {
        code: 'invalid-input',
        issues: [{ path: ['skip'] }, { path: ['limit'] }, { path: ['query'] }],
      },
    });
    for (const input of [{ limit: 0 }, { skip: 1.5 }, { query: ' ' }, { query: 'x'.repeat(101) }]) {
      expect(await list(ownerId, input)).toMatchObject({ ok: false, error: { code: 'invalid-input' } });
    }
  });
});
