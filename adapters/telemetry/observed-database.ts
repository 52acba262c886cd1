import { Fault } from '../../domain/faults.ts';
import type { Database, Journal } from '../../domain/ports/persistence.ts';
import { type Counts, durationsIn } from './counts.ts';
import type { Observing } from './observed-cache.ts';

/** A database whose answers are timed by operation and traced, and whose journal tells how much is left in it. */
export const observeDatabase = (database: Database, observing: Observing): Database => {
  const { users, contacts, transactions, journal, attempts, health } = database;
  const timed = timing(observing);
  return {
    users: {
      find: (key) => timed('users.find', () => users.find(key)),
      findMany: (keys) => timed('users.find-many', () => users.findMany(keys)),
      findAccount: (alias) => timed('users.find-account', () => users.findAccount(alias)),
      countAdmins: () => timed('users.count-admins', () => users.countAdmins()),
    },
    contacts: {
      find: (ownerId, id) => timed('contacts.find', () => contacts.find(ownerId, id)),
      page: (ownerId, request) => timed('contacts.page', () => contacts.page(ownerId, request)),
      search: (ownerId, text, request) =>
        timed('contacts.search', () => contacts.search(ownerId, text, request)),
    },
    // Statements inside a transaction are not told apart: what takes long there are locks and the commit.
    transactions: { run: (work) => timed('transaction', () => transactions.run(work)) },
    journal: observeJournal(journal, observing.counts, timed),
    attempts: {
      admit: (counters, nowMs) => timed('attempts.admit', () => attempts.admit(counters, nowMs)),
      succeeded: (counters, nowMs) => timed('attempts.succeeded', () => attempts.succeeded(counters, nowMs)),
      withdraw: (counters, nowMs) => timed('attempts.withdraw', () => attempts.withdraw(counters, nowMs)),
    },
    health: { ping: () => timed('ping', () => health.ping()) },
    ...(database.status === undefined ? {} : { status: database.status.bind(database) }),
    // Whoever opened it closes it.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
};

type Timed = <T>(operation: string, work: () => Promise<T>) => Promise<T>;

const observeJournal = (journal: Journal, counts: Counts, timed: Timed): Journal => ({
  async pending(maxRows) {
    try {
      const rows = await timed('journal.pending', () => journal.pending(maxRows));
      counts.journalPending = rows.length;
      counts.isJournalReachable = true;
      return rows;
    } catch (error) {
      counts.isJournalReachable = false;
      throw error;
    }
  },
  async remove(ids) {
    await timed('journal.remove', () => journal.remove(ids));
    counts.journalPending = Math.max(0, counts.journalPending - ids.length);
    counts.journalReplayed += ids.length;
  },
  append: (invalidations) => timed('journal.append', () => journal.append(invalidations)),
  count: () => timed('journal.count', () => journal.count()),
  listen: (wake) => journal.listen(wake),
});

const timing = ({ counts, clock, tracing }: Observing): Timed => {
  const measure = async <T>(operation: string, work: () => Promise<T>): Promise<T> => {
    const startedAtMs = clock.monotonicMs();
    try {
      return await work();
    } catch (error) {
      // Anything else is what the use case threw to have its transaction rolled back.
      if (error instanceof Fault) counts.databaseFailures.add(error.code);
      throw error;
    } finally {
      durationsIn(counts.database, operation).record(clock.monotonicMs() - startedAtMs);
    }
  };
  if (tracing === undefined) return measure;
  return (operation, work) =>
    tracing.span(
      `database ${operation}`,
      'client',
      { 'db.system.name': 'postgresql', 'db.operation.name': operation },
      () => measure(operation, work),
      () => ({}),
    );
};
