import { type RawBuilder, sql } from 'kysely';

/**
 * The time of the statement by the server's clock, or `atMs`; as precise as the columns: rounded to them, it could be in the
 * future. Statements that wait for each other's rows have begun in another order than they end in, so one of them may find a
 * time later than its own.
 */
export const timeOf = (atMs: number | undefined): RawBuilder<unknown> =>
  atMs === undefined
    ? sql`date_trunc('milliseconds', statement_timestamp())`
    : sql`${new Date(atMs).toISOString()}::timestamptz`;

export const interval = (ms: number): RawBuilder<unknown> =>
  sql`make_interval(secs => ${sql.lit(ms / 1000)})`;
