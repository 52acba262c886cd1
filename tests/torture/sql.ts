import { setTimeout as sleep } from 'node:timers/promises';
import { MikroORM } from '@mikro-orm/postgresql';
import { type RawBuilder, sql } from 'kysely';

export { sql } from 'kysely';

export type Row = Readonly<Record<string, unknown>>;

/** Statements on connections of one's own, as psql would send them: no fences, no limits. */
export interface Sql extends AsyncDisposable {
  answers(): Promise<boolean>;
  run(statement: RawBuilder<unknown>): Promise<readonly Row[]>;
  /** The same for what changes nothing: tries again for ten seconds while the server is away. */
  read(statement: RawBuilder<unknown>): Promise<readonly Row[]>;
  /** Several statements in one transaction. */
  together(statements: readonly RawBuilder<unknown>[]): Promise<void>;
}

export const connectTo = (port: number): Sql => {
  const orm = new MikroORM({
    entities: [],
    discovery: { warnWhenNoEntities: false },
    host: '127.0.0.1',
    port,
    user: 'postgres',
    dbName: 'postgres',
    password: '',
    driverOptions: { connectionTimeoutMillis: 2000, max: 4 },
    ensureDatabase: false,
    logger: () => undefined,
  });
  const database = orm.em.getKysely<unknown>();
  const run = async (statement: RawBuilder<unknown>): Promise<readonly Row[]> => {
    const { rows } = await statement.execute(database);
    return rows.map(asRow);
  };
  return {
    answers: () =>
      run(sql`select 1`).then(
        () => true,
        () => false,
      ),
    run,
    read: async (statement) => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await run(statement);
        } catch (error) {
          if (attempt === 100) throw error;
          await sleep(100);
        }
      }
    },
    together: (statements) =>
      database.transaction().execute(async (transaction) => {
        for (const statement of statements) await statement.execute(transaction);
      }),
    [Symbol.asyncDispose]: () => orm.close(true),
  };
};

const asRow = (row: unknown): Row => {
  if (typeof row !== 'object' || row === null) throw new TypeError('a row is an object');
  return Object.fromEntries(Object.entries(row));
};
