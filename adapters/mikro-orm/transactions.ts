import type { SqlEntityManager } from '@mikro-orm/sql';
import { DatabaseUnavailable } from '../../domain/faults.ts';
import type { Transaction, Transactions } from '../../domain/ports/persistence.ts';
import { KeyedQueue } from '../system/keyed-queue.ts';
import { within } from '../system/within.ts';
import { toCommitFault } from './faults.ts';
import type { Lend, LentConnection } from './lent-connection.ts';
import { type Admission, onLiveConnection, TransactionStatements } from './statements.ts';
import { transactionPort } from './transaction-port.ts';

/**
 * One transaction of a turn has a connection. More than an account's writes in a burst may wait, and for a shorter time than a
 * request may take, so that who waited in vain is told that nothing was done.
 */
const turnLimits = { maxRunning: 1, maxWaiting: 250, maxWaitMs: 2_000, maxWaitingInAll: 2_000 };

/** On what transactions run. */
export type TransactionNeeds = {
  /** Puts statements together. */
  readonly em: SqlEntityManager;
  readonly admit: Admission;
  readonly lend: Lend;
  readonly maxTransactionMs: number;
};

/**
 * Transactions of READ COMMITTED, each on a connection that it begins, ends and gives back itself: Kysely up to 0.29.6, which
 * comes with MikroORM, keeps the place of a connection that was lost in one. One older than `maxTransactionMs` is rolled
 * back instead of committed: after that time the fences that its writer raised may be gone.
 */
export const transactionsOn = (needs: TransactionNeeds): Transactions => {
  const turns = new KeyedQueue(turnLimits);
  return {
    run: (work, turn) => {
      const begin = () => needs.admit(() => runIn(needs, work));
      return turn === undefined ? begin() : turns.run(turn, begin);
    },
  };
};

const runIn = async <T>(
  { em, lend, maxTransactionMs }: TransactionNeeds,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> => {
  const connection = await onLiveConnection(() => beginOn(lend));
  const deadlineMs = performance.now() + maxTransactionMs;
  const statements = new TransactionStatements(em.getKysely<unknown>(), connection);
  let value: T;
  try {
    value = await within(work(transactionPort(statements)), maxTransactionMs, tooOld);
    // The timer may be late after a stall of the event loop; the clock is not.
    if (performance.now() >= deadlineMs) throw tooOld();
    if (statements.failed) throw new Error('a transaction in which a statement failed was to be committed');
  } catch (error) {
    statements.end();
    await rollBack(connection);
    throw error;
  }
  statements.end();
  const ended = await connection.query('commit').catch(async (error: unknown) => {
    await rollBack(connection);
    throw toCommitFault(error);
  });
  connection.giveBack('whole');
  if (ended.command === 'ROLLBACK')
    throw new Error('a transaction that had failed was to be committed; it was rolled back');
  return value;
};

const beginOn = async (lend: Lend): Promise<LentConnection> => {
  const connection = await lend();
  try {
    await connection.query('begin isolation level read committed');
    return connection;
  } catch (error) {
    connection.giveBack('broken');
    throw error;
  }
};

/** If a rollback cannot be sent, the server rolls back all the same: the connection is closed, and that ends the transaction. */
const rollBack = async (connection: LentConnection): Promise<void> => {
  const state = await connection.query('rollback').then(
    () => 'whole' as const,
    () => 'broken' as const,
  );
  connection.giveBack(state);
};

const tooOld = (): DatabaseUnavailable =>
  new DatabaseUnavailable('a transaction took too long and was rolled back');
