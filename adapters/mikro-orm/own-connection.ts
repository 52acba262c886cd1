import { DatabaseSilent, DatabaseUnavailable } from '../../domain/faults.ts';
import { isStaleStatement, toFault } from './faults.ts';
import { type LogConnection, onPostgres } from './log-connection.ts';
import type { PgClient } from './postgres-driver.ts';
import { discard } from './way.ts';

/**
 * One connection that no pool lends, for what must not wait behind others: in a pool whose connections are all busy, the
 * check that opens the gate would come too late, and a busy database would look like a silent one. It is made at the
 * first use, and anew after it was lost. One statement at a time.
 */
export class OwnConnection implements LogConnection {
  readonly #open: () => Promise<PgClient>;
  #connection: Promise<PgClient> | undefined;
  #isClosed = false;
  /** The end of the last statement that was asked for, whatever comes of it. */
  #last: Promise<unknown> = Promise.resolve();

  /** `open` makes a connection whose every wait is bounded, by the server's own limits too. */
  constructor(open: () => Promise<PgClient>) {
    this.#open = open;
  }

  /** Runs one statement, when its turn has come; rejects with a fault. */
  rows(text: string, values: readonly unknown[] = []): Promise<readonly unknown[]> {
    const rows = this.#last.then(() => this.#rows(text, values));
    this.#last = rows.catch(() => undefined);
    return rows;
  }

  async #rows(text: string, values: readonly unknown[]): Promise<readonly unknown[]> {
    if (this.#isClosed) throw new DatabaseUnavailable('the database was closed');
    this.#connection ??= this.#open();
    const connecting = this.#connection;
    let client: PgClient | undefined;
    try {
      client = await connecting;
      return await rowsOnce(client, text, values);
    } catch (error) {
      const fault = toFault(error);
      // One that could not be made is made anew, whatever the reason. On one that stands, an error of the server's changes
      // nothing, unless it says that it ends it.
      if (client === undefined || fault instanceof DatabaseSilent) this.#discard(connecting);
      throw fault;
    }
  }

  /** The next statement makes a connection anew; what is under way ends on the one of before. */
  renew(): void {
    const before = this.#connection;
    this.#connection = undefined;
    this.#last.then(() => before?.then(discard)).catch(() => undefined);
  }

  close(): void {
    this.#isClosed = true;
    if (this.#connection !== undefined) this.#discard(this.#connection);
  }

  #discard(connecting: Promise<PgClient>): void {
    if (this.#connection === connecting) this.#connection = undefined;
    connecting.then(discard).catch(() => undefined);
  }
}

/** Once more where what was prepared is out of date, unless a transaction has failed with it. */
const rowsOnce = async (
  client: PgClient,
  text: string,
  values: readonly unknown[],
): Promise<readonly unknown[]> => {
  const on = onPostgres(client);
  try {
    return await on.rows(text, values);
  } catch (error) {
    if (!isStaleStatement(error) || client.getTransactionStatus() !== 'I') throw error;
    return on.rows(text, values);
  }
};
