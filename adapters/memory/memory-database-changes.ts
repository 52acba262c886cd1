import type { Contact } from '../../domain/contact.ts';
import type { ContactId, UserAlias, UserId } from '../../domain/identifiers.ts';
import type { LogRow } from '../../domain/ports/change-log.ts';
import type { Xid } from '../../domain/snapshot.ts';
import { type Account, nextVersion } from '../../domain/user.ts';
import { isActiveAdmin, type MemoryTables, type TimedKey } from './memory-database-tables.ts';

/** What one transaction wrote, in front of what is committed: together what it sees. */
export class MemoryChanges {
  readonly #tables: MemoryTables;
  readonly #accounts = new Map<UserId, Account>();
  /** `null` for a deleted one. */
  readonly #contacts = new Map<ContactId, Contact | null>();
  readonly #idempotencyKeys = new Map<UserId, readonly TimedKey[]>();
  readonly #rows: Omit<LogRow, 'xid'>[] = [];

  constructor(tables: MemoryTables) {
    this.#tables = tables;
  }

  /** That there was no such user is cached nowhere, so it needs no row of the log. */
  insertAccount(account: Account): void {
    this.#accounts.set(account.user.id, account);
  }

  updateAccount({ user, passwordHash }: Account, before: Account): void {
    this.#accounts.set(user.id, { user: counted(before.user, user), passwordHash });
    this.#rows.push({ source: 'users', key: user.id });
  }

  insertContact(contact: Contact): void {
    this.#write(contact.ownerId, contact.id, contact);
  }

  updateContact(contact: Contact, before: Contact): void {
    this.#write(contact.ownerId, contact.id, counted(before, contact));
  }

  deleteContact(ownerId: UserId, id: ContactId): void {
    this.#write(ownerId, id, null);
  }

  #write(ownerId: UserId, id: ContactId, contact: Contact | null): void {
    this.#contacts.set(id, contact);
    this.#rows.push({ source: 'contacts', key: `${ownerId}:${id}` });
  }

  /** Everything becomes visible in one turn of the event loop, so nobody sees half of it. */
  commit(xid: Xid): void {
    const { accounts, contacts, log } = this.#tables;
    for (const [id, account] of this.#accounts) accounts.set(id, account);
    for (const [id, contact] of this.#contacts) {
      if (contact === null) contacts.delete(id);
      else contacts.set(id, contact);
    }
    for (const [ownerId, used] of this.#idempotencyKeys) this.#tables.idempotencyKeys.set(ownerId, used);
    log.commit(xid, this.#rows);
  }

  idempotencyKeysOf(ownerId: UserId): readonly TimedKey[] {
    return this.#idempotencyKeys.get(ownerId) ?? this.#tables.idempotencyKeys.get(ownerId) ?? [];
  }

  /** Cached nowhere, so it needs no row of the log. */
  replaceIdempotencyKeys(ownerId: UserId, used: readonly TimedKey[]): void {
    this.#idempotencyKeys.set(ownerId, used);
  }

  account(id: UserId): Account | undefined {
    return this.#accounts.get(id) ?? this.#tables.accounts.get(id);
  }

  isAdmin(id: UserId): boolean {
    const account = this.account(id);
    return account !== undefined && isActiveAdmin(account.user);
  }

  admins(): readonly UserId[] {
    const known = new Map([...this.#tables.accounts, ...this.#accounts]);
    return [...known.keys()].filter((id) => this.isAdmin(id));
  }

  isTaken(alias: UserAlias, id: UserId): boolean {
    for (const { user } of this.#accounts.values()) {
      if (user.id !== id && user[alias.kind] === alias.value) return true;
    }
    const holder = this.#tables.find(alias)?.user;
    // One whom this transaction renames has given it up, as far as this transaction can see.
    return holder !== undefined && holder.id !== id && !this.#accounts.has(holder.id);
  }

  contact(id: ContactId): Contact | undefined {
    const own = this.#contacts.get(id);
    return own === undefined ? this.#tables.contacts.get(id) : (own ?? undefined);
  }

  contactOf(ownerId: UserId, id: ContactId): Contact | undefined {
    const contact = this.contact(id);
    return contact?.ownerId === ownerId ? contact : undefined;
  }

  countContacts(ownerId: UserId): number {
    const ids = new Set([...this.#tables.contacts.keys(), ...this.#contacts.keys()]);
    return [...ids].filter((id) => this.contactOf(ownerId, id) !== undefined).length;
  }
}

/** As the triggers do: where a statement changed what can be seen and left the version, it is counted up. */
const counted = <R extends { readonly version: number }>(before: R, after: R): R =>
  after.version === before.version && textOf(after) !== textOf(before)
    ? { ...after, version: nextVersion(before.version) }
    : after;

const textOf = (row: object): string => JSON.stringify(Object.entries(row).sort());
