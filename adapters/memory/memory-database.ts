import { isFound, searchedText } from '../../domain/contact.ts';
import { DatabaseUnavailable } from '../../domain/faults.ts';
import type { Proved } from '../../domain/ports/change-log.ts';
import type { Database } from '../../domain/ports/persistence.ts';
import { MemoryAttempts } from './memory-database-attempts.ts';
import { MemoryLocks } from './memory-database-locks.ts';
import { isActiveAdmin, MemoryTables, pageOf } from './memory-database-tables.ts';
import { MemoryTransaction } from './memory-database-transaction.ts';

/** What can befall a server besides transactions. Those in progress do not outlive the first two. */
export type ServerMishaps = {
  /** What is unlogged is gone, and transaction ids are given out again. */
  crash(): void;
  /** Takes a copy of its files; what is returned puts them in place of the newer ones, and starts it. */
  copy(): () => void;
  /** TRUNCATE of users and contacts. */
  truncate(): void;
};

export type MemoryDatabase = Database & { readonly server: ServerMishaps };

export type MemoryDatabaseOptions = {
  /** The server's clock, by which the log is swept and guesses are slowed down. */
  readonly nowMs?: () => number;
};

/**
 * A database in memory that keeps every promise of the port: row locks, rollback, unique identifiers, transaction ids and
 * snapshots, and the log and the counting of versions that PostgreSQL's triggers do. It is the default fake, and the oracle
 * that the real adapters are compared with.
 */
export const memoryDatabase = ({ nowMs = Date.now }: MemoryDatabaseOptions = {}): MemoryDatabase => {
  const tables = new MemoryTables(nowMs);
  const { log } = tables;
  const locks = new MemoryLocks();
  const attempts = new MemoryAttempts();
  const timeOf = (atMs: number | undefined): number => atMs ?? nowMs();
  let closed = false;

  /** Every answer comes a turn later, as from a real database, and none after closing. */
  const ask = async <T>(answer: () => T): Promise<T> => {
    await Promise.resolve();
    if (closed) throw new DatabaseUnavailable('the database was closed');
    return answer();
  };
  const proved = <T>(value: T): Proved<T> => ({ value, proof: log.proof() });
  const provedIfAny = <T>(value: T | undefined): Proved<T> | undefined =>
    value === undefined ? undefined : proved(value);

  return {
    users: {
      find: (key) => ask(() => tables.find(key)?.user),
      findMany: (keys) => ask(() => tables.findMany(keys)),
      findAccount: (key) => ask(() => tables.find(key)),
      countAdmins: () =>
        ask(() => [...tables.accounts.values()].filter(({ user }) => isActiveAdmin(user)).length),
    },
    contacts: {
      find: (ownerId, id) => ask(() => tables.findContact(ownerId, id)),
      page: (ownerId, request) => ask(() => tables.page(ownerId, request)),
      search: (ownerId, wanted, request) =>
        ask(() => {
          const found = tables.contactsOf(ownerId).filter((each) => isFound(searchedText(each), wanted));
          return pageOf(ownerId, found, request);
        }),
    },
    reads: {
      user: (key) => ask(() => provedIfAny(tables.find(key)?.user)),
      users: (keys) => ask(() => proved(tables.findMany(keys))),
      contact: (ownerId, id) => ask(() => provedIfAny(tables.findContact(ownerId, id))),
      page: (ownerId, request) => ask(() => proved(tables.page(ownerId, request))),
      proof: () => ask(() => log.proof()),
      isChanged: (since, heard) => ask(() => proved(log.isChanged(since, heard))),
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
    log: {
      begin: (bounds) => ask(() => log.begin(bounds)),
      bounds: () => ask(() => log.bounds()),
      check: (asked) => ask(() => log.check(asked)),
      startingPoints: (maxRows) => ask(() => log.startingPoints(maxRows)),
      missingTriggers: () => ask(() => []),
      renewEpoch: (seen) => ask(() => log.renewEpoch(seen)),
      sweep: (retentionMs) => ask(() => log.sweep(retentionMs)),
      size: () => ask(() => log.size()),
      instances: () => ask(() => log.instances()),
      leave: (id) => ask(() => log.leave(id)),
      listen: (wake) => ask(() => log.listen(wake)),
      wakeOthers: (xids) => ask(() => log.wakeOthers(xids)),
    },
    attempts: {
      admit: (counters, atMs) => ask(() => attempts.admit(counters, timeOf(atMs))),
      succeeded: (counters, atMs) => ask(() => attempts.succeeded(counters, timeOf(atMs))),
      withdraw: (counters, atMs) => ask(() => attempts.withdraw(counters, timeOf(atMs))),
    },
    health: { ping: () => ask(() => undefined) },
    server: {
      crash: () => tables.crash(),
      copy: () => tables.copy(),
      truncate: () => tables.truncate(),
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      log.stop();
    },
  };
};
