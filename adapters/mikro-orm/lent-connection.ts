import type { PgPool } from './postgres-driver.ts';

/** What a statement came to. */
export type Outcome = {
  readonly rows: readonly unknown[];
  readonly changedRows: number;
  /** What was really done, in capitals; where a driver does not say it, nothing. */
  readonly command: string | undefined;
};

/** A connection that is ours until we give it back, once. */
export type LentConnection = {
  /** Rejects with the driver's error. */
  query(text: string, values?: readonly unknown[]): Promise<Outcome>;
  /** A broken one is closed, and its place in the pool is free. */
  giveBack(state: 'whole' | 'broken'): void;
};

export type Lend = () => Promise<LentConnection>;

export const lendFrom =
  (pool: PgPool): Lend =>
  async () => {
    const client = await pool.connect();
    // While it is lent, nobody else hears its errors, which would end the process. The next statement meets them.
    const ignore = (): void => undefined;
    client.on('error', ignore);
    return {
      query: async (text, values) => outcomeOf(await client.query(text, values), 'rowCount'),
      giveBack: (state) => {
        client.off('error', ignore);
        client.release(state === 'broken');
      },
    };
  };

/** PGlite has one connection, which nobody else uses while it is lent. */
export const lendOnly =
  (database: { query(text: string, values: unknown[]): Promise<unknown> }): Lend =>
  () =>
    Promise.resolve({
      query: async (text, values = []) => outcomeOf(await database.query(text, [...values]), 'affectedRows'),
      giveBack: () => undefined,
    });

const outcomeOf = (result: unknown, count: 'rowCount' | 'affectedRows'): Outcome => {
  const { rows, command, [count]: changed } = Object(result);
  return {
    rows: Array.isArray(rows) ? rows : [],
    changedRows: Number(changed ?? 0),
    command: typeof command === 'string' ? command : undefined,
  };
};
