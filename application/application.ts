import type { Contact, ContactInput, ContactPage, ContactPatchInput, PageInput } from '../domain/contact.ts';
import type { Failure, IdentifierTaken, InvalidInput } from '../domain/failures.ts';
import type { UserId, UserKey } from '../domain/identifiers.ts';
import type { TierState } from '../domain/ports/cache.ts';
import type { Result } from '../domain/result.ts';
import type { AccessToken } from '../domain/secret.ts';
import type { Profile, User, UserPatchInput } from '../domain/user.ts';
import type { Freshness, Read } from './read.ts';
import type { Confirmation } from './writes.ts';

/**
 * Every use case: what a host can ask of Kith. Inputs are raw (strings as a person typed them) and parsed inside; ids are
 * UUID strings. Expected failures are values; the exceptions of domain/faults.ts mean that a part of the machine is down.
 */
export interface Application {
  /** Creates an account and logs it in. */
  readonly register: Register;
  /** Checks an identifier and a password against the database. */
  readonly logIn: LogIn;
  /** The user whom a token stands for, as they are now. A hit in memory is answered without waiting. */
  readonly authenticate: Authenticate;
  /** Changes the fields that are given; `null` clears one. */
  readonly changeProfile: ChangeProfile;
  /** Ends every token issued before, on every instance, before it resolves. */
  readonly changePassword: ChangePassword;
  /** Ends every token issued before, on every instance, before it resolves. */
  readonly signOutEverywhere: SignOutEverywhere;
  /** Ends every token and refuses log-in; others no longer find the user. */
  readonly deactivateSelf: DeactivateSelf;
  /** A user by id, email, username or phone, deactivated or not. */
  readonly getUser: GetUser;
  /** What others may see of an active user. */
  readonly getProfile: GetProfile;
  /** Up to 500 users by mixed keys at once. */
  readonly lookUpUsers: LookUpUsers;
  /** `deactivateSelf` for administrators, without the password. */
  readonly deactivateUser: DeactivateUser;
  /** Undoes a deactivation; tokens from before it stay refused. */
  readonly reactivateUser: ReactivateUser;
  /** Makes a user an administrator or takes the role away, which holds on every instance before it resolves. */
  readonly setRole: SetRole;
  /** Adds to the owner's list; at most 5,000. With a key, once, however often it is called. */
  readonly addContact: AddContact;
  /** One contact of an owner. A contact of somebody else is answered like one that does not exist. */
  readonly getContact: GetContact;
  /** A page, newest first, or what matches a query. */
  readonly listContacts: ListContacts;
  /** Changes the fields that are given; `null` clears one. */
  readonly changeContact: ChangeContact;
  /** Removes a contact for good. */
  readonly removeContact: RemoveContact;
  /** What each tier holds for a user, never a value. */
  readonly explainCache: ExplainCache;
  /** Drops every cached entry of a user, everywhere. */
  readonly invalidateUser: InvalidateUser;
  /** Drops every cached contact of a user and their list, everywhere. */
  readonly invalidateContacts: InvalidateContacts;
  /** Drops one cached contact and the list that it is in, everywhere. */
  readonly invalidateContact: InvalidateContact;
  /** Which cache is in use, how quickly it answers, and how old its answers may be. */
  readonly getCacheStatus: GetCacheStatus;
  /** Hits and misses since the start of the process. */
  readonly getStatistics: GetStatistics;
  /** Whether the database answers. */
  readonly checkReadiness: CheckReadiness;
}

type Promised<T, F> = Promise<Result<T, F>>;
type NotFound = Failure<'user-not-found'>;

/**
 * Where a request with a password comes from, always written the same way (an IP address, an IPv6 /64). Wrong passwords
 * delay the origin that they came from (domain/attempts.ts). Without it all callers count as one origin, so that wrong
 * passwords of one delay all others.
 */
export type FromOrigin = { readonly origin?: string | undefined };

/** A user who has just proved who they are, and a token for it. */
export type Session = { readonly user: User; readonly token: AccessToken; readonly expiresInSeconds: number };

