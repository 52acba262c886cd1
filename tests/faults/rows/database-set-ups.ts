import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { openFaultProxy } from '../../support/fault-proxy.ts';
import { holdMigrations } from '../../support/migration-lock.ts';
import { openPgBouncer, type PoolMode } from '../../support/pgbouncer.ts';
import type { TestDatabase } from '../../support/postgres.ts';
import { openTlsPostgres } from '../../support/tls-postgres.ts';
import { ask, fieldOf } from '../client.ts';
import { lostWrites, startLoad, wrongsOf } from '../load.ts';
import { populate, register } from '../people.ts';
import type { Row, Run } from '../row.ts';
import { openStage, readiness, until } from '../scene.ts';
import { type ServerProcess, spawnServer, startServer } from '../server.ts';

const fault =
  'LATIN1, a schema of one’s own, tables of others, a held lock of the migrations, PgBouncer in both modes';

type Environment = Readonly<Record<string, string>>;

const openOn = async ({ runtime, opened }: Run, environment: Environment): Promise<ServerProcess> =>
  opened.use(await startServer({ runtime, environment }));

const refusedStart = async ({ checks, runtime }: Run, environment: Environment, said: string) => {
  const { child, output, exited } = spawnServer({ runtime, environment });
  await Promise.race([exited, sleep(20_000)]);
  checks.is('exit code', child.exitCode, 78);
  checks.holds(`it says: ${said}`, output.text.includes(said));
  child.kill('SIGKILL');
};

/** Whether somebody can be registered and read, cached and past every cache. */
const serves = async ({ checks }: Run, server: ServerProcess): Promise<void> => {
  checks.holds('ready', (await readiness(server, 20_000)) !== undefined);
  const { token, id } = await register(server.url);
  for (const noCache of [true, false]) {
    const { text } = await ask(`${server.url}/me`, { token, noCache });
    checks.is('who is read', fieldOf(text, 'id'), id);
  }
};

const tablesNamed = async ({ query }: TestDatabase, name: string): Promise<string> =>
  (
    await query(`select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relname = '${name}' and c.relkind = 'r' order by 1`)
  )
    .map(({ nspname }) => nspname)
    .join();

const stageOf = ({ runtime, environment, opened }: Run, more: { readonly role?: string } = {}) =>
  openStage({ runtime, environment, ...more }, opened);

const narrow: Row = {
  fault,
  name: 'a database in LATIN1 refuses the start with a sentence',
  run: async (run) => {
    const { database, environment } = await stageOf(run);
    const name = `${database.address.database}_narrow`;
    await database.query(`create database ${name} encoding 'LATIN1' locale 'C' template template0`);
    run.opened.defer(async () => void (await database.query(`drop database ${name} with (force)`)));
    const url = environment['DATABASE_URL']?.replace(database.address.database, name) ?? '';
    await refusedStart(run, { ...environment, DATABASE_URL: url }, 'has the encoding LATIN1');
  },
};

const strangers: Row = {
  fault,
  name: 'a table users of somebody else refuses the start before anything is written, and DATABASE_SCHEMA is the way beside it',
  run: async (run) => {
    const { database, environment } = await stageOf(run);
    await database.query('create table users (id serial primary key, login text)');
    await refusedStart(run, environment, "has tables that are not Kith's (users): set DATABASE_SCHEMA");
    run.checks.is('tables made', await tablesNamed(database, 'kith_migrations'), '');
    await serves(run, await openOn(run, { ...environment, DATABASE_SCHEMA: 'mine' }));
    run.checks.is('where users are', await tablesNamed(database, 'users'), 'mine,public');
  },
};

const ownSchema: Row = {
  fault,
  name: 'a role with a schema of its own, which comes first in the search path, starts the first time and the second',
  run: async (run) => {
    const role = `kith_own_${randomBytes(6).toString('hex')}`;
    const { database, environment } = await stageOf(run, { role });
    // Whom the database belongs to goes before the database: it is dropped by the server's own role in the end.
    run.opened.defer(async () => {
      await database.query(`reassign owned by ${role} to current_user`);
      await database.query(`drop role ${role}`);
    });
    await database.query(`create schema authorization ${role}`);
    for (let start = 0; start < 2; start++) {
      await using server = await openOn(run, environment);
      await serves(run, server);
    }
    run.checks.is('where users are', await tablesNamed(database, 'users'), role);
  },
};

