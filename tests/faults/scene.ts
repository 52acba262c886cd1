import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FaultProxy, openFaultProxy } from '../support/fault-proxy.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { openRedis, type RedisServer } from '../support/redis-server.ts';
import { ask, fieldOf } from './client.ts';
import { type People, populate } from './people.ts';
import { type Runtime, type ServerProcess, startServer } from './server.ts';

export type SceneOptions = {
  readonly runtime: Runtime;
  readonly redisSettings?: readonly string[];
  readonly startRedis?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  readonly preload?: string;
  readonly exposeGc?: boolean;
  /** Whom the server logs in to PostgreSQL as, and who owns the database; made if absent. By default a superuser. */
  readonly role?: string;
  /** A PostgreSQL other than that of the tests. */
  readonly databaseUrl?: string;
};

/** A server with a Redis and a PostgreSQL database of its own, each behind a proxy that fails on command. */
export type Scene = AsyncDisposable & {
  readonly server: ServerProcess;
  readonly redis: RedisServer;
  readonly database: TestDatabase;
  readonly toRedis: FaultProxy;
  readonly toDatabase: FaultProxy;
  readonly people: People;
  readonly environment: Readonly<Record<string, string>>;
  /** Another server on the same data; by default through the same proxies. */
  startAnother(environment?: Readonly<Record<string, string>>): Promise<ServerProcess>;
};

/** The servers' dependencies, before there is a server. */
export type Stage = Omit<Scene, 'server' | 'people' | 'startAnother' | typeof Symbol.asyncDispose>;

export const openStage = async (options: SceneOptions, opened: AsyncDisposableStack): Promise<Stage> => {
  const database = opened.use(await createTestDatabase(options.databaseUrl));
  const redis = opened.use(await openRedis(options.redisSettings, options.startRedis));
  const toRedis = opened.use(await openFaultProxy({ host: '127.0.0.1', port: redis.port }));
  const { host, port, database: name } = database.address;
  const user = options.role ?? database.address.user;
  if (options.role !== undefined) await handOver(database, options.role);
  const toDatabase = opened.use(await openFaultProxy({ host, port }));
  const directory = await mkdtemp(join(tmpdir(), 'kith-faults-'));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  const environment = {
    DATABASE_URL: `postgres://${user}@127.0.0.1:${toDatabase.port}/${name}`,
    REDIS_URL: `redis://127.0.0.1:${toRedis.port}`,
    JWT_SECRET: randomBytes(48).toString('base64url'),
    JWT_TTL: '3600',
    DATA_DIR: directory,
    // The limits have tests of their own.
    LIMIT_LOGIN_PER_MINUTE: '0',
    LIMIT_REGISTER_PER_MINUTE: '0',
    ...options.environment,
  };
  return { database, redis, toRedis, toDatabase, environment };
};

/** Limits are for those who are no superusers. */
const handOver = async ({ query, address }: TestDatabase, role: string): Promise<void> => {
  await query(
    `do $$ begin create role ${role} login; exception when duplicate_object or unique_violation then null; end $$`,
  );
  await query(`alter database ${address.database} owner to ${role}`);
};

export const openScene = async (options: SceneOptions): Promise<Scene> => {
  await using opening = new AsyncDisposableStack();
  let opened: AsyncDisposableStack = opening;
  const stage = await openStage(options, opening);
  const { runtime, preload, exposeGc = false } = options;
  const start = async (environment: Readonly<Record<string, string>>): Promise<ServerProcess> =>
    opened.use(
      await startServer({ runtime, environment, exposeGc, ...(preload !== undefined && { preload }) }),
    );
  const server = await start(stage.environment);
  await readiness(server, 10_000);
  const people = await populate(server.url);
  opened = opening.move();
  return {
    ...stage,
    server,
    people,
    startAnother: (environment = {}) => start({ ...stage.environment, ...environment }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
};

/** Waits until something holds; how long that took, or `undefined` if it did not come about. */
export const until = async (
  holds: () => boolean | Promise<boolean>,
  withinMs: number,
  pauseMs = 25,
): Promise<number | undefined> => {
  const startMs = performance.now();
  while (performance.now() - startMs <= withinMs) {
    if (await holds()) return performance.now() - startMs;
    await sleep(pauseMs);
  }
  return undefined;
};

export const isReady = async ({ url }: ServerProcess): Promise<boolean> =>
  (await ask(`${url}/health/ready`)).status === 200;

export const readiness = (server: ServerProcess, withinMs: number): Promise<number | undefined> =>
  until(() => isReady(server), withinMs);

export type CacheHealth = { readonly status: unknown; readonly backend: unknown; readonly circuit: unknown };

export const cacheHealth = async (server: ServerProcess): Promise<CacheHealth> => {
  const { text } = await ask(`${server.opsUrl}/health/cache`);
  return {
    status: fieldOf(text, 'status'),
    backend: fieldOf(text, 'backend'),
    circuit: fieldOf(text, 'circuit'),
  };
};

export const untilHealthy = (server: ServerProcess, withinMs: number): Promise<number | undefined> =>
  until(async () => (await cacheHealth(server)).status === 'healthy', withinMs);

export const untilDegraded = (server: ServerProcess, withinMs: number): Promise<number | undefined> =>
  until(async () => (await cacheHealth(server)).status === 'degraded', withinMs);
