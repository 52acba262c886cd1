import { DatabaseUnavailable } from '../../domain/faults.ts';
import type { Database } from '../../domain/ports/persistence.ts';
import { MemoryAttempts } from './memory-database-attempts.ts';
import { MemoryLocks } from './memory-database-locks.ts';
import { isActiveAdmin, MemoryTables, matches, pageOf } from './memory-database-tables.ts';
import { MemoryTransaction } from './memory-database-transaction.ts';

const maxKeys = 500;

/**
 * A database in memory that keeps every promise of the port: row locks, rollback, unique identifiers, and the journal
 * that PostgreSQL's triggers write. It is the default fake, and the oracle that the real adapters are compared with. A
 * transaction that does not call `confirmFences` is journaled, so it stands for raw SQL as well.
 */
export const memoryDatabase = (): Database => {
  const tables = new MemoryTables();
  const locks = new MemoryLocks();
  const attempts = new MemoryAttempts();
  let closed = false;

  /** Every answer comes a turn later, as from a real database, and none after closing. */
  const ask = async <T>(answer: () => T): Promise<T> => {
    await Promise.resolve();
    if (closed) throw new DatabaseUnavailable('the database was closed');
    return answer();
  };

  return {
    users: {
      find: (key) => ask(() => tables.find(key)?.user),
      findMany: (keys) =>
        ask(() => {
          if (keys.length > maxKeys) throw new RangeError(`at most ${maxKeys} keys are accepted`);
          return [...new Set(keys.map((key) => tables.find(key)?.user).filter((user) => user !== undefined))];
        }),
      findAccount: (key) => ask(() => tables.find(key)),
      countAdmins: () =>
        ask(() => [...tables.accounts.values()].filter(({ user }) => isActiveAdmin(user)).length),
    },
    contacts: {
      find: (ownerId, id) => ask(() => tables.contactsOf(ownerId).find((contact) => contact.id === id)),
      page: (ownerId, request) => ask(() => pageOf(ownerId, tables.contactsOf(ownerId), request)),
      search: (ownerId, text, request) =>
        ask(() => {
          const found = tables.contactsOf(ownerId).filter((contact) => matches(contact, text));
          return pageOf(ownerId, found, request);
        }),
    },
    transactions: {
      async run(work) {
        const transaction = await ask(() => new MemoryTransaction(tables, locks));
        try {
          const value = await work(transaction.port);
          await ask(() => transaction.commit());
          return value;
        } finally {
          transaction.end();
        }
      },
    },
    journal: {
      pending: (maxRows) => ask(() => [...tables.journal.values()].slice(0, maxRows)),
      remove: (ids) =>
        ask(() => {
          for (const id of ids) tables.journal.delete(id);
        }),
      append: (invalidations) => ask(() => tables.write(invalidations)),
      count: () => ask(() => tables.journal.size),
      async listen(wake) {
        // A function of its own, so that one who listens twice can stop once.
        const listener = (): void => wake();
        await ask(() => tables.listeners.add(listener));
        return {
          async [Symbol.asyncDispose]() {
            tables.listeners.delete(listener);
          },
        };
      },
    },
    attempts: {
      admit: (counters, nowMs) => ask(() => attempts.admit(counters, nowMs)),
      succeeded: (counters, nowMs) => ask(() => attempts.succeeded(counters, nowMs)),
      withdraw: (counters, nowMs) => ask(() => attempts.withdraw(counters, nowMs)),
    },
    health: { ping: () => ask(() => undefined) },
    async [Symbol.asyncDispose]() {
      closed = true;
      tables.listeners.clear();
    },
  };
};
