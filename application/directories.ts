import type { Contact, ContactPage, PageRequest } from '../domain/contact.ts';
import type { ContactId, UserId, UserKey } from '../domain/identifiers.ts';
import type { Profile, User } from '../domain/user.ts';
import type { Freshness, Read } from './read.ts';

/**
 * Users through the cache: as old as the promises of caching/protocol.ts allow, or read from the primary database now if
 * `authoritative` is asked for. Of what is asked for as `cached`, what no cache holds is `undefined`. A use case that must
 * never see an old user takes a `UserRepository` instead.
 */
export interface UserDirectory {
  find(key: UserKey, freshness?: Freshness): Promise<Read<User> | undefined>;
  /** What others may see of an active user. */
  findProfile(
    key: Extract<UserKey, { kind: 'id' | 'username' }>,
    freshness?: Freshness,
  ): Promise<Read<Profile> | undefined>;
  /** In the order of the keys: at most two cache round trips, and one query for all that the cache did not have. */
  findMany(
    keys: readonly UserKey[],
    freshness?: Exclude<Freshness, 'cached'>,
  ): Promise<readonly (User | undefined)[]>;
}

/** One owner's contacts through the cache, under the same promises. A contact of another owner is not found. */
export interface ContactDirectory {
  find(ownerId: UserId, id: ContactId, freshness?: Freshness): Promise<Read<Contact> | undefined>;
  page(ownerId: UserId, request: PageRequest, freshness?: Freshness): Promise<Read<ContactPage> | undefined>;
}