const heldLock: Row = {
  fault,
  name: 'a held lock of the migrations keeps nobody from starting where nothing is missing, and its holder is named where something is',
  run: async (run) => {
    const { checks } = run;
    const { database, environment } = await stageOf(run);
    const held = await holdMigrations(database);
    const server = await openOn(run, environment);
    const isNamed = () => server.output.includes(`the process ${held.pid} of PostgreSQL holds the lock`);
    checks.holds('its holder is named', (await until(isNamed, 15_000)) !== undefined);
    await held[Symbol.asyncDispose]();
    await serves(run, server);

    await using _again = await holdMigrations(database);
    await serves(run, await openOn(run, environment));
  },
};

const farAway: Row = {
  fault: 'PostgreSQL 120 ms away, with TLS and SCRAM',
  name: 'a PostgreSQL 120 ms away, with TLS and SCRAM, gets ready, serves from a cache, and answers 12 reads past it at once',
  run: async (run) => {
    const { checks, opened } = run;
    const { environment } = await stageOf(run);
    const postgres = opened.use(await openTlsPostgres());
    const far = opened.use(await openFaultProxy({ host: '127.0.0.1', port: postgres.port }));
    const password = encodeURIComponent(postgres.password);
    const parameters = `sslmode=verify-full&sslrootcert=${postgres.caFile}`;
    const url = `postgres://${postgres.user}:${password}@localhost:${far.port}/postgres?${parameters}`;
    const there = { ...environment, DATABASE_URL: url };
    // The tables are made from near by: over the long way their hundred and more statements take 20 s.
    await serves(run, await openOn(run, there));
    // Each direction.
    far.set({ latencyMs: 60 });
    const server = await openOn(run, there);
    await serves(run, server);
    const { token } = await register(server.url);
    const read = () => ask(`${server.url}/me`, { token, noCache: true });
    // Those that found no connection in time are told so, and the connections that were begun for them are made.
    const areAnswered = async () => {
      const answers = await Promise.all(Array.from({ length: 12 }, read));
      return answers.every(({ status }) => status === 200);
    };
    checks.holds('12 reads at once', (await until(areAnswered, 15_000)) !== undefined);
    const isHit = async () => (await ask(`${server.url}/me`, { token })).cacheStatus.includes('; hit');
    checks.holds('served from a cache', (await until(isHit, 15_000)) !== undefined);
  },
};

const callsOfBoth = 2000;

/** Two servers behind one pooler, each with its own people, all of whose answers are known. */
const behindPgBouncer = (mode: PoolMode, way: 'with' | 'without'): Row => ({
  fault,
  name: `two servers behind PgBouncer in ${mode} mode answer 2,000 mixed calls without an error, ${way} a way past it`,
  run: async (run) => {
    const { checks, opened } = run;
    const { database, environment } = await stageOf(run);
    // Told nothing of our parameters, as services hand it out.
    const pooler = opened.use(await openPgBouncer(database.address, mode, { ignored: [], poolSize: 30 }));
    const direct = environment['DATABASE_URL'] ?? '';
    const behind = {
      ...environment,
      DATABASE_URL: direct.replace(/:\d+\//, `:${pooler.address.port}/`),
      DATABASE_POOLER: mode === 'session' ? 'none' : 'transaction',
      ...(way === 'with' && { DATABASE_DIRECT_URL: direct }),
    };
    const servers = await Promise.all([1, 2].map(() => openOn(run, behind)));
    for (const server of servers) checks.holds('ready', (await readiness(server, 15_000)) !== undefined);
    const loads = await Promise.all(
      servers.map(async ({ url }) => {
        const people = await populate(url);
        return { url, people, load: startLoad(url, people, { pauseMs: 2 }) };
      }),
    );
    const calls = () => loads.reduce((sum, { load }) => sum + load.outcomes.length, 0);
    await until(() => calls() >= callsOfBoth, 90_000);
    checks.atLeast('calls', calls(), callsOfBoth);
    for (const { url, people, load } of loads) {
      const outcomes = await load.stop();
      checks.none('wrong answers', wrongsOf(outcomes));
      checks.none(
        'refusals',
        outcomes.filter(({ status }) => status !== 200).map(({ kind, status }) => `${kind}: ${status}`),
      );
      checks.none('lost writes', await lostWrites(url, people));
    }
  },
});

/** PostgreSQL as people have it. */
export const databaseSetUps: readonly Row[] = [
  behindPgBouncer('transaction', 'without'),
  behindPgBouncer('session', 'with'),
  narrow,
  strangers,
  ownSchema,
  heldLock,
  farAway,
];
