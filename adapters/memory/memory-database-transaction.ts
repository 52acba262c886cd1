import type { Contact } from '../../domain/contact.ts';
import type { IdentifierTaken } from '../../domain/failures.ts';
import { DatabaseSilent } from '../../domain/faults.ts';
import { idempotencyLimits, type UsedKey } from '../../domain/idempotency.ts';
import type { ContactId, UserAlias, UserId } from '../../domain/identifiers.ts';
import type { Transaction } from '../../domain/ports/persistence.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { Xid } from '../../domain/snapshot.ts';
import type { Account, User } from '../../domain/user.ts';
import { MemoryChanges } from './memory-database-changes.ts';
import type { MemoryLocks } from './memory-database-locks.ts';
import type { MemoryTables, TimedKey } from './memory-database-tables.ts';

/**
 * One transaction, READ COMMITTED as in PostgreSQL: it sees what others have committed and what it wrote itself. A row
 * that it read or wrote, and each identifier that it takes or gives up, is locked until it ends. It is stricter than
 * PostgreSQL where the port asks the caller for a lock: a change without one is an error.
 */
export class MemoryTransaction {
  readonly #tables: MemoryTables;
  readonly #locks: MemoryLocks;
  readonly #self = Symbol('transaction');
  readonly #changes: MemoryChanges;
  /** The start of the server that it belongs to. */
  readonly #start: number;
  #xid: Xid | undefined;
  #state: 'open' | 'failed' | 'ended' = 'open';

  constructor(tables: MemoryTables, locks: MemoryLocks) {
    this.#tables = tables;
    this.#locks = locks;
    this.#changes = new MemoryChanges(tables);
    this.#start = tables.starts;
  }

