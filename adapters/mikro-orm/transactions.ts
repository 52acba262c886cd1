import { IsolationLevel } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/sql';
import { DatabaseUnavailable } from '../../domain/faults.ts';
import type { Transaction, Transactions } from '../../domain/ports/persistence.ts';
import { KeyedQueue } from '../system/keyed-queue.ts';
import { within } from '../system/within.ts';
import { toCommitFault } from './faults.ts';
import { type Admission, onLiveConnection, TransactionStatements } from './statements.ts';
import { transactionPort } from './transaction-port.ts';

/**
 * One transaction of a turn has a connection. More than an account's writes in a burst may wait, and for a shorter time than a
 * request may take, so that who waited in vain is told that nothing was done.
 */
const turnLimits = { maxRunning: 1, maxWaiting: 250, maxWaitMs: 2_000, maxWaitingInAll: 2_000 };

/**
 * Transactions on MikroORM's EntityManager, READ COMMITTED. One older than `maxTransactionMs` is rolled back instead of
 * committed: after that time the fences that its writer raised may be gone.
 */
export const transactionsOn = (
  em: SqlEntityManager,
  admit: Admission,
  maxTransactionMs: number,
): Transactions => {
  const turns = new KeyedQueue(turnLimits);
  return {
    run: (work, turn) => {
      const begin = () => admit(() => runIn(em.fork(), work, maxTransactionMs));
      return turn === undefined ? begin() : turns.run(turn, begin);
    },
  };
};

const runIn = async <T>(
  em: SqlEntityManager,
  work: (transaction: Transaction) => Promise<T>,
  maxTransactionMs: number,
): Promise<T> => {
  await onLiveConnection(() => em.begin({ isolationLevel: IsolationLevel.READ_COMMITTED }));
  const deadlineMs = performance.now() + maxTransactionMs;
  const statements = new TransactionStatements(em.getKysely<unknown>());
  let value: T;
  try {
    value = await within(work(transactionPort(statements)), maxTransactionMs, tooOld);
    // The timer may be late after a stall of the event loop; the clock is not.
    if (performance.now() >= deadlineMs) throw tooOld();
    if (statements.failed) throw new Error('a transaction in which a statement failed was to be committed');
  } catch (error) {
    await rollBack(em);
    throw error;
  }
  try {
    await em.commit();
  } catch (error) {
    await rollBack(em);
    throw toCommitFault(error);
  }
  return value;
};

/**
 * If a rollback cannot be sent, the server rolls back all the same: Kysely closes the connection, and that ends the
 * transaction.
 */
const rollBack = (em: SqlEntityManager): Promise<void> => em.rollback().catch(() => undefined);

const tooOld = (): DatabaseUnavailable =>
  new DatabaseUnavailable('a transaction took too long and was rolled back');
