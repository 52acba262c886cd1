import type { Options } from '@mikro-orm/core';
import { Migrator } from '@mikro-orm/migrations';
import { entities } from './entities.ts';
import { migrations } from './migrations.ts';

type Common =
  | 'extensions'
  | 'migrations'
  | 'schemaGenerator'
  | 'ensureDatabase'
  | 'debug'
  | 'colors'
  | 'logger';

/** What both drivers are told: nothing is discovered in files, created unasked, or printed (messages hold values). */
export const ormOptions: Partial<Pick<Options, Common>> & { entities: typeof entities } = {
  entities,
  extensions: [Migrator],
  migrations: { migrationsList: migrations, snapshot: false, tableName: 'kith_migrations', silent: true },
  schemaGenerator: { ignoreTriggers: true, skipTables: ['kith_migrations'] },
  ensureDatabase: false,
  debug: false,
  colors: false,
  logger: () => undefined,
};

/** For how long a transaction may go on before it is refused, in milliseconds; far less than a fence lives. */
export const defaultMaxTransactionMs = 10_000;
