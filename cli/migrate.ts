import { migrateEmbedded } from '../adapters/mikro-orm/embedded.ts';
import { type Migrated as MigratedPostgres, migratePostgres } from '../adapters/mikro-orm/migrate.ts';
import type { Message } from '../adapters/system/messages.ts';
import { type Config, parseConfig } from '../composition/config.ts';
import { toldOfIssue } from '../composition/environment.ts';
import { type Command, json, parseArguments, tellFailure, UsageError } from './command.ts';
import { databaseFailure } from './database-failure.ts';

/** All that a migration needs. No other variable is read, so that a job that migrates needs no other secrets. */
const variables = [
  'DATABASE_URL',
  'DATABASE_DIRECT_URL',
  'DATABASE_POOLER',
  'DATABASE_SCHEMA',
  'DATABASE_CONNECT_TIMEOUT_MS',
  'DATA_DIR',
] as const;

export const migrate: Command = {
  summary: 'bring the database to the schema of this version',
  help: `usage: kith migrate [--grant <role>] [--json] [--env <file>]

Runs what is missing of the migrations, in order, each once, also if several do it at a time. The server does the same
when it starts; this is for a role that owns the tables where the one that serves may not change them (DATABASE_URL
names the role). Migrations only go forward. Rules that all stored rows keep become constraints; it says which ones rows of
before them break.

  --grant <role>   then give that role of PostgreSQL what serving needs, and no more

Exit codes: 0 the schema is as it should be, 1 the database refused or did not answer, 2 not understood,
78 the configuration is refused.
`,
  run: async (args, terminal) => {
    const given = parseArguments(args, {
      json: { type: 'boolean' },
      grant: { type: 'string' },
    });
    const role = given.text('grant');
    const config = parseConfig(
      Object.fromEntries(variables.map((name) => [name, terminal.environment[name]])),
    );
    const fail = (told: readonly Message[]) => tellFailure(told, given.has('json'), terminal);
    if (!config.ok) return fail(config.error.map(toldOfIssue));
    try {
      const { applied, unprovedRules } = await migrateOne(config.value, role);
      if (given.has('json')) terminal.out(json({ applied, unproved_rules: unprovedRules }));
      else {
        terminal.out(
          applied.length === 0 ? 'nothing to do\n' : applied.map((name) => `applied ${name}\n`).join(''),
        );
        for (const name of unprovedRules)
          terminal.err(`rows of before it break ${name}, which is held of new values: kith doctor --rows\n`);
      }
      return 0;
    } catch (error) {
      if (error instanceof UsageError) throw error;
      return fail(databaseFailure(error, config.value));
    }
  },
};

type Migrated = Pick<MigratedPostgres, 'applied' | 'unprovedRules'>;

const migrateOne = (
  { postgres, postgresDirect = postgres, dataDirectory }: Config,
  role: string | undefined,
): Promise<Migrated> => {
  if (postgresDirect !== undefined) return migratePostgres(postgresDirect, role);
  if (role !== undefined) throw UsageError.of('--grant is for PostgreSQL: set DATABASE_URL');
  return migrateEmbedded(dataDirectory);
};
