import { describe, expect, it } from 'vitest';
import type { ListContacts } from '../../../application/application.ts';
import { listContacts } from '../../../application/contacts/list-contacts.ts';
import type { UserId } from '../../../domain/identifiers.ts';
import { userId } from '../../support/fixtures.ts';
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
        value: { ownerId, items: newestFirst, total: 3, skip: 0, limit: 20, nextCursor: null },
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
    expect(await list(ownerId, { query: 'CONTACT2 first' })).toEqual({
      ok: true,
      value: {
        value: { ownerId, items: [newestFirst[1]], total: 1, skip: 0, limit: 20, nextCursor: null },
        source: 'bypass',
      },
    });
  });

  /** What the pages show, one after the other, as a client goes through them. */
  const walk = async (
    list: ListContacts,
    ownerId: UserId,
    query?: string,
  ): Promise<readonly (string | null)[]> => {
    const shown: (string | null)[] = [];
    let cursor: string | undefined;
    do {
      const page = await list(ownerId, { limit: 2, cursor, query });
      if (!page.ok) throw new Error(page.error.code);
      expect(page.value.value.skip).toBe(cursor === undefined ? 0 : null);
      shown.push(...page.value.value.items.map(({ firstName }) => firstName));
      cursor = page.value.value.nextCursor ?? undefined;
    } while (cursor !== undefined);
    return shown;
  };

  it('goes from page to page by cursor, through the list and through what a search finds', async () => {
    const { ownerId, newestFirst, list } = await open();
    const names = newestFirst.map(({ firstName }) => firstName);
    expect(await walk(list, ownerId)).toEqual(names);
    expect(await walk(list, ownerId, 'first')).toEqual(names);
    expect(await walk(list, ownerId, 'contact2')).toEqual(['First 2']);
  });

  it('takes a cursor for the list of which it is, and for no other', async () => {
    const { ownerId, list } = await open();
    const cursorOf = async (query?: string): Promise<string> => {
      const page = await list(ownerId, { limit: 1, query });
      return (page.ok ? page.value.value.nextCursor : null) ?? '';
    };
    const [whole, found] = [await cursorOf(), await cursorOf('first last')];
    const isTaken = async (input: Parameters<ListContacts>[1], owner = ownerId) =>
      (await list(owner, input)).ok;
    expect(await isTaken({ cursor: whole })).toBe(true);
    expect(await isTaken({ cursor: whole, query: 'first last' })).toBe(false);
    expect(await isTaken({ cursor: whole }, userId(2))).toBe(false);
    expect(await isTaken({ cursor: found })).toBe(false);
    expect(await isTaken({ cursor: found, query: 'first' })).toBe(false);
    // The same words are the same search.
    expect(await isTaken({ cursor: found, query: 'LAST  first' })).toBe(true);
    expect(await list(ownerId, { cursor: whole, skip: 1 })).toMatchObject({
      ok: false,
      error: { issues: [{ path: ['skip'] }] },
    });
    for (const cursor of ['', 'x', `${whole}0`.padEnd(81, '0'), whole.replace('p', '-'), whole.toUpperCase()])
      expect(await list(ownerId, { cursor })).toMatchObject({
        ok: false,
        error: { code: 'invalid-input', issues: [{ path: ['cursor'] }] },
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
