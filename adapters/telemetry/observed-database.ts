import { Fault } from '../../domain/faults.ts';
import type { Database } from '../../domain/ports/persistence.ts';
import { durationsIn } from './counts.ts';
import type { Observing } from './observed-cache.ts';

/** A database whose answers are timed by operation and traced. */
export const observeDatabase = (database: Database, observing: Observing): Database => {
  const { users, contacts, reads, transactions, log, attempts, health } = database;
  const timed = timing(observing);
  return {
    users: timeEach('users', users, timed),
    contacts: timeEach('contacts', contacts, timed),
    reads: timeEach('reads', reads, timed),
    // Statements inside a transaction are not told apart: what takes long there are turns, locks and the commit.
    transactions: { run: (work, turn) => timed('transaction', () => transactions.run(work, turn)) },
    // Asked all day by nobody in particular: its spans would bury those of the users.
    log: timeEach('log', log, measuring(observing)),
    attempts: timeEach('attempts', attempts, timed),
    health: { ping: () => timed('ping', () => health.ping()) },
    ...(database.status === undefined ? {} : { status: database.status.bind(database) }),
    // Whoever opened it closes it.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
};

/** A part of the database each of whose methods is an operation: `users.find-many`. */
const timeEach = <Part extends object>(name: string, part: Part, timed: Timed): Part =>
  new Proxy(part, {
    get(target, property) {
      const method: unknown = Reflect.get(target, property);
      if (typeof method !== 'function') return method;
      const operation = `${name}.${String(property).replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
      return (...args: readonly unknown[]): Promise<unknown> =>
        timed(operation, () => Reflect.apply(method, target, args));
    },
  });

type Timed = <T>(operation: string, work: () => Promise<T>) => Promise<T>;

const measuring =
  ({ counts, clock }: Observing): Timed =>
  async (operation, work) => {
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

const timing = (observing: Observing): Timed => {
  const measure = measuring(observing);
  const { tracing } = observing;
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
