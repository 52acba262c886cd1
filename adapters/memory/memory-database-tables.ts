import type { Contact, ContactPage, PageRequest } from '../../domain/contact.ts';
import type { ContactPosition } from '../../domain/cursor.ts';
import type { UsedKey } from '../../domain/idempotency.ts';
import type { ContactId, UserId, UserKey } from '../../domain/identifiers.ts';
import { type Account, goesBy, type User } from '../../domain/user.ts';
import { MemoryLog } from './memory-database-log.ts';

/** An idempotency key with the time of its use, by the server's clock. */
export type TimedKey = UsedKey & { readonly usedAtMs: number };

/** What is committed. Values are immutable and replaced whole. */
export class MemoryTables {
  readonly accounts: Map<UserId, Account> = new Map();
  readonly contacts: Map<ContactId, Contact> = new Map();
  /** The keys of each owner. */
  readonly idempotencyKeys: Map<UserId, readonly TimedKey[]> = new Map();
  readonly log: MemoryLog;
  /** How often the server was started: a transaction does not outlive it. */
  starts = 1;
  /** The server's clock. */
  readonly nowMs: () => number;

  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
    this.log = new MemoryLog(nowMs);
  }

  find(key: UserKey): Account | undefined {
    if (key.kind === 'id') return this.accounts.get(key.value);
    for (const account of this.accounts.values()) if (goesBy(account.user, key)) return account;
    return undefined;
  }

  /** Each once. */
  findMany(keys: readonly UserKey[]): readonly User[] {
    if (keys.length > maxKeys) throw new RangeError(`at most ${maxKeys} keys are accepted`);
    return [...new Set(keys.map((key) => this.find(key)?.user).filter((user) => user !== undefined))];
  }

  findContact(ownerId: UserId, id: ContactId): Contact | undefined {
    const contact = this.contacts.get(id);
    return contact?.ownerId === ownerId ? contact : undefined;
  }

  contactsOf(ownerId: UserId): readonly Contact[] {
    return [...this.contacts.values()].filter((contact) => contact.ownerId === ownerId);
  }

  page(ownerId: UserId, request: PageRequest): ContactPage {
    return pageOf(ownerId, this.contactsOf(ownerId), request);
  }

  /** As TRUNCATE of all tables: a row of the log says that it was everything. */
  truncate(): void {
    this.accounts.clear();
    this.contacts.clear();
    this.idempotencyKeys.clear();
    const sources = ['users', 'contacts'];
    this.log.commit(
      this.log.xids.begin(),
      sources.map((source) => ({ source, key: null })),
    );
  }

  crash(): void {
    this.starts++;
    this.log.crash();
  }

  /** Takes a copy of everything; what is returned puts it back, with the server stopped meanwhile. */
  copy(): () => void {
    const [accounts, contacts, keys] = [[...this.accounts], [...this.contacts], [...this.idempotencyKeys]];
    const putLogBack = this.log.copy();
    return () => {
      this.starts++;
      putLogBack();
      this.accounts.clear();
      for (const [id, account] of accounts) this.accounts.set(id, account);
      this.contacts.clear();
      for (const [id, contact] of contacts) this.contacts.set(id, contact);
      this.idempotencyKeys.clear();
      for (const [ownerId, used] of keys) this.idempotencyKeys.set(ownerId, used);
    };
  }
}

const maxKeys = 500;

/** Newest first: by creation time, then id, both descending. */
export const pageOf = (
  ownerId: UserId,
  contacts: readonly Contact[],
  { skip = null, after = null, limit }: PageRequest,
): ContactPage => {
  const compare = (a: ContactPosition, b: ContactPosition): number =>
    b.createdAtMs - a.createdAtMs || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
  const rest = contacts.filter((contact) => after === null || compare(contact, after) > 0).sort(compare);
  const items = rest.slice(skip ?? 0, (skip ?? 0) + limit);
  const last = rest.length > (skip ?? 0) + limit ? items.at(-1) : undefined;
  const next = last === undefined ? null : { createdAtMs: last.createdAtMs, id: last.id };
  return { ownerId, items, total: contacts.length, skip, after, limit, next };
};

export const isActiveAdmin = ({ role, isActive }: User): boolean => role === 'admin' && isActive;
