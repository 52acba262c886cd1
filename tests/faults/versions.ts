import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createTestDatabase } from '../support/postgres.ts';
import { program } from './server.ts';

/** What a run was made with, for its page. */
export const versions = async (redisServer: string): Promise<string> => {
  await using database = await createTestDatabase();
  const [postgres] = await database.query('show server_version');
  return [
    `Node ${version(program('node'), ['--version'])}`,
    version(program('deno'), ['--version']),
    version(redisServer, ['--version']).replace(/ sha=.*/, ''),
    `PostgreSQL ${postgres?.['server_version']}`,
    `commit ${version('git', ['rev-parse', '--short', 'HEAD'])}`,
    `${availableParallelism()} cores`,
  ].join('; ');
};

const version = (command: string, args: readonly string[]): string =>
  (execFileSync(command, [...args], { encoding: 'utf8' }).split('\n')[0] ?? '').trim();
