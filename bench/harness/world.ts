import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openPostgres } from '../../adapters/mikro-orm/postgres.ts';
import { createTestDatabase } from '../../tests/support/postgres.ts';
import { openRedis } from '../../tests/support/redis-server.ts';
import type { Settings } from './subject.ts';

/** The servers of a run, with a population in the database. */
export interface World extends AsyncDisposable {
  readonly settings: Settings;
  clean(): Promise<void>;
}

export const arePeersInstalled = (): boolean =>
  existsSync(fileURLToPath(new URL('../peers/node_modules', import.meta.url)));

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

export const openWorld = async (people: number): Promise<World> => {
  await using opened = new AsyncDisposableStack();
  const redis = opened.use(await openRedis());
  const database = opened.use(await createTestDatabase());
  const { host, port, user, database: name } = database.address;
  // Makes the tables.
  await (await openPostgres({ address: database.address }, silent))[Symbol.asyncDispose]();
  await database.query(populate(people));
  const clean = async (): Promise<void> => {
    await database.query('delete from change_log');
    await database.query('vacuum analyze users');
    await redis.command('FLUSHALL');
  };
  await clean();
  const open = opened.move();
  return {
    settings: {
      redisPort: redis.port,
      postgresUrl: `postgres://${user}@${host}:${port}/${name}`,
      people,
    },
    clean,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
};

/** The same people as in bench/subjects/people.ts. */
export const populate = (people: number): string => `insert into users
  select ('01900000-0000-7000-8001-' || lpad(to_hex(n), 12, '0'))::uuid, 'user' || n || '@example.com', 'user' || n,
    '+49170' || lpad(n::text, 7, '0'), 'User ' || n,
    repeat('Reads a lot, writes little, and would rather walk. ', 5), 'engineer', 'Leipzig', 'https://example.com/a.png',
    '{sql,typescript}', repeat('Reads a lot, writes little, and would rather walk. ', 2), 'user', true, false,
    '$argon2id$v=19$m=19456,t=2,p=1$Y2FuYXJ5Y2FuYXJ5$canarycanarycanarycanarycanary', now(), now(), 1, 1
  from generate_series(1, ${people}) n`;
