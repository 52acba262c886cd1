import { randomUUID } from 'node:crypto';
import type { UserId } from '../../domain/identifiers.ts';
import type { ChangeLog, CheckAnswer, LogRow } from '../../domain/ports/change-log.ts';
import type { Database, Transaction } from '../../domain/ports/persistence.ts';
import type { Snapshot, Xid } from '../../domain/snapshot.ts';
import type { Account } from '../../domain/user.ts';
import { fresh, gate, pause, store } from './persistence-support.ts';

export const bounds: { readonly boundMs: number; readonly retentionMs: number } = {
  boundMs: 2_000,
  retentionMs: 600_000,
};

/** One process that reads the log, as application/caching/log-reader.ts does. */
export class Reader {
  readonly id: string = randomUUID();
  readonly #log: ChangeLog;
  #beat = 0;
  last: Snapshot | undefined;

  constructor(log: ChangeLog) {
    this.#log = log;
  }

  async answer(): Promise<CheckAnswer> {
    const [beat, answeredBeat] = [++this.#beat, this.#beat - 1];
    const asked = { id: this.id, beat, answeredBeat, boundMs: bounds.boundMs, last: this.last };
    const answer = await this.#log.check(asked);
    this.last = answer.snapshot;
    return answer;
  }

  async rows(): Promise<readonly LogRow[]> {
    const { rows } = await this.answer();
    if (rows === 'too-many') throw new Error('so many were not written');
    return rows;
  }
}

const hold = async (database: Database, work: Work): Promise<{ readonly xid: Xid; readonly end: End }> => {
  const [done, decided] = [gate(), gate()];
  let [xid, rollsBack] = [0, false];
  const running = database.transactions.run(async (transaction) => {
    await work(transaction);
    xid = await transaction.xid();
    done.open();
    await decided.passed;
    if (rollsBack) throw new Error('rolled back');
  });
  await Promise.race([done.passed, running]);
  return {
    xid,
    end: async (how) => {
      rollsBack = how === 'roll back';
      decided.open();
      await running.catch((error: unknown) => {
        if (!rollsBack) throw error;
      });
    },
  };
};

/** Changes the name of a user, as a step of a transaction. */
export const namedUpdate =
  (id: UserId, name: string): ((transaction: Transaction) => Promise<void>) =>
  async ({ users }: Transaction): Promise<void> => {
    const locked = await users.lock(id);
    if (locked === undefined) throw new Error('no such user');
    await users.update({
      ...locked,
      user: { ...locked.user, name, version: locked.user.version + 1 },
    });
  };

/** The row that a change of a user leaves. */
export const rowOf = ({ user }: Account, xid: Xid): LogRow => ({ xid, source: 'users', key: user.id });

type Work = (transaction: Transaction) => Promise<void>;

/** What the parts of the contract do with a database that has a log. */
export type LogUser = {
  /** A reader that has made its first check. */
  readonly open: () => Promise<Reader>;
  readonly stored: () => Promise<Account>;
  /** Changes in a transaction of its own; returns that. */
  readonly changeIn: (work: Work) => Promise<Xid>;
  /** A transaction that was done all but its COMMIT, which `end` decides about. */
  readonly held: (work: Work) => Promise<{ readonly xid: Xid; readonly end: End }>;
  /**
   * Runs `during` while a transaction is in progress. A database that answers one thing at a time lets `during` wait
   * instead; then there is nothing to see, and the transaction goes on after 50 ms.
   */
  readonly whileInProgress: <T>(work: Work, during: () => Promise<T>) => Promise<During<T>>;
};
type End = (how: 'commit' | 'roll back') => Promise<void>;
type During<T> = { readonly xid: Xid; readonly seen: T; readonly isSerial: boolean };

export const logUser = (database: () => Database): LogUser => {
  const user: LogUser = {
    open: async () => {
      await database().log.begin(bounds);
      const reader = new Reader(database().log);
      await reader.rows();
      return reader;
    },
    stored: async () => {
      const account = fresh();
      await store(database(), account);
      return account;
    },
    held: (work) => hold(database(), work),
    changeIn: async (work) => {
      const { xid, end } = await user.held(work);
      await end('commit');
      return xid;
    },
    whileInProgress: async (work, during) => {
      const { xid, end } = await user.held(work);
      let isOver = false;
      const seeing = during().finally(() => {
        isOver = true;
      });
      for (let waited = 0; waited < 50 && !isOver; waited += 5) await pause(5);
      const isSerial = !isOver;
      await end('commit');
      return { xid, seen: await seeing, isSerial };
    },
  };
  return user;
};
