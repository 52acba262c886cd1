import type { SqlEntityManager } from '@mikro-orm/sql';
import { sql } from 'kysely';
import type { Database, DatabaseStatus, Journal } from '../../domain/ports/persistence.ts';
import { attemptCounters } from './attempts.ts';
import { contactRepository } from './contacts.ts';
import { journalOf } from './journal.ts';
import { type Admission, Statements } from './statements.ts';
import { transactionsOn } from './transactions.ts';
import { userRepository } from './users.ts';

/** What the two ways to run PostgreSQL do differently. */
export type Parts = {
  readonly em: SqlEntityManager;
  readonly admit: Admission;
  readonly listen: Journal['listen'];
  readonly maxTransactionMs: number;
  readonly close: () => Promise<void>;
  readonly status: () => DatabaseStatus;
};

export const assemble = ({ em, admit, listen, maxTransactionMs, close, status }: Parts): Database => {
  const statements = new Statements(em, admit);
  return {
    users: userRepository(statements),
    contacts: contactRepository(statements),
    transactions: transactionsOn(em, admit, maxTransactionMs),
    journal: journalOf(statements, listen),
    attempts: attemptCounters(statements),
    health: {
      async ping() {
        await statements.read(sql`select 1`);
      },
    },
    status,
    [Symbol.asyncDispose]: close,
  };
};
