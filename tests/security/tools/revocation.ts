/**
 * Old tokens at two instances: `node tests/security/tools/revocation.ts [rounds]`, with a PostgreSQL and a Redis of its own.
 * Writes what came of it into docs/security-runs.md. Ends with 1 if one old token was taken.
 */
import process from 'node:process';
import { ensurePostgres, needRedis } from '../../../scripts/servers.ts';
import { createTestDatabase } from '../../support/postgres.ts';
import { openRedis } from '../../support/redis-server.ts';
import { environment, revocations } from '../revocation.ts';
import { startServer } from '../server.ts';
import { record, today } from './record.ts';

const rounds = Number(process.argv[2] ?? 10_000);
/** A security write waits until no memory can hold what was before it, so many go on at once. */
const lanes = 24;

process.env['TEST_REDIS_SERVER'] = needRedis();
const postgres = await ensurePostgres();
process.env['TEST_DATABASE_URL'] = postgres.url;
try {
  await using database = await createTestDatabase();
  await using redis = await openRedis();
  const { host, port, database: name } = database.address;
  const settings = {
    ...environment,
    DATABASE_URL: `postgres://postgres@${host}:${port}/${name}`,
    REDIS_URL: `redis://127.0.0.1:${redis.port}`,
  };
  const program = ['tests/security/quick-server.ts'] as const;
  const startedMs = performance.now();
  await using first = await startServer('node', settings, program);
  await using second = await startServer('deno', settings, program);
  const done = await revocations([first, second], { rounds, lanes });
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  for (const answer of done.accepted.slice(0, 20)) process.stdout.write(`${answer}\n`);
  const { password, deactivate, deactivated, role } = done.rounds;
  const cells = [rounds, password, done.rounds['sign-out'], deactivate + deactivated, role];
  process.stdout.write(`${rounds} rounds, ${done.accepted.length} old tokens accepted, ${seconds} s\n`);
  await record(
    'Old tokens on two instances',
    [
      'run on',
      'rounds',
      'password changes',
      'sign-outs',
      'deactivations',
      'lower roles',
      'old tokens accepted',
      's',
    ],
    [{ key: today(), cells: [...cells, done.accepted.length, seconds] }],
    () =>
      `\`node tests/security/tools/revocation.ts ${rounds}\`: one instance on Node and one on Deno, on one PostgreSQL and one Redis (the hasher replaced by a quick one), ${lanes} users at once. Both instances have just served the token; as soon as one of them acknowledges what makes it old, both are asked with it. After a lower role the token still says who somebody is, and what only administrators may do is refused.`,
  );
  process.exitCode = done.accepted.length === 0 ? 0 : 1;
} finally {
  await postgres.stop();
}
