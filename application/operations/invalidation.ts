import { pageLimits } from '../../domain/contact.ts';
import type { ContactId, UserId } from '../../domain/identifiers.ts';
import type { Cache } from '../../domain/ports/cache.ts';
import type { Changed, ContactRepository, UserRepository } from '../../domain/ports/persistence.ts';
import type { StatisticsCounter } from '../caching/statistics.ts';
import { recordsOf } from '../records/kinds.ts';

export type InvalidationNeeds = {
  readonly users: UserRepository;
  readonly contacts: ContactRepository;
  readonly cache: Cache;
  readonly statistics: Pick<StatisticsCounter, 'invalidated'>;
};

/** Each tier and each process is told; one that cannot be reached keeps what it holds, which is right all the same. */
export const replayAll = (cache: Cache, changes: readonly Changed[]): readonly Promise<boolean>[] =>
  changes.flatMap(recordsOf).map(({ kind, key }) => cache.of(kind).replay(key));

export const contactsOf = async (contacts: ContactRepository, ownerId: UserId): Promise<readonly Changed[]> =>
  (await contactIds(contacts, ownerId)).map((contactId) => ({ kind: 'contact', ownerId, contactId }));

const contactIds = async (contacts: ContactRepository, ownerId: UserId): Promise<readonly ContactId[]> => {
  const ids: ContactId[] = [];
  const limit = pageLimits.maxLimit;
  let page = await contacts.page(ownerId, { skip: 0, limit });
  for (;;) {
    ids.push(...page.items.map(({ id }) => id));
    if (page.next === null) return ids;
    page = await contacts.page(ownerId, { after: page.next, limit });
  }
};
