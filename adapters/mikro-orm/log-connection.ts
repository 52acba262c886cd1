import { CompiledQuery, type Kysely } from 'kysely';
import type { PgClient } from './postgres-driver.ts';

/** A connection that nobody else uses meanwhile. Rejects with the driver's error; its user bounds the wait. */
export interface LogConnection {
  rows(text: string, values?: readonly unknown[]): Promise<readonly unknown[]>;
}

/**
 * On a client of `pg` that no pool lends: what had to wait for a connection, or behind somebody's transaction, would be
 * late when it matters.
 */
export const onPostgres = (client: Pick<PgClient, 'query'>): LogConnection => ({
  rows: async (text, values = []) => rowsOf(await client.query(text, values)),
});

/** On a connection or a transaction of MikroORM. */
export const onKysely = (connection: Kysely<unknown>): LogConnection => ({
  rows: async (text, values = []) =>
    (await connection.executeQuery(CompiledQuery.raw(text, [...values]))).rows,
});

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
