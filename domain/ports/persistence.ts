import type { Counters } from '../attempts.ts';
import type { Contact, ContactPage, PageRequest } from '../contact.ts';
import type { IdentifierTaken } from '../failures.ts';
import type { ContactId, UserAlias, UserId, UserKey } from '../identifiers.ts';
import type { Result } from '../result.ts';
import type { Account, User } from '../user.ts';

/**
 * Users as the primary database has them now: a read that starts after a commit sees it. Never a replica.
 * Every method throws `DatabaseUnavailable` when there is no answer within its deadline.
 */
export interface UserRepository {
  find(key: UserKey): Promise<User | undefined>;
  /** The users that exist among at most 500 keys, in any order, in one query. */
  findMany(keys: readonly UserKey[]): Promise<readonly User[]>;
  /** For log-in: the user together with the hash, which no other read returns. */
  findAccount(
    alias: UserAlias | { readonly kind: 'id'; readonly value: UserId },
  ): Promise<Account | undefined>;
  /** Active administrators. */
  countAdmins(): Promise<number>;
}

/** Contacts as the primary database has them now. The owner is part of every query: another's contact does not exist. */
export interface ContactRepository {
  find(ownerId: UserId, id: ContactId): Promise<Contact | undefined>;
  /** Newest first: by creation time, then id, both descending. */
  page(ownerId: UserId, request: PageRequest): Promise<ContactPage>;
  /** The contacts whose names, email or phone contain `text`, ignoring case; `%` and `_` stand for themselves. */
  search(ownerId: UserId, text: string, request: PageRequest): Promise<ContactPage>;
}

/**
 * Runs `work` in one transaction: commits when it resolves and rolls back when it throws.
 * Throws what `work` threw; `DatabaseUnavailable` when nothing was written; `OutcomeUnknown` when the connection was lost
 * at COMMIT; `WriteConflict` when it was rolled back and may be run again. It never runs `work` twice itself.
 */
export interface Transactions {
  run<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
}

/**
 * Reads inside a transaction lock what they read until its end, so writers of one record are serial. Lock order, so that
 * no two transactions wait for each other: admins by id, then the user.
 */
export interface Transaction {
  readonly users: UserTransaction;
  readonly contacts: ContactTransaction;
  /**
   * Tells the triggers that every record this transaction changes is behind a confirmed fence, so that they need not
   * journal it. Without this call they do (application/caching/protocol.ts).
   */
  confirmFences(): Promise<void>;
}

export interface UserTransaction {
  /** SELECT ... FOR UPDATE. Also the lock under which a user's contacts change. */
  lock(id: UserId): Promise<Account | undefined>;
  /** The ids of all active admins, locked in order of their ids. */
  lockAdmins(): Promise<readonly UserId[]>;
  insert(account: Account): Promise<Result<undefined, IdentifierTaken>>;
  /** Replaces a row locked by `lock`. A taken identifier leaves the transaction usable for nothing but a rollback. */
  update(account: Account): Promise<Result<undefined, IdentifierTaken>>;
}

/** Only for an owner whose user is locked. */
export interface ContactTransaction {
  find(ownerId: UserId, id: ContactId): Promise<Contact | undefined>;
  count(ownerId: UserId): Promise<number>;
  insert(contact: Contact): Promise<void>;
  update(contact: Contact): Promise<void>;
  delete(ownerId: UserId, id: ContactId): Promise<void>;
}

/** A record whose cached copies must go: a user, a contact with its owner's list, or everything. */
export type Invalidation =
  | { readonly kind: 'user'; readonly userId: UserId }
  | { readonly kind: 'contact'; readonly ownerId: UserId; readonly contactId: ContactId }
  | { readonly kind: 'everything' };

export type JournalRow = { readonly id: string; readonly invalidation: Invalidation };

/**
 * The invalidations that the database's triggers wrote down because nobody confirmed a fence for them: raw SQL, or a
 * writer that could not reach Redis. Rows are removed by id, never by a cursor: ids are not in the order of commits.
 */
export interface Journal {
  /** All pending rows, oldest first, at most `maxRows`. */
  pending(maxRows: number): Promise<readonly JournalRow[]>;
  remove(ids: readonly string[]): Promise<void>;
  /** Writes a row for records whose fence was not released. */
  append(invalidations: readonly Invalidation[]): Promise<void>;
  count(): Promise<number>;
  /** Calls `wake` soon after a row was committed; a hint that may be lost. Stops when disposed. */
  listen(wake: () => void): Promise<AsyncDisposable>;
}

/**
 * Counts of failed guesses by name of counter, under the rules of domain/attempts.ts. Each method is one atomic step for
 * each pair of counters; the pairs come in the order of their accounts, so that no two steps wait for each other.
 */
export interface AttemptCounters {
  /**
   * Counts a failure on every pair whose counters do not refuse, and says how long those that do still will, in
   * milliseconds; `undefined` if none does. A refused pair is not counted; nor is an account's by a familiar origin.
   */
  admit(counters: readonly Counters[], nowMs: number): Promise<number | undefined>;
  /** Forgets the failures of the origins, in the accounts' counts too, and makes them familiar. */
  succeeded(counters: readonly Counters[], nowMs: number): Promise<void>;
  /** Takes one failure back. */
  withdraw(counters: readonly Counters[], nowMs: number): Promise<void>;
}

/** The database as a thing that is up or down. */
export interface DatabaseHealth {
  /** Resolves when the database answers a trivial query; throws `DatabaseUnavailable` otherwise. */
  ping(): Promise<void>;
}

/** A primary database, whole. Disposing closes its connections; afterwards every method throws `DatabaseUnavailable`. */
export interface Database extends AsyncDisposable {
  readonly users: UserRepository;
  readonly contacts: ContactRepository;
  readonly transactions: Transactions;
  readonly journal: Journal;
  readonly attempts: AttemptCounters;
  readonly health: DatabaseHealth;
  /** How busy it is; an adapter that cannot tell leaves it out. Asks nobody and costs nothing. */
  status?(): DatabaseStatus;
}

export type DatabaseStatus = {
  /** `open`: nobody is asked, because nobody answered. */
  readonly circuit: 'closed' | 'open';
  /** Whether commits of others wake the journal at once, and not only its timer. */
  readonly isListening: boolean;
  readonly connections: number;
  readonly idleConnections: number;
  /** How many statements and transactions wait for a connection. */
  readonly waiting: number;
};
