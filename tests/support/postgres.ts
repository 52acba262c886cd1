import { randomBytes } from 'node:crypto';
import { MikroORM } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import type { PostgresAddress } from '../../adapters/mikro-orm/postgres-address.ts';
import { parseDatabaseUrl } from '../../adapters/mikro-orm/postgres-url.ts';
import { Secret } from '../../domain/secret.ts';

const hint =
  'no PostgreSQL answers: start one (Debian: apt-get install postgresql && service postgresql start) or set TEST_DATABASE_URL';

/** A database of its own on the test server, gone when disposed, and a way to run SQL in it behind Kith's back. */
export type TestDatabase = AsyncDisposable & {
  readonly address: PostgresAddress;
  /** Runs one statement as psql would: no fences, no limits. */
  readonly query: (text: string) => Promise<readonly Record<string, unknown>[]>;
};

/**
 * Fails, rather than skips, when there is no server: a suite that did not run has proved nothing. `options`: those of
 * `create database`.
 */
export const createTestDatabase = async (
  url: string | undefined = process.env['TEST_DATABASE_URL'],
  options = '',
): Promise<TestDatabase> => {
  const address = serverAddress(url);
  const server = connect(address);
  const name = `kith_test_${randomBytes(6).toString('hex')}`;
  try {
    await run(server, `create database ${name} ${options}`);
  } catch (error) {
    await server.close(true);
    throw new Error(hint, { cause: error });
  }
  const own = { ...address, database: name };
  const database = connect(own);
  return {
    address: own,
    query: (text) => run(database, text),
    async [Symbol.asyncDispose]() {
      await database.close(true);
      await run(server, `drop database ${name} with (force)`);
      await server.close(true);
    },
  };
};

/** An address as a DATABASE_URL, for a process that is configured by one. */
export const urlOf = ({ host, port, user, password, database }: PostgresAddress): string => {
  const secret = password === null ? '' : `:${encodeURIComponent(Secret.reveal(password))}`;
  return `postgres://${encodeURIComponent(user)}${secret}@${host}:${port}/${database}`;
};

const serverAddress = (url = 'postgres://postgres@127.0.0.1:5432/postgres'): PostgresAddress => {
  const address = parseDatabaseUrl(url);
  if (!address.ok) throw new Error(`TEST_DATABASE_URL: ${address.error.detail}`);
  return address.value;
};

const connect = ({ host, port, user, password, database }: PostgresAddress): MikroORM =>
  new MikroORM({
    entities: [],
    discovery: { warnWhenNoEntities: false },
    host,
    port,
    user,
    dbName: database,
    password: password === null ? '' : Secret.reveal(password),
    driverOptions: { connectionTimeoutMillis: 2000 },
    ensureDatabase: false,
    logger: () => undefined,
  });

const run = async (orm: MikroORM, text: string): Promise<readonly Record<string, unknown>[]> =>
  (await sql<Record<string, unknown>>`${sql.raw(text)}`.execute(orm.em.getKysely<unknown>())).rows;
