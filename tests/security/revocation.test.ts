import { expect, it } from 'vitest';
import { createTestDatabase } from '../support/postgres.ts';
import { openRedis } from '../support/redis-server.ts';
import { allWays, environment, type RevocationOptions, revocations } from './revocation.ts';
import { startServer } from './server.ts';

/** Two instances on one database, one on Node and one on Deno. */
const withServers = async (
  more: (redisPort: number) => Readonly<Record<string, string>>,
  rounds: number,
  ways: RevocationOptions['ways'] = allWays,
  flags: readonly string[] = [],
) => {
  await using database = await createTestDatabase();
  const { host, port, database: name } = database.address;
  await using redis = await openRedis();
  const settings = {
    ...environment,
    DATABASE_URL: `postgres://postgres@${host}:${port}/${name}`,
    ...more(redis.port),
  };
  const program = ['tests/security/quick-server.ts', ...flags] as const;
  await using first = await startServer('node', settings, program);
  await using second = await startServer('deno', settings, program);
  return await revocations([first, second], { rounds, lanes: 10, ways });
};

it('an old token is refused by both instances from the moment of the acknowledgement on', async () => {
  // The long form is tests/security/tools/revocation.ts.
  const { rounds, accepted } = await withServers((port) => ({ REDIS_URL: `redis://127.0.0.1:${port}` }), 40);
  expect(rounds).toEqual({ password: 8, 'sign-out': 8, deactivate: 8, deactivated: 8, role: 8 });
  expect(accepted).toEqual([]);
}, 120_000);

it('so it is without Redis, where the log alone tells of it', async () => {
  const { accepted } = await withServers(() => ({}), 10, ['password', 'sign-out']);
  expect(accepted).toEqual([]);
}, 120_000);

it('which is seen to fail where the log brings nothing', async () => {
  const { accepted } = await withServers(() => ({}), 20, ['password', 'sign-out'], ['--deaf']);
  expect(accepted.length).toBeGreaterThan(0);
}, 120_000);
