import type { Contact, ContactPage, PageRequest } from '../../domain/contact.ts';
import type { ContactId, UserId, UserKey } from '../../domain/identifiers.ts';
import type { Invalidation, JournalRow } from '../../domain/ports/persistence.ts';
import { type Account, goesBy, type User } from '../../domain/user.ts';

/** What is committed. Values are immutable and replaced whole. */
export class MemoryTables {
  readonly accounts: Map<UserId, Account> = new Map();
  readonly contacts: Map<ContactId, Contact> = new Map();
  readonly journal: Map<string, JournalRow> = new Map();
  readonly listeners: Set<() => void> = new Set();
  #lastJournalId = 0;

  find(key: UserKey): Account | undefined {
    if (key.kind === 'id') return this.accounts.get(key.value);
    for (const account of this.accounts.values()) if (goesBy(account.user, key)) return account;
    return undefined;
  }

  contactsOf(ownerId: UserId): readonly Contact[] {
    return [...this.contacts.values()].filter((contact) => contact.ownerId === ownerId);
  }

  /** Rows appear and listeners are woken; a listener that throws is no matter of the writer's. */
  write(invalidations: readonly Invalidation[]): void {
    if (invalidations.length === 0) return;
    for (const invalidation of invalidations) {
      const id = String(++this.#lastJournalId);
      this.journal.set(id, { id, invalidation });
    }
    for (const wake of this.listeners) queueMicrotask(wake);
  }
}

/** Newest first: by creation time, then id, both descending. */
export const pageOf = (
  ownerId: UserId,
  contacts: readonly Contact[],
  { skip, limit }: PageRequest,
): ContactPage => {
  const sorted = [...contacts].sort((a, b) => b.createdAtMs - a.createdAtMs || (a.id < b.id ? 1 : -1));
  return { ownerId, items: sorted.slice(skip, skip + limit), total: contacts.length, skip, limit };
};

export const matches = (contact: Contact, text: string): boolean => {
  const name = contact.lastName === null ? contact.firstName : `${contact.firstName} ${contact.lastName}`;
  const wanted = text.toLowerCase();
  return [name, contact.email, contact.phone].some((field) => field?.toLowerCase().includes(wanted) === true);
};

export const isActiveAdmin = ({ role, isActive }: User): boolean => role === 'admin' && isActive;
