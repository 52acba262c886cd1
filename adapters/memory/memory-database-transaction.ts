import type { Contact } from '../../domain/contact.ts';
import type { IdentifierTaken } from '../../domain/failures.ts';
import type { ContactId, UserAlias, UserId } from '../../domain/identifiers.ts';
import type { Invalidation, Transaction } from '../../domain/ports/persistence.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { Account, User } from '../../domain/user.ts';
import type { MemoryLocks } from './memory-database-locks.ts';
import { isActiveAdmin, type MemoryTables } from './memory-database-tables.ts';

/**
 * One transaction, READ COMMITTED as in PostgreSQL: it sees what others have committed and what it wrote itself. A row
 * that it read or wrote, and each identifier that it takes or gives up, is locked until it ends. It is stricter than
 * PostgreSQL where the port asks the caller for a lock: a change without one is an error.
 */
export class MemoryTransaction {
  readonly #tables: MemoryTables;
  readonly #locks: MemoryLocks;
  readonly #self = Symbol('transaction');
  readonly #accounts = new Map<UserId, Account>();
  /** `null` for a deleted one. */
  readonly #contacts = new Map<ContactId, Contact | null>();
  readonly #journal: Invalidation[] = [];
  #fenced = false;
  #state: 'open' | 'failed' | 'ended' = 'open';

  constructor(tables: MemoryTables, locks: MemoryLocks) {
    this.#tables = tables;
    this.#locks = locks;
  }

