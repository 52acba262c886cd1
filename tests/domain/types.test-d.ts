/** What must not compile. Checked by tsc: an error that is expected and does not come is an error. */
import type { Contact } from '../../domain/contact.ts';
import type { Email, UserId } from '../../domain/identifiers.ts';
import type { Cacheable, CachePort } from '../../domain/ports/cache.ts';
import type { Log } from '../../domain/ports/runtime.ts';
import type { PasswordHasher } from '../../domain/ports/security.ts';
import type { Password, PasswordHash, Secret } from '../../domain/secret.ts';
import type { Account, Profile, User } from '../../domain/user.ts';

declare const account: Account;
declare const password: Password;
declare const hash: PasswordHash;
declare const hasher: PasswordHasher;
declare const log: Log;
declare const userId: UserId;
declare const email: Email;

/** Nothing that holds a secret can be cached, at any depth. */
const cache = <V extends Cacheable>(value: V): V => value;
cache(account.user);
// @ts-expect-error an account holds a password hash
cache(account);
// @ts-expect-error a secret is no plain data
cache(password);
// @ts-expect-error however deep
cache({ users: [{ name: 'Ada', hash }] });
// @ts-expect-error nor can there be a cache of accounts
export type AccountCache = CachePort<Account>;
export type Cached = [CachePort<User>, CachePort<Profile>, CachePort<Contact>];

/** Nothing that holds a secret can be logged. */
log.info('event', { user: 'id' });
// @ts-expect-error a secret is no field
log.info('event', { password });
// @ts-expect-error nor is an object that could hold one
log.info('event', { account });

/** A secret is no text, and of its own kind. */
// @ts-expect-error it has no readable form
export const text: string = password;
// @ts-expect-error it cannot be made from a text without saying so
export const made: Secret<'password'> = 'text';
// @ts-expect-error a password is no hash
export const verified: Promise<boolean> = hasher.verify(password, password);
// @ts-expect-error a hash is no password
export const hashed: Promise<PasswordHash> = hasher.hash(hash);

/** Branded texts cannot be confused. */
// @ts-expect-error an email is no id
export const id: UserId = email;
// @ts-expect-error a text is no id until it is parsed
export const unparsed: UserId = 'text';
export const asText: string = userId;
