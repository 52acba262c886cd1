import { renewEpochOf } from '../adapters/mikro-orm/restored.ts';
import type { Message } from '../adapters/system/messages.ts';
import { parseConfig } from '../composition/config.ts';
import { toldOfIssue } from '../composition/environment.ts';
import { type Command, json, parseArguments, tellFailure } from './command.ts';
import { databaseFailure } from './database-failure.ts';

/** All that it needs. No other variable is read, so that whoever restores needs no other secrets. */
const variables = [
  'DATABASE_URL',
  'DATABASE_DIRECT_URL',
  'DATABASE_POOLER',
  'DATABASE_SCHEMA',
  'DATABASE_CONNECT_TIMEOUT_MS',
  'DATA_DIR',
] as const;

export const restored: Command = {
  summary: 'say that an older copy of the database was put in place',
  help: `usage: kith restored [--json] [--env <file>]

To be run when the files of the database were put back as they were earlier, or the database was restored in any way, and
before the instances start: nothing that was cached before is then believed by anybody, so it is read anew. It does no
harm otherwise, and instances that run go on: each begins anew with empty memory. DATABASE_URL may name the role that
serves.

  --json   one line: { "renewed": true }, or { "renewed": false } where the log begins anew by itself

Exit codes: 0 it is done, 1 the database refused or did not answer, 2 not understood,
78 the configuration is refused.
`,
  run: async (args, terminal) => {
    const asJson = parseArguments(args, { json: { type: 'boolean' } }).has('json');
    const fail = (told: readonly Message[]) => tellFailure(told, asJson, terminal);
    const config = parseConfig(
      Object.fromEntries(variables.map((name) => [name, terminal.environment[name]])),
    );
    if (!config.ok) return fail(config.error.map(toldOfIssue));
    const { postgres, postgresDirect = postgres } = config.value;
    try {
      // The embedded database, and a log without a state, begin anew at each start.
      const renewed = postgresDirect !== undefined && (await renewEpochOf(postgresDirect));
      const text = renewed
        ? 'nothing that was cached before is believed any more'
        : 'nothing to do: the log begins anew at the next start';
      terminal.out(asJson ? json({ renewed }) : `${text}\n`);
      return 0;
    } catch (error) {
      return fail(databaseFailure(error, config.value));
    }
  },
};
