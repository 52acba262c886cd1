import { parseUserId } from '../../domain/identifiers.ts';
import { fail, ok } from '../../domain/result.ts';
import type { InvalidateUser } from '../application.ts';
import { lists } from '../records/contact-list.ts';
import { pointers } from '../records/pointers.ts';
import { contactsOf, type InvalidationNeeds, replayAll } from './invalidation.ts';

/** A tier that cannot be reached keeps what it holds, which is right all the same: nothing was changed. */
export const invalidateUser =
  ({ users, contacts, cache, statistics }: InvalidationNeeds): InvalidateUser =>
  async (userId) => {
    const id = parseUserId(userId);
    const user = id.ok ? await users.find({ kind: 'id', value: id.value }) : undefined;
    if (user === undefined) return fail({ code: 'user-not-found' });
    const replies = await Promise.all([
      ...replayAll(cache, [{ kind: 'user', userId: user.id }, ...(await contactsOf(contacts, user.id))]),
      cache.of(lists).replay(user.id),
      cache.of(pointers.email).replay(user.email),
      cache.of(pointers.username).replay(user.username),
      user.phone === null ? true : cache.of(pointers.phone).replay(user.phone),
    ]);
    statistics.invalidated(replies.length);
    return ok(undefined);
  };
