import { pageLimits } from '../../domain/contact.ts';
import type { ContactId, UserId } from '../../domain/identifiers.ts';
import { parseUserId } from '../../domain/identifiers.ts';
import type { Cache } from '../../domain/ports/cache.ts';
import type { Changed, ContactRepository, UserRepository } from '../../domain/ports/persistence.ts';
import { fail, ok } from '../../domain/result.ts';
import type { InvalidateUser } from '../application.ts';
import type { StatisticsCounter } from '../caching/statistics.ts';
import { lists } from '../records/contact-list.ts';
import { recordsOf } from '../records/kinds.ts';
import { pointers } from '../records/pointers.ts';

export type InvalidateUserNeeds = {
  readonly users: UserRepository;
  readonly contacts: ContactRepository;
  readonly cache: Cache;
  readonly statistics: Pick<StatisticsCounter, 'invalidated'>;
};

/** A tier that cannot be reached keeps what it holds, which is right all the same: nothing was changed. */
export const invalidateUser =
  ({ users, contacts, cache, statistics }: InvalidateUserNeeds): InvalidateUser =>
  async (userId) => {
    const id = parseUserId(userId);
    const user = id.ok ? await users.find({ kind: 'id', value: id.value }) : undefined;
    if (user === undefined) return fail({ code: 'user-not-found' });
    const changes: Changed[] = [
      { kind: 'user', userId: user.id },
      ...(await contactIds(contacts, user.id)).map((contactId) => ({
        kind: 'contact' as const,
        ownerId: user.id,
        contactId,
      })),
    ];
    const replies = await Promise.all([
      ...changes.flatMap(recordsOf).map(({ kind, key }) => cache.of(kind).replay(key)),
      cache.of(lists).replay(user.id),
      cache.of(pointers.email).replay(user.email),
      cache.of(pointers.username).replay(user.username),
      user.phone === null ? true : cache.of(pointers.phone).replay(user.phone),
    ]);
    statistics.invalidated(replies.length);
    return ok(undefined);
  };

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