  /** The port's side of it. */
  get port(): Transaction {
    return {
      users: {
        lock: (id) => this.#lock(id),
        lockAdmins: () => this.#lockAdmins(),
        insert: (account) => this.#insert(account),
        update: (account) => this.#update(account),
      },
      contacts: {
        find: async (ownerId, id) => {
          this.#demandLock(ownerId);
          return this.#contactOf(ownerId, id);
        },
        count: async (ownerId) => {
          this.#demandLock(ownerId);
          return this.#countContacts(ownerId);
        },
        insert: async (contact) => {
          this.#demandLock(contact.ownerId);
          if (this.#contact(contact.id) !== undefined) throw this.#refuse('the contact exists');
          this.#write(contact.ownerId, contact.id, contact);
        },
        update: async (contact) => {
          this.#demandContact(contact.ownerId, contact.id);
          this.#write(contact.ownerId, contact.id, contact);
        },
        delete: async (ownerId, id) => {
          this.#demandLock(ownerId);
          if (this.#contactOf(ownerId, id) !== undefined) this.#write(ownerId, id, null);
        },
      },
      confirmFences: async () => {
        this.#demandOpen();
        this.#fenced = true;
      },
    };
  }

  /** Everything becomes visible in one turn of the event loop, so nobody sees half of it. */
  commit(): void {
    this.#demandOpen();
    for (const [id, account] of this.#accounts) this.#tables.accounts.set(id, account);
    for (const [id, contact] of this.#contacts) {
      if (contact === null) this.#tables.contacts.delete(id);
      else this.#tables.contacts.set(id, contact);
    }
    this.#tables.write(this.#journal);
  }

  /** After a commit, or instead of one. */
  end(): void {
    this.#state = 'ended';
    this.#locks.releaseAll(this.#self);
  }

  async #acquire(name: string): Promise<void> {
    this.#demandOpen();
    await this.#locks.acquire(name, this.#self);
    // It may have been rolled back while it waited.
    if (this.#state === 'ended') this.#locks.releaseAll(this.#self);
    this.#demandOpen();
  }

  async #lock(id: UserId): Promise<Account | undefined> {
    await this.#acquire(`user ${id}`);
    return this.#account(id);
  }

  async #lockAdmins(): Promise<readonly UserId[]> {
    const known = new Map([...this.#tables.accounts, ...this.#accounts]);
    const ids = [...known.keys()].filter((id) => this.#isAdmin(id)).sort();
    for (const id of ids) await this.#acquire(`user ${id}`);
    // Some may have been changed by those who held the locks before.
    return ids.filter((id) => this.#isAdmin(id));
  }

  async #insert(account: Account): Promise<Result<undefined, IdentifierTaken>> {
    await this.#acquire(`user ${account.user.id}`);
    if (this.#account(account.user.id) !== undefined) throw this.#refuse('the user exists');
    return this.#put(account, undefined);
  }

  async #update(account: Account): Promise<Result<undefined, IdentifierTaken>> {
    this.#demandLock(account.user.id);
    const before = this.#account(account.user.id);
    if (before === undefined) throw this.#refuse('the user does not exist');
    return this.#put(account, before.user);
  }

  async #put(account: Account, before: User | undefined): Promise<Result<undefined, IdentifierTaken>> {
    for (const alias of aliasesOf(account.user)) {
      if (before?.[alias.kind] === alias.value) continue;
      // Whoever else is taking or giving up the same one goes first and decides.
      await this.#acquire(`${alias.kind} ${alias.value}`);
      if (this.#isTaken(alias, account.user.id)) {
        this.#state = 'failed';
        return fail({ code: `${alias.kind}-taken` });
      }
    }
    for (const alias of before === undefined ? [] : aliasesOf(before)) {
      if (account.user[alias.kind] !== alias.value) await this.#acquire(`${alias.kind} ${alias.value}`);
    }
    this.#accounts.set(account.user.id, account);
    if (!this.#fenced) this.#journal.push({ kind: 'user', userId: account.user.id });
    return ok(undefined);
  }

  #write(ownerId: UserId, contactId: ContactId, contact: Contact | null): void {
    this.#contacts.set(contactId, contact);
    if (!this.#fenced) this.#journal.push({ kind: 'contact', ownerId, contactId });
  }

  #account(id: UserId): Account | undefined {
    return this.#accounts.get(id) ?? this.#tables.accounts.get(id);
  }

  #isAdmin(id: UserId): boolean {
    const account = this.#account(id);
    return account !== undefined && isActiveAdmin(account.user);
  }

  #isTaken(alias: UserAlias, id: UserId): boolean {
    for (const { user } of this.#accounts.values()) {
      if (user.id !== id && user[alias.kind] === alias.value) return true;
    }
    const holder = this.#tables.find(alias)?.user;
    // One whom this transaction renames has given it up, as far as this transaction can see.
    return holder !== undefined && holder.id !== id && !this.#accounts.has(holder.id);
  }

  #contact(id: ContactId): Contact | undefined {
    const own = this.#contacts.get(id);
    return own === undefined ? this.#tables.contacts.get(id) : (own ?? undefined);
  }

  #contactOf(ownerId: UserId, id: ContactId): Contact | undefined {
    const contact = this.#contact(id);
    return contact?.ownerId === ownerId ? contact : undefined;
  }

  #countContacts(ownerId: UserId): number {
    const ids = new Set([...this.#tables.contacts.keys(), ...this.#contacts.keys()]);
    return [...ids].filter((id) => this.#contactOf(ownerId, id) !== undefined).length;
  }

  #demandContact(ownerId: UserId, id: ContactId): void {
    this.#demandLock(ownerId);
    if (this.#contactOf(ownerId, id) === undefined) throw this.#refuse('the contact does not exist');
  }

  #demandLock(id: UserId): void {
    this.#demandOpen();
    if (!this.#locks.holds(`user ${id}`, this.#self)) throw this.#refuse('the user is not locked');
    if (this.#account(id) === undefined) throw this.#refuse('the user does not exist');
  }

  #demandOpen(): void {
    if (this.#state !== 'open') throw new Error(`the transaction has ${this.#state}`);
  }

  #refuse(reason: string): Error {
    this.#state = 'failed';
    return new Error(`a change was refused: ${reason}`);
  }
}

const aliasesOf = (user: User): readonly UserAlias[] => [
  { kind: 'email', value: user.email },
  { kind: 'username', value: user.username },
  ...(user.phone === null ? [] : [{ kind: 'phone', value: user.phone } as const]),
];
