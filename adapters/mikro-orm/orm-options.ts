import type { EntitySchema, Options } from '@mikro-orm/core';
import { Migrator } from '@mikro-orm/migrations';
import { migrations } from './migrations.ts';
import { tables } from './tables.ts';

type Common =
  | 'extensions'
  | 'migrations'
  | 'schemaGenerator'
  | 'ensureDatabase'
  | 'debug'
  | 'colors'
  | 'logger';

/** What both drivers are told: nothing is discovered in files, created unasked, or printed (messages hold values). */
export const ormOptions: Partial<Pick<Options, Common>> & { entities: EntitySchema[] } = {
  entities: tables.map(({ entity }) => entity),
  extensions: [Migrator],
  migrations: { migrationsList: migrations, snapshot: false, tableName: 'kith_migrations', silent: true },
  schemaGenerator: {
    ignoreTriggers: true,
    ignoreRoutines: true,
    // All but the first are asked in SQL only, and their types, indexes and ways of storage are beyond an entity.
    skipTables: [
      'kith_migrations',
      'change_log',
      'log_state',
      'log_notes',
      'log_bounds',
      'instances',
      'contact_counts',
      'contact_search',
    ],
  },
  ensureDatabase: false,
  debug: false,
  colors: false,
  logger: () => undefined,
};