/** Creates an account and logs it in. */
export type Register = (input: RegisterInput) => Promised<Session, InvalidInput | IdentifierTaken>;
/** As a person typed it. */
export type RegisterInput = {
  readonly email: string;
  readonly username: string;
  readonly password: string;
  readonly phone?: string | null | undefined;
  readonly name?: string | null | undefined;
} & FromOrigin;

/**
 * Checks a password against the database, never against a cache. An unknown identifier, a wrong password and a
 * deactivated account fail alike and cost the same.
 */
export type LogIn = (
  input: { readonly identifier: string; readonly password: string } & FromOrigin,
) => Promised<Session, InvalidInput | Failure<'invalid-credentials' | 'too-many-attempts'>>;

/** The user whom a token stands for. A cached user may accept a token, never refuse one: the database is asked first. */
export type Authenticate = (
  token: string,
  freshness?: Freshness,
) => Promised<Read<User>, Failure<'invalid-token' | 'not-cached'>>;

/** `expectedVersion`: fail unless the user has this version (If-Match). Email and phone need the current password. */
export type ChangeProfile = (
  userId: UserId,
  input: UserPatchInput & { readonly currentPassword?: string | undefined } & FromOrigin,
  expectedVersion?: number,
) => Promised<
  User,
  | InvalidInput
  | IdentifierTaken
  | NotFound
  | Failure<'wrong-password' | 'version-conflict' | 'too-many-attempts'>
>;

/** What a change that ends rights resolves to, once no instance serves the user as they were: who confirmed that, and when. */
export type WithConfirmation = { readonly confirmation: Confirmation };
export type ConfirmedUser = WithConfirmation & { readonly user: User };

/** Every token issued before stops working, on every instance, before this resolves. */
export type ChangePassword = (
  userId: UserId,
  input: { readonly currentPassword: string; readonly newPassword: string } & FromOrigin,
  expectedVersion?: number,
) => Promised<
  Session & WithConfirmation,
  InvalidInput | NotFound | Failure<'wrong-password' | 'version-conflict' | 'too-many-attempts'>
>;

/** Every token issued before stops working, on every instance, before this resolves. */
export type SignOutEverywhere = (userId: UserId) => Promised<WithConfirmation, NotFound>;

/** Log-in is refused and others no longer find the user. */
export type DeactivateSelf = (
  userId: UserId,
  input: { readonly password: string } & FromOrigin,
) => Promised<WithConfirmation, NotFound | Failure<'wrong-password' | 'too-many-attempts' | 'last-admin'>>;

/** A user by any key, deactivated or not: for administrators and hosts. */
export type GetUser = (
  key: UserKey,
  freshness?: Freshness,
) => Promised<Read<User>, NotFound | Failure<'not-cached'>>;

/** What others may see of an active user. */
export type GetProfile = (
  key: { readonly id: string } | { readonly username: string },
  freshness?: Freshness,
) => Promised<Read<Profile>, NotFound | Failure<'not-cached'>>;

/** Up to 500 users by mixed keys, in at most two cache round trips and one query for the misses. */
export type LookUpUsers = (
  input: LookUpInput,
  freshness?: Exclude<Freshness, 'cached'>,
) => Promised<LookUpOutput, InvalidInput>;
/** At most 500 in all. */
export type LookUpInput = {
  readonly ids?: readonly string[] | undefined;
  readonly emails?: readonly string[] | undefined;
  readonly usernames?: readonly string[] | undefined;
  readonly phones?: readonly string[] | undefined;
};
/** Who was found, and the keys by which nobody was. */
export type LookUpOutput = { readonly users: readonly User[]; readonly missing: readonly UserKey[] };

export type DeactivateUser = (userId: string) => Promised<ConfirmedUser, NotFound | Failure<'last-admin'>>;
export type ReactivateUser = (userId: string) => Promised<User, NotFound | Failure<'last-admin'>>;
export type SetRole = (
  userId: string,
  role: string,
  expectedVersion?: number,
) => Promised<ConfirmedUser, InvalidInput | NotFound | Failure<'last-admin' | 'version-conflict'>>;

