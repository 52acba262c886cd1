import { Unsuitable } from './faults.ts';
import type { LogConnection } from './log-connection.ts';
import { migrations, tablesOf } from './migrations.ts';
import { Row } from './row.ts';

/** Where our tables are in a database, or will be, and what is to be done there. */
export type Home = {
  /** `null`: there is none in the search path of this role. */
  readonly schema: string | null;
  /** How the database writes texts down; anything but UTF8 cannot hold what people type. */
  readonly encoding: string;
  readonly applied: readonly string[];
  /** Those that are applied and that this version does not know: of a later one. */
  readonly unknown: readonly string[];
  readonly missing: readonly string[];
  /** Tables that a missing migration is to make, and that are there already: somebody else's. */
  readonly foreignTables: readonly string[];
};

const known: readonly string[] = migrations.map(({ name }) => name);

/**
 * Looks, and changes nothing. Our schema is that of the tables that we find by the search path; where there are none yet, the
 * first of the search path. It is named to every later connection, for the search path may change: a schema with the
 * name of the role comes first in it, and is made by whoever may.
 */
export const lookAtHome = async (connection: LogConnection): Promise<Home> => {
  const row = new Row('pg_class', (await connection.rows(place))[0]);
  const schema = row.nullable('schema', row.text);
  const hasMigrations = row.boolean('has_migrations');
  const isReadable = hasMigrations && row.boolean('may_read');
  const applied = isReadable ? await namesIn(connection, 'select name from kith_migrations order by id') : [];
  const missing = known.filter((name) => !applied.includes(name));
  // What this role may not read tells nothing of what was made.
  const suspected = hasMigrations && !isReadable ? [] : missing.flatMap(tablesOf);
  const foreignTables = await namesIn(connection, there, [schema, suspected]);
  const unknown = applied.filter((name) => !known.includes(name));
  return { schema, encoding: row.text('encoding'), applied, unknown, missing, foreignTables };
};

const place = `select current_setting('server_encoding') as encoding, coalesce(
    (select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.oid = to_regclass('kith_migrations')),
    (select nspname from pg_namespace where nspname = current_schema() and oid <> pg_my_temp_schema()))::text as schema,
  to_regclass('kith_migrations') is not null as has_migrations,
  coalesce(has_table_privilege(to_regclass('kith_migrations'), 'select'), false) as may_read`;

const there = `select c.relname::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and c.relname = any($2::text[]) order by 1`;

const namesIn = async (
  connection: LogConnection,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly string[]> =>
  (await connection.rows(text, values)).map((each) => new Row('pg_class', each).text('name'));

/** Throws `Unsuitable`, with a sentence for the operator, where our tables cannot be here. */
export const mustBeHabitable = ({ schema, encoding, foreignTables }: Home): void => {
  if (encoding !== 'UTF8')
    throw new Unsuitable(
      `the database has the encoding ${encoding}, which cannot hold what people type: make one with UTF8`,
    );
  if (foreignTables.length > 0)
    throw new Unsuitable(
      `the schema ${schema} has tables that are not Kith's (${foreignTables.join(', ')}): set DATABASE_SCHEMA to another`,
    );
};
