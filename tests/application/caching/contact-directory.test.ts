import { describe, expect, it } from 'vitest';
import { MemoryCache } from '../../../adapters/memory/memory-cache.ts';
import { memoryDatabase } from '../../../adapters/memory/memory-database.ts';
import { systemClock } from '../../../adapters/system/clock.ts';
import { systemIds } from '../../../adapters/system/ids.ts';
import { pageKey } from '../../../application/records/contact-list.ts';
import { recordKinds } from '../../../application/records/kinds.ts';
import { compose } from '../../../composition/compose.ts';
import { defaultConfig } from '../../../composition/config.ts';
import { userId } from '../../support/fixtures.ts';

const silent = { info: () => {}, warn: () => {}, error: () => {} };

/** Two pages of one list that have the same place in a cache, whatever its generation. */
const sharing = (): readonly [number, number] => {
  const placeOf = (skip: number) => pageKey(userId(1), '', { skip, limit: 1 });
  const firsts = new Map<string, number>();
  for (let skip = 0; skip < 300; skip++) {
    const first = firsts.get(placeOf(skip));
    if (first !== undefined) return [first, skip];
    firsts.set(placeOf(skip), skip);
  }
  throw new Error('300 pages have 300 places');
};

describe('pages of a list', () => {
  const open = async () => {
    const cache = new MemoryCache({
      kinds: recordKinds(),
      clock: systemClock,
      ids: systemIds,
      maxEntries: 1000,
    });
    const kith = await compose(defaultConfig(), { database: memoryDatabase(), cache, log: silent });
    const session = await kith.useCases.register({
      email: 'ann@example.com',
      username: 'ann',
      password: 'correct horse battery staple',
    });
    if (!session.ok) throw new Error(session.error.code);
    const { id } = session.value.user;
    const list = async (input: Parameters<typeof kith.useCases.listContacts>[1]) => {
      const page = await kith.useCases.listContacts(id, { limit: 1, ...input });
      if (!page.ok) throw new Error(page.error.code);
      return { ...page.value.value, source: page.value.source };
    };
    return { kith, id, list, [Symbol.asyncDispose]: () => kith[Symbol.asyncDispose]() };
  };

  it('that share a place are each answered as what they are', async () => {
    await using world = await open();
    const [one, other] = sharing();
    // The first is cached; for the second the database is asked, each time.
    expect(await world.list({ skip: one })).toMatchObject({ skip: one, source: 'stored' });
    for (let n = 0; n < 2; n++) {
      expect(await world.list({ skip: other })).toMatchObject({ skip: other, source: 'miss' });
      expect(await world.list({ skip: one })).toMatchObject({ skip: one, source: 'memory' });
    }
    const both = await Promise.all([one, other, one, other].map((skip) => world.list({ skip })));
    expect(both.map(({ skip }) => skip)).toEqual([one, other, one, other]);
  });

  it('by cursor are cached, and gone after every write of the owner', async () => {
    await using world = await open();
    const add = (firstName: string) => world.kith.useCases.addContact(world.id, { firstName });
    for (const name of ['a', 'b', 'c']) await add(name);
    // Past the cache: where it lies in one it might have the place of the second, once in 256 times.
    const first = await world.kith.useCases.listContacts(world.id, { limit: 1 }, 'authoritative');
    const cursor = (first.ok && first.value.value.nextCursor) || undefined;
    const second = async () => {
      const { items, source, total } = await world.list({ cursor });
      return [items[0]?.firstName, total, source];
    };
    expect([await second(), await second()]).toEqual([
      ['b', 3, 'stored'],
      ['b', 3, 'memory'],
    ]);
    const { items } = await world.list({ cursor });
    await world.kith.useCases.changeContact(world.id, items[0]?.id ?? '', { firstName: 'B' });
    expect(await second()).toEqual(['B', 3, 'stored']);
    await add('d');
    expect(await second()).toEqual(['B', 4, 'stored']);
    await world.kith.useCases.removeContact(world.id, items[0]?.id ?? '');
    expect(await second()).toEqual(['a', 3, 'stored']);
  });
});