/**
 * Called again with the same `idempotencyKey` (1-255 characters of printable ASCII) and the same input within 24 hours, it
 * resolves to the same contact as the first time, whatever became of that since, and adds nothing. The keys of each owner are
 * their own; the newest 1,000 count.
 */
export type AddContact = (
  ownerId: UserId,
  input: ContactInput,
  idempotencyKey?: string,
) => Promised<Contact, InvalidInput | NotFound | Failure<'contact-limit' | 'idempotency-key-reused'>>;

export type GetContact = (
  ownerId: UserId,
  contactId: string,
  freshness?: Freshness,
) => Promised<Read<Contact>, Failure<'contact-not-found' | 'not-cached'>>;

/**
 * A page of the list, newest first; with `query`, of the contacts that match it, which is not cached. Where it begins is said
 * by `skip`, or by the `nextCursor` of the page before, with the same query: then each contact that is there all the while
 * is shown once, whatever others write, and a page costs the same however many are before it.
 */
export type ListContacts = (
  ownerId: UserId,
  input: PageInput & { readonly query?: string | undefined },
  freshness?: Freshness,
) => Promised<Read<ContactListing>, InvalidInput | Failure<'not-cached'>>;
/** `nextCursor` is `null` for the last page. */
export type ContactListing = Omit<ContactPage, 'next' | 'after'> & { readonly nextCursor: string | null };

export type ChangeContact = (
  ownerId: UserId,
  contactId: string,
  input: ContactPatchInput,
  expectedVersion?: number,
) => Promised<Contact, InvalidInput | NotFound | Failure<'contact-not-found' | 'version-conflict'>>;

export type RemoveContact = (
  ownerId: UserId,
  contactId: string,
  expectedVersion?: number,
) => Promised<undefined, NotFound | Failure<'contact-not-found' | 'version-conflict'>>;

/** What each tier holds for a user: which record, where, in which state; never a value or a personal key. */
export type ExplainCache = (userId: string) => Promised<readonly ExplainedEntry[], NotFound>;
/** What one tier holds of one record. */
export type ExplainedEntry = TierState & {
  readonly record: 'user' | 'profile' | 'email' | 'username' | 'phone' | 'contact-list';
};

/** Drops every cached entry of a user in every tier on every instance. */
export type InvalidateUser = (userId: string) => Promised<undefined, NotFound>;

/** Drops every cached contact of a user, and every page of them, in every tier on every instance. */
export type InvalidateContacts = (ownerId: string) => Promised<undefined, NotFound>;

/** The same for one contact, whether or not it exists any more. */
export type InvalidateContact = (
  ownerId: string,
  contactId: string,
) => Promised<undefined, NotFound | Failure<'contact-not-found'>>;

export type GetCacheStatus = () => Promise<CacheStatus>;
/** The state of the cache of this process; `null` for what is not known. */
export type CacheStatus = {
  readonly status: 'healthy' | 'degraded';
  readonly backend: 'redis' | 'upstash' | 'memory';
  readonly latencyMs: number | null;
  readonly circuit: 'closed' | 'open' | 'half-open';
  readonly memoryUsedBytes: number | null;
  readonly entriesInMemory: number;
  readonly maxStalenessMs: number;
  readonly stalenessMs: number | null;
  /** Whether caches may be read at all; `without-database`: for a limited time, because the database does not answer. */
  readonly gate: 'open' | 'closed' | 'without-database';
  readonly statistics: Statistics;
};

/** Counts since the start of the process. Look-ups by key only; `database` answered the misses and bypasses. */
export type Statistics = {
  readonly hits: number;
  readonly misses: number;
  readonly hitRatePercent: number;
  readonly totalLookups: number;
  readonly invalidations: number;
  readonly byTier: { readonly memory: number; readonly redis: number; readonly database: number };
};
export type GetStatistics = () => Statistics;

/** Whether the database answers; asked at most once a second. */
export type CheckReadiness = () => Promise<boolean>;
