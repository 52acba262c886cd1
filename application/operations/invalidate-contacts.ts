import { parseUserId } from '../../domain/identifiers.ts';
import { fail, ok } from '../../domain/result.ts';
import type { InvalidateContacts } from '../application.ts';
import { lists } from '../records/contact-list.ts';
import { contactsOf, type InvalidationNeeds, replayAll } from './invalidation.ts';

/** All contacts of an owner, and the list of them. */
export const invalidateContacts =
  ({ users, contacts, cache, statistics }: InvalidationNeeds): InvalidateContacts =>
  async (ownerId) => {
    const id = parseUserId(ownerId);
    const owner = id.ok ? await users.find({ kind: 'id', value: id.value }) : undefined;
    if (owner === undefined) return fail({ code: 'user-not-found' });
    const replies = await Promise.all([
      ...replayAll(cache, await contactsOf(contacts, owner.id)),
      cache.of(lists).replay(owner.id),
    ]);
    statistics.invalidated(replies.length);
    return ok(undefined);
  };
