import type { Counters } from '../attempts.ts';
import type { Contact, ContactPage, ContactSearch, PageRequest } from '../contact.ts';
import type { IdentifierTaken } from '../failures.ts';
import type { UsedKey } from '../idempotency.ts';
import type { ContactId, UserAlias, UserId, UserKey } from '../identifiers.ts';
import type { Result } from '../result.ts';
import type { Snapshot, Xid } from '../snapshot.ts';
import type { Account, User } from '../user.ts';
import type { ChangeLog, Proof, Proved } from './change-log.ts';

/**
 * Users as the primary database has them now: a read that starts after a commit sees it. Never a replica.
 * Every method throws `DatabaseUnavailable` when there is no answer within its deadline, and `Overloaded` when it did not get
 * a connection in time although others were answered.
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

/** Contacts as the primary database has them now. Each query names the owner: no other contacts are found. */
export interface ContactRepository {
  find(ownerId: UserId, id: ContactId): Promise<Contact | undefined>;
  /**
   * Newest first: by creation time, then id, both descending. Who goes on behind the position of each page sees each contact
   * that is there all the while once, whatever is added and removed meanwhile.
   */
  page(ownerId: UserId, request: PageRequest): Promise<ContactPage>;
  /** The contacts in whose names, email and phone all the words are (`searchedText`), or whose phone has the digits. */
  search(ownerId: UserId, search: ContactSearch, request: PageRequest): Promise<ContactPage>;
}

/** What may be cached: read as the repositories read it, each time with what the statement had seen. */
export interface ProvedReads {
  user(key: UserKey): Promise<Proved<User> | undefined>;
  /** The users that exist among at most 500 keys, in any order, in one query. */
  users(keys: readonly UserKey[]): Promise<Proved<readonly User[]>>;
  contact(ownerId: UserId, id: ContactId): Promise<Proved<Contact> | undefined>;
  page(ownerId: UserId, request: PageRequest): Promise<Proved<ContactPage>>;
  /** What a statement sees that reads nothing: for what is made up and not read. */
  proof(): Promise<Proof | undefined>;
  /**
   * Whether the log tells of a change of what is heard under a key, by a transaction that ended since that snapshot. That
   * somebody is new it does not tell.
   */
  isChanged(
    since: Snapshot,
    heard: { readonly source: string; readonly key: string },
  ): Promise<Proved<boolean>>;
}

/**
 * Runs `work` in one transaction: commits when it resolves and rolls back when it throws.
 * Throws what `work` threw; `DatabaseUnavailable` when nothing was written; `OutcomeUnknown` when the connection was lost
 * at COMMIT; `WriteConflict` when it was rolled back and may be run again; `Overloaded` when it waited too long for its turn
 * or for a lock, and nothing was written. It never runs `work` twice itself.
 *
 * `turn` names what `work` is about to lock. Where connections are few, those with the same turn come one after the other, in
 * order of arrival, and take a connection only when it is theirs: otherwise a single account whose writes wait for each
 * other's locks would hold all connections, and everybody else would wait for an idle database. The locks are still what
 * makes writes serial, for other processes know nothing of these turns.
 */
export interface Transactions {
  run<T>(work: (transaction: Transaction) => Promise<T>, turn?: string): Promise<T>;
}

/**
 * Reads inside a transaction lock what they read until its end, so writers of one record are serial. Lock order, so that
 * no two transactions wait for each other: admins by id, then the user.
 */
export interface Transaction {
  readonly users: UserTransaction;
  readonly contacts: ContactTransaction;
  readonly idempotencyKeys: IdempotencyKeyTransaction;
  /** Its name in the log of changes. */
  xid(): Promise<Xid>;
}

export interface UserTransaction {
  /** SELECT ... FOR UPDATE. Also the lock under which a user's contacts change. */
  lock(id: UserId): Promise<Account | undefined>;
  /**
   * The ids of all active admins. They and, if named, one user beside them are locked in the order of their ids, by one
   * statement, so that no two who do so wait for each other.
   */
  lockAdmins(beside?: UserId): Promise<readonly UserId[]>;
  insert(account: Account): Promise<Result<undefined, IdentifierTaken>>;
  /** Replaces a row locked by `lock`. After a taken identifier the transaction can only be rolled back. */
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

/**
 * Which contacts were added under which idempotency key, for 24 hours and 1,000 of an owner (domain/idempotency.ts). Only for an owner whose user
 * is locked; what is kept is gone with that user.
 *
 * The time is the database's own, because processes share the keys. `atMs` is another time in its place, so that a test can
 * let a day pass; whoever serves users leaves it out.
 */
export interface IdempotencyKeyTransaction {
  /** What was kept under the digest of a key and still counts. Everything of the owner's that does not is deleted. */
  find(ownerId: UserId, keyHash: string, atMs?: number): Promise<UsedKey | undefined>;
  /** Keeps one that was not found, and deletes the oldest of the owner's if there are too many. */
  keep(used: UsedKey, atMs?: number): Promise<void>;
}

/** A row that is changed, and with it the records that show it. */
export type Changed =
  | { readonly kind: 'user'; readonly userId: UserId }
  | { readonly kind: 'contact'; readonly ownerId: UserId; readonly contactId: ContactId };

/**
 * Counts of failed guesses by name of counter, under the rules of domain/attempts.ts. Each method is one atomic step for
 * each pair of counters; the pairs come in the order of their accounts, so that no two steps wait for each other.
 *
 * The time is the database's own: processes share the counts, and their clocks differ. `atMs` is another time in its
 * place, so that a test can let a day pass; whoever serves users leaves it out.
 */
export interface AttemptCounters {
  /**
   * Counts a failure on every pair whose counters do not refuse, and says how long those that do still will, in
   * milliseconds; `undefined` if none does. A refused pair is not counted; nor is an account's by a familiar origin.
   */
  admit(counters: readonly Counters[], atMs?: number): Promise<number | undefined>;
  /** Forgets the failures of the origins, in the accounts' counts too, and makes them familiar. */
  succeeded(counters: readonly Counters[], atMs?: number): Promise<void>;
  /** Takes one failure back. */
  withdraw(counters: readonly Counters[], atMs?: number): Promise<void>;
}

/** Whether the database is up. */
export interface DatabaseHealth {
  /** Resolves when the database answers a trivial query; throws `DatabaseUnavailable` otherwise. */
  ping(): Promise<void>;
}

/** A primary database, whole. Disposing closes its connections; afterwards every method throws `DatabaseUnavailable`. */
export interface Database extends AsyncDisposable {
  readonly users: UserRepository;
  readonly contacts: ContactRepository;
  readonly reads: ProvedReads;
  readonly transactions: Transactions;
  readonly log: ChangeLog;
  readonly attempts: AttemptCounters;
  readonly health: DatabaseHealth;
  /** How busy it is, as this process knows without asking the database; an adapter that cannot tell leaves it out. */
  status?(): DatabaseStatus;
}

export type DatabaseStatus = {
  /** `open`: the database did not answer, so it is not asked for a while. */
  readonly circuit: 'closed' | 'open';
  /** Whether others can wake this process for news in the log, which it would otherwise find by its timer. */
  readonly isListening: boolean;
  readonly connections: number;
  readonly idleConnections: number;
  /** How many statements and transactions wait for a connection. */
  readonly waiting: number;
  /** How often a row that cannot be read was left out of an answer of many. */
  readonly rowsLeftOut: number;
};
