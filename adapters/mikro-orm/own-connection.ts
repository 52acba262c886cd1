import { DatabaseSilent, DatabaseUnavailable } from '../../domain/faults.ts';
import { prepareConnection } from './change-log.ts';
import { toFault } from './faults.ts';
import { type LogConnection, onPostgres } from './log-connection.ts';
import type { PgClient } from './postgres-driver.ts';

/**
 * One connection that no pool lends, for what must not wait behind others: in a pool whose connections are all busy, the
 * check that opens the gate would come too late, and a busy database would look like a silent one. It is made at the
 * first use, and anew after it was lost. One statement at a time.
 */
export class OwnConnection implements LogConnection {
  readonly #newClient: () => PgClient;
  readonly #deadlineMs: number;
  #connection: Promise<{ readonly client: PgClient; readonly on: LogConnection }> | undefined;
  #isClosed = false;
  /** The end of the last statement that was asked for, whatever comes of it. */
  #last: Promise<unknown> = Promise.resolve();

  /** `newClient` bounds each wait by `deadlineMs`; the server's own limits are set below it. */
  constructor(newClient: () => PgClient, deadlineMs: number) {
    this.#newClient = newClient;
    this.#deadlineMs = deadlineMs;
  }

  /** Runs one statement, when its turn has come; rejects with a fault. */
  rows(text: string, values: readonly unknown[] = []): Promise<readonly unknown[]> {
    const rows = this.#last.then(() => this.#rows(text, values));
    this.#last = rows.catch(() => undefined);
    return rows;
  }

  async #rows(text: string, values: readonly unknown[]): Promise<readonly unknown[]> {
    if (this.#isClosed) throw new DatabaseUnavailable('the database was closed');
    this.#connection ??= this.#connect();
    const connecting = this.#connection;
    let on: LogConnection | undefined;
    try {
      ({ on } = await connecting);
      return await on.rows(text, values);
    } catch (error) {
      const fault = toFault(error);
      // One that could not be made is made anew, whatever the reason. On one that stands, an error of the server's changes
      // nothing, unless it says that it ends it.
      if (on === undefined || fault instanceof DatabaseSilent) this.#discard(connecting);
      throw fault;
    }
  }

  close(): void {
    this.#isClosed = true;
    if (this.#connection !== undefined) this.#discard(this.#connection);
  }

  async #connect(): Promise<{ readonly client: PgClient; readonly on: LogConnection }> {
    const client = this.#newClient();
    // Beside the promises, an error may be emitted; unheard, it would end the process. The next statement meets it.
    client.on('error', () => undefined);
    try {
      await client.connect();
      const on = onPostgres(client);
      await prepareConnection(on, this.#deadlineMs);
      return { client, on };
    } catch (error) {
      client.connection.stream.destroy();
      throw error;
    }
  }

  /** Not politely: whoever is silent would not answer that either. */
  #discard(connecting: Promise<{ readonly client: PgClient }>): void {
    if (this.#connection === connecting) this.#connection = undefined;
    connecting.then(({ client }) => client.connection.stream.destroy()).catch(() => undefined);
  }
}
