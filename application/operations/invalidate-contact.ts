import { parseContactId, parseUserId } from '../../domain/identifiers.ts';
import { fail, ok } from '../../domain/result.ts';
import type { InvalidateContact } from '../application.ts';
import { type InvalidationNeeds, replayAll } from './invalidation.ts';

/** One contact and its owner's list. It need not exist any more: what was removed by hand may still be cached. */
export const invalidateContact =
  ({ users, cache, statistics }: Omit<InvalidationNeeds, 'contacts'>): InvalidateContact =>
  async (ownerId, contactId) => {
    const [owner, contact] = [parseUserId(ownerId), parseContactId(contactId)];
    if (!owner.ok || (await users.find({ kind: 'id', value: owner.value })) === undefined)
      return fail({ code: 'user-not-found' });
    if (!contact.ok) return fail({ code: 'contact-not-found' });
    const replies = await Promise.all(
      replayAll(cache, [{ kind: 'contact', ownerId: owner.value, contactId: contact.value }]),
    );
    statistics.invalidated(replies.length);
    return ok(undefined);
  };
