import { createRequire } from 'node:module';

/** What is used of pg, which comes with MikroORM and without types. */
export type PgPool = {
  query(statement: string | Statement, values?: readonly unknown[]): Promise<Result>;
  connect(): Promise<PgClient>;
  end(): Promise<void>;
  on(event: 'error', listener: () => void): unknown;
};
type Statement = {
  readonly name?: string;
  readonly text: string;
  readonly values: readonly unknown[];
};
type PgClient = Pick<PgPool, 'query'> & { release(): void };
type Result = { readonly rows: readonly Readonly<Record<string, unknown>>[] };
type Pg = { readonly Pool: new (options: { connectionString: string; max: number }) => PgPool };

/** The pg of MikroORM, with as many connections as Kith has. */
export const openPool = (url: string, max: number = 10): PgPool => {
  const require = createRequire(import.meta.url);
  const { Pool }: Pg = require('pg');
  const pool = new Pool({ connectionString: url, max });
  // A pool ends before its connections do, and a database that is dropped meanwhile ends them: nobody has asked anything.
  pool.on('error', () => undefined);
  return pool;
};

const columns = `id, email, username, phone, name, bio, occupation, location, avatar_url, skills, experience, role,
  is_active, is_verified, round(extract(epoch from created_at) * 1000)::float8 as created_at_ms,
  round(extract(epoch from updated_at) * 1000)::float8 as updated_at_ms, version, token_version`;

export type Row = { readonly id: string; readonly version: number };

/** The row of a user by a prepared statement: the anchor, and where every peer loads from. */
export const findRow = async (pool: PgPool, id: string): Promise<Row> => {
  const { rows } = await pool.query({
    name: 'find',
    text: `select ${columns} from users where id = $1`,
    values: [id],
  });
  return { ...rows[0], id, version: Number(rows[0]?.['version'] ?? 0) };
};

/** What `changeProfile` does to the row, by hand: lock, change, commit; the new version. */
export const changeRow = async (pool: PgPool, id: string, bio: string): Promise<number> => {
  const client = await pool.connect();
  const query = (name: string, text: string, ...values: readonly unknown[]): Promise<Result> =>
    client.query({ ...(values.length > 0 && { name }), text, values });
  try {
    await query('begin', 'begin');
    await query('fenced', `select set_config('kith.fenced', $1, true)`, 'on');
    await query('lock', `select ${columns}, password_hash from users where id = $1 for update`, id);
    const { rows } = await query(
      'update',
      'update users set bio = $2, version = version + 1, updated_at = now() where id = $1 returning version',
      id,
      bio,
    );
    await query('commit', 'commit');
    return Number(rows[0]?.['version']);
  } finally {
    client.release();
  }
};
