import type { SqlEntityManager } from '@mikro-orm/sql';
import { sql } from 'kysely';
import type { ChangeLog } from '../../domain/ports/change-log.ts';
import type { Database, DatabaseStatus } from '../../domain/ports/persistence.ts';
import type { Log } from '../../domain/ports/runtime.ts';
import { attemptCounters } from './attempts.ts';
import { contactRepository } from './contacts.ts';
import { LeftOut } from './left-out.ts';
import type { Lend } from './lent-connection.ts';
import { provedReads } from './proved-reads.ts';
import { type Admission, Statements } from './statements.ts';
import { transactionsOn } from './transactions.ts';
import { userRepository } from './users.ts';

/** What the two ways to run PostgreSQL do differently. */
export type Parts = {
  readonly em: SqlEntityManager;
  readonly admit: Admission;
  readonly lend: Lend;
  readonly log: ChangeLog;
  readonly maxTransactionMs: number;
  readonly close: () => Promise<void>;
  readonly status: () => Omit<DatabaseStatus, 'rowsLeftOut'>;
  readonly events: Log;
};

export const assemble = ({
  em,
  admit,
  lend,
  log,
  maxTransactionMs,
  close,
  status,
  events,
}: Parts): Database => {
  const statements = new Statements(em, admit);
  const leftOut = new LeftOut(events);
  return {
    users: userRepository(statements, leftOut),
    contacts: contactRepository(statements, leftOut),
    transactions: transactionsOn({ em, admit, lend, maxTransactionMs }),
    reads: provedReads(statements, leftOut),
    log,
    attempts: attemptCounters(statements),
    health: {
      async ping() {
        await statements.read(sql`select 1`);
      },
    },
    status: () => ({ ...status(), rowsLeftOut: leftOut.count }),
    [Symbol.asyncDispose]: close,
  };
};
