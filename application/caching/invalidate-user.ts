import { pageLimits } from '../../domain/contact.ts';
import type { ContactId, UserId } from '../../domain/identifiers.ts';
import { parseUserId } from '../../domain/identifiers.ts';
import type { Cache } from '../../domain/ports/cache.ts';
import type {
  ContactRepository,
  Invalidation,
  Journal,
  UserRepository,
} from '../../domain/ports/persistence.ts';
import { fail, ok } from '../../domain/result.ts';
import type { InvalidateUser } from '../application.ts';
import { recordsOf } from './keys.ts';
import type { StatisticsCounter } from './statistics.ts';

export type InvalidateUserNeeds = {
  readonly users: UserRepository;
  readonly contacts: ContactRepository;
  readonly journal: Journal;
  readonly cache: Cache;
  readonly statistics: StatisticsCounter;
};

/** What cannot be dropped now is journaled, so that it is dropped as soon as the cache can be reached. */
export const invalidateUser =
  ({ users, contacts, journal, cache, statistics }: InvalidateUserNeeds): InvalidateUser =>
  async (userId) => {
    const id = parseUserId(userId);
    const user = id.ok ? await users.find({ kind: 'id', value: id.value }) : undefined;
    if (user === undefined) return fail({ code: 'user-not-found' });
    const { caches } = cache;
    const changes: Exclude<Invalidation, { kind: 'everything' }>[] = [
      { kind: 'user', userId: user.id },
      ...(await contactIds(contacts, user.id)).map((contactId) => ({
        kind: 'contact' as const,
        ownerId: user.id,
        contactId,
      })),
    ];
    const replies = await Promise.all([
      ...changes.flatMap(recordsOf).map(({ kind, key }) => caches[kind].replay(key)),
      caches.lists.replay(user.id),
      caches.emails.replay(user.email),
      caches.usernames.replay(user.username),
      user.phone === null ? true : caches.phones.replay(user.phone),
    ]);
    statistics.invalidated(replies.length);
    if (replies.includes(false)) await journal.append(changes);
    return ok(undefined);
  };

const contactIds = async (contacts: ContactRepository, ownerId: UserId): Promise<readonly ContactId[]> => {
  const ids: ContactId[] = [];
  for (let skip = 0; ; skip += pageLimits.maxLimit) {
    const page = await contacts.page(ownerId, { skip, limit: pageLimits.maxLimit });
    ids.push(...page.items.map(({ id }) => id));
    if (page.items.length < pageLimits.maxLimit) return ids;
  }
};
