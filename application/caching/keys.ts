import type { PageRequest } from '../../domain/contact.ts';
import type { ContactId, UserId } from '../../domain/identifiers.ts';
import type { Kind } from '../../domain/ports/cache.ts';
import type { Invalidation } from '../../domain/ports/persistence.ts';

/** One cached record. */
export type RecordKey = { readonly kind: Kind; readonly key: string };

export const contactKey = (ownerId: UserId, id: ContactId): string => `${id}:user:${ownerId}`;

export const pageKey = (ownerId: UserId, generation: string, { skip, limit }: PageRequest): string =>
  `${ownerId}:${generation}:${skip}:${limit}`;

/**
 * Every record that a change makes old. Pointers (emails, usernames, phones) are not among them: they are verified at
 * each use. Pages are not either: they hang on their list's generation.
 */
export const recordsOf = (change: Exclude<Invalidation, { kind: 'everything' }>): readonly RecordKey[] =>
  change.kind === 'user'
    ? [
        { kind: 'users', key: change.userId },
        { kind: 'profiles', key: change.userId },
      ]
    : [
        { kind: 'contacts', key: contactKey(change.ownerId, change.contactId) },
        { kind: 'lists', key: change.ownerId },
      ];

/** The kind of record that points from an alias to an id. */
export const pointerKinds: {
  readonly email: 'emails';
  readonly username: 'usernames';
  readonly phone: 'phones';
} = { email: 'emails', username: 'usernames', phone: 'phones' };

/**
 * A record's name in a store that all kinds share. The ids, emails, phones and usernames that most reads come with are
 * their own names, unlike in length or alphabet, so that no string is built on the fastest path.
 */
export const nameIn: { readonly [K in Kind]: (key: string) => string } = {
  users: (key) => key,
  emails: (key) => key,
  usernames: (key) => key,
  phones: (key) => key,
  contacts: (key) => key,
  profiles: (key) => `profile ${key}`,
  lists: (key) => `list ${key}`,
  pages: (key) => `page ${key}`,
};