  /** The port's side of it. */
  get port(): Transaction {
    const changes = this.#changes;
    return {
      users: {
        lock: (id) => this.#lock(id),
        lockAdmins: (beside) => this.#lockAdmins(beside),
        insert: (account) => this.#insert(account),
        update: (account) => this.#update(account),
      },
      contacts: {
        find: async (ownerId, id) => {
          this.#demandLock(ownerId);
          return changes.contactOf(ownerId, id);
        },
        count: async (ownerId) => {
          this.#demandLock(ownerId);
          return changes.countContacts(ownerId);
        },
        insert: async (contact) => {
          this.#demandLock(contact.ownerId);
          if (changes.contact(contact.id) !== undefined) throw this.#refuse('the contact exists');
          changes.insertContact(contact);
        },
        update: async (contact) => {
          changes.updateContact(contact, this.#demandContact(contact.ownerId, contact.id));
        },
        delete: async (ownerId, id) => {
          this.#demandLock(ownerId);
          if (changes.contactOf(ownerId, id) !== undefined) changes.deleteContact(ownerId, id);
        },
      },
      idempotencyKeys: {
        find: async (ownerId, keyHash, atMs = this.#tables.nowMs()) => this.#findKey(ownerId, keyHash, atMs),
        keep: async (used, atMs = this.#tables.nowMs()) => this.#keepKey({ ...used, usedAtMs: atMs }),
      },
      xid: async () => {
        this.#demandOpen();
        return this.#begun();
      },
    };
  }

  commit(): void {
    this.#demandOpen();
    if (this.#xid !== undefined) this.#changes.commit(this.#xid);
  }

  /** After a commit, or instead of one. */
  end(): void {
    this.#state = 'ended';
    if (this.#xid !== undefined && this.#tables.starts === this.#start) this.#tables.log.xids.end(this.#xid);
    this.#locks.releaseAll(this.#self);
  }

  /** Whoever locks or changes a row has an id from then on. */
  #begun(): Xid {
    this.#xid ??= this.#tables.log.xids.begin();
    return this.#xid;
  }

  async #acquire(name: string): Promise<void> {
    this.#demandOpen();
    this.#begun();
    await this.#locks.acquire(name, this.#self);
    // It may have been rolled back while it waited.
    if (this.#state === 'ended') this.#locks.releaseAll(this.#self);
    this.#demandOpen();
  }

  async #lock(id: UserId): Promise<Account | undefined> {
    await this.#acquire(`user ${id}`);
    return this.#changes.account(id);
  }

  async #lockAdmins(beside?: UserId): Promise<readonly UserId[]> {
    const ids = [...new Set([...this.#changes.admins(), ...(beside === undefined ? [] : [beside])])].sort();
    for (const id of ids) await this.#acquire(`user ${id}`);
    // Some may have been changed by those who held the locks before.
    return ids.filter((id) => this.#changes.isAdmin(id));
  }

  async #insert(account: Account): Promise<Result<undefined, IdentifierTaken>> {
    await this.#acquire(`user ${account.user.id}`);
    if (this.#changes.account(account.user.id) !== undefined) throw this.#refuse('the user exists');
    const taken = await this.#takeAliases(account.user, undefined);
    if (taken.ok) this.#changes.insertAccount(account);
    return taken;
  }

  async #update(account: Account): Promise<Result<undefined, IdentifierTaken>> {
    this.#demandLock(account.user.id);
    const before = this.#changes.account(account.user.id);
    if (before === undefined) throw this.#refuse('the user does not exist');
    const taken = await this.#takeAliases(account.user, before.user);
    if (taken.ok) this.#changes.updateAccount(account, before);
    return taken;
  }

  async #takeAliases(user: User, before: User | undefined): Promise<Result<undefined, IdentifierTaken>> {
    for (const alias of aliasesOf(user)) {
      if (before?.[alias.kind] === alias.value) continue;
      // Whoever else is taking or giving up the same one goes first and decides.
      await this.#acquire(`${alias.kind} ${alias.value}`);
      if (this.#changes.isTaken(alias, user.id)) {
        this.#state = 'failed';
        return fail({ code: `${alias.kind}-taken` });
      }
    }
    for (const alias of before === undefined ? [] : aliasesOf(before)) {
      if (user[alias.kind] !== alias.value) await this.#acquire(`${alias.kind} ${alias.value}`);
    }
    return ok(undefined);
  }

  #findKey(ownerId: UserId, keyHash: string, nowMs: number): UsedKey | undefined {
    this.#demandLock(ownerId);
    const counting = this.#changes
      .idempotencyKeysOf(ownerId)
      .filter(({ usedAtMs }) => usedAtMs > nowMs - idempotencyLimits.countsForMs);
    this.#changes.replaceIdempotencyKeys(ownerId, counting);
    const found = counting.find((used) => used.keyHash === keyHash);
    if (found === undefined) return undefined;
    const { usedAtMs: _, ...used } = found;
    return used;
  }

  #keepKey(used: TimedKey): void {
    this.#demandLock(used.ownerId);
    const others = this.#changes.idempotencyKeysOf(used.ownerId);
    if (others.some(({ keyHash }) => keyHash === used.keyHash)) throw this.#refuse('the key was used');
    const newest = others
      .toSorted((a, b) => b.usedAtMs - a.usedAtMs || (a.keyHash < b.keyHash ? -1 : 1))
      .slice(0, idempotencyLimits.maxPerOwner - 1);
    this.#changes.replaceIdempotencyKeys(used.ownerId, [...newest, used]);
  }

  #demandContact(ownerId: UserId, id: ContactId): Contact {
    this.#demandLock(ownerId);
    const contact = this.#changes.contactOf(ownerId, id);
    if (contact === undefined) throw this.#refuse('the contact does not exist');
    return contact;
  }

  #demandLock(id: UserId): void {
    this.#demandOpen();
    if (!this.#locks.holds(`user ${id}`, this.#self)) throw this.#refuse('the user is not locked');
    if (this.#changes.account(id) === undefined) throw this.#refuse('the user does not exist');
  }

  #demandOpen(): void {
    if (this.#tables.starts !== this.#start) throw new DatabaseSilent('the server was stopped');
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
