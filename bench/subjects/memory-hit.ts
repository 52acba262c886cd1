import { LRUCache } from 'lru-cache';
import type { User } from '../../domain/user.ts';
import type { OpenSubject } from '../harness/subject.ts';
import { inTurn } from './loops.ts';
import { openKith, type Parts } from './open-kith.ts';
import { idsOf, person } from './people.ts';

/** The anchor: nothing can be faster that answers with a promise and is bounded. */
export const bare: OpenSubject = async ({ people }) => {
  const ids = idsOf(people);
  const cache = new LRUCache<string, User>({ max: 10_000 });
  for (const [index, id] of ids.entries()) cache.set(id, person(index + 1));
  const get = async (id: string): Promise<User | undefined> => cache.get(id);
  return { run: (operations) => inTurn(operations, (n) => get(ids[n % ids.length] ?? '')) };
};

const byId =
  (redis: Parts['redis']): OpenSubject =>
  async (settings) => {
    const { kith } = await openKith(settings, { database: 'memory', redis });
    const keys = idsOf(settings.people).map((value) => ({ kind: 'id', value }) as const);
    const { getUser } = kith.useCases;
    for (const key of keys) await getUser(key);
    return {
      run: (operations) =>
        inTurn(operations, (n) => {
          const key = keys[n % keys.length];
          return key === undefined ? Promise.resolve() : getUser(key);
        }),
      statistics: async () => kith.useCases.getStatistics().byTier,
    };
  };

/** `getUser` by id: the memory of a single process. */
export const embedded: OpenSubject = byId('none');
/** The same where the memory lies over Redis and has to be proven fresh at each hit. */
export const tiered: OpenSubject = byId('tiered');

/** `getUser` by email: a pointer, the user, and whether the user still goes by that email. */
export const byEmail: OpenSubject = async (settings) => {
  const { kith } = await openKith(settings, { database: 'memory', redis: 'none' });
  const keys = Array.from(
    { length: settings.people },
    (_, index) => ({ kind: 'email', value: person(index + 1).email }) as const,
  );
  const { getUser } = kith.useCases;
  for (const key of keys) await getUser(key);
  return {
    run: (operations) =>
      inTurn(operations, (n) => {
        const key = keys[n % keys.length];
        return key === undefined ? Promise.resolve() : getUser(key);
      }),
  };
};
