import type { PgClient } from './postgres-driver.ts';
import { statementName } from './statement-name.ts';

/** A connection that nobody else uses meanwhile. Rejects with the driver's error; its user bounds the wait. */
export interface LogConnection {
  rows(text: string, values?: readonly unknown[]): Promise<readonly unknown[]>;
}

/**
 * On a client of `pg` that no pool lends: what had to wait for a connection, or behind somebody's transaction, would be
 * late when it matters. The texts are few and prepared once.
 */
export const onPostgres = (client: Pick<PgClient, 'query'>): LogConnection => {
  const names = new Map<string, string>();
  return {
    async rows(text, values = []) {
      const name = names.get(text) ?? statementName(text);
      names.set(text, name);
      return rowsOf(await client.query({ name, text, values }));
    },
  };
};

/** On PGlite, which has one connection: not while a transaction is open on it. */
export const onEmbedded = (database: {
  query(text: string, values: unknown[]): Promise<unknown>;
}): LogConnection => ({
  rows: async (text, values = []) => rowsOf(await database.query(text, [...values])),
});

const rowsOf = (result: unknown): readonly unknown[] => {
  const rows: unknown =
    typeof result === 'object' && result !== null ? Reflect.get(result, 'rows') : undefined;
  if (!Array.isArray(rows)) throw new TypeError('the driver answered without rows');
  return rows;
};

/**
 * Runs `work` in a transaction of READ COMMITTED. Nothing of it stays if it fails; if the connection fails as well, the
 * server ends the transaction with it.
 */
export const inTransaction = async <T>(connection: LogConnection, work: () => Promise<T>): Promise<T> => {
  await connection.rows('begin isolation level read committed');
  try {
    const value = await work();
    await connection.rows('commit');
    return value;
  } catch (error) {
    await connection.rows('rollback').catch(() => undefined);
    throw error;
  }
};
