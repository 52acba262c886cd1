import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { freePort, openRedis, type RedisServer } from '../support/redis-server.ts';
import { installAudit } from './audit.ts';
import { keepFolder, removeFolder, temporaryFolder } from './children.ts';
import type { Bounds } from './facts.ts';
import { openPostgresCluster, type PostgresCluster } from './postgres-cluster.ts';
import { openProxies, type Proxies } from './proxies.ts';
import { type ServerOptions, type ServerProcess, serverProcess } from './server-process.ts';
import { type Sql, sql } from './sql.ts';
import { openWakes, type Wakes } from './wakes.ts';

export type Variant = 'none' | 'delete-after-commit' | 'open-gate';

/** Servers that are known to fail, so that the run can be seen to find them guilty. */
const variants: Readonly<Record<Variant, Pick<ServerOptions, 'entry' | 'preload'>>> = {
  none: { entry: 'composition/main.ts' },
  'delete-after-commit': { entry: 'tests/torture/naive-server.ts' },
  'open-gate': { entry: 'composition/main.ts', preload: 'tests/torture/always-open.ts' },
};
export const isVariant = (name: string): name is Variant => Object.hasOwn(variants, name);

/** Everything that the run started: servers, each behind a proxy of its own to Redis and to PostgreSQL, and those two. */
export interface World extends AsyncDisposable {
  readonly servers: readonly ServerProcess[];
  readonly redis: RedisServer;
  /** For instances that are configured with another one; nothing else uses it. */
  readonly otherRedis: RedisServer;
  readonly postgres: PostgresCluster;
  readonly proxies: Proxies;
  /** Past the proxies. */
  readonly sql: Sql;
  readonly wakes: Wakes;
  readonly admin: { readonly email: string; readonly password: string };
  /** Where the servers' logs are. Kept only on request. */
  readonly logs: string;
  keepLogs(): void;
}

/** Whom the servers log in to PostgreSQL as; the tables are its own. */
export const servingRole = 'kith_serving';

export const bounds: Bounds = { maxStalenessMs: 500, boundMs: 2000 };

/**
 * Whether a server refuses as soon as the database is silent. One that serves instead has another bound while it is cut off
 * alone; so only those that refuse are cut off alone, and the others serve while nobody reaches the database.
 */
export const refusesAlone = ({ number }: { readonly number: number }): boolean => number % 2 === 0;

export const redisProxy = (server: ServerProcess): string => `redis ${server.number}`;
export const postgresProxy = (server: ServerProcess): string => `postgres ${server.number}`;

export const openWorld = async (processes: number, variant: Variant): Promise<World> => {
  await using opened = new AsyncDisposableStack();
  const logs = temporaryFolder('logs');
  opened.defer(() => removeFolder(logs));
  const postgres = opened.use(await openPostgresCluster());
  const redis = opened.use(await openRedis());
  const otherRedis = opened.use(await openRedis());
  // A right can be taken from whoever is no superuser.
  await postgres.sql.run(sql.raw(`create role ${servingRole} login`));
  await postgres.sql.run(sql.raw(`alter database postgres owner to ${servingRole}`));
  await postgres.sql.run(sql.raw(`alter schema public owner to ${servingRole}`));
  const wakes = opened.use(await openWakes(postgres.port));
  const proxies = opened.use(openProxies());
  const admin = {
    email: 'admin@torture.example',
    password: `admin horse battery ${randomBytes(12).toString('base64')}`,
  };
  const secret = randomBytes(32).toString('base64');

  const servers: ServerProcess[] = [];
  for (let number = 0; number < processes; number++) {
    const redisPort = await proxies.open(`redis ${number}`, redis.port);
    const postgresPort = await proxies.open(`postgres ${number}`, postgres.port);
    const port = await freePort();
    const server = serverProcess({
      number,
      port,
      ...variants[variant],
      logFile: join(logs, `server-${number}.log`),
      environment: {
        PATH: process.env['PATH'] ?? '',
        PORT: `${port}`,
        OPS_PORT: 'off',
        DATA_DIR: logs,
        DATABASE_URL: `postgres://${servingRole}@127.0.0.1:${postgresPort}/postgres`,
        REDIS_URL: `redis://127.0.0.1:${redisPort}`,
        JWT_SECRET: secret,
        JWT_TTL: '7200',
        MAX_STALENESS_MS: `${bounds.maxStalenessMs}`,
        JOURNAL_BOUND_MS: `${bounds.boundMs}`,
        WHEN_DATABASE_UNREACHABLE: refusesAlone({ number }) ? 'refuse' : 'serve',
        CONSISTENCY_AUDIT: '1',
        LIMIT_LOGIN_PER_MINUTE: '0',
        LIMIT_REGISTER_PER_MINUTE: '0',
        LOG_LEVEL: 'info',
        ...(number === 0 && { BOOTSTRAP_ADMIN_EMAIL: admin.email, BOOTSTRAP_ADMIN_PASSWORD: admin.password }),
      },
    });
    servers.push(opened.use(server));
    await server.start();
    // The first one made the tables.
    if (number === 0) await installAudit(postgres.sql);
  }
  const open = opened.move();
  return {
    servers,
    redis,
    otherRedis,
    postgres,
    proxies,
    sql: postgres.sql,
    wakes,
    admin,
    logs,
    keepLogs: () => keepFolder(logs),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
};
