import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresAddress } from '../../../adapters/mikro-orm/postgres-address.ts';
import { openPgBouncer } from '../../support/pgbouncer.ts';
import { openPgpool } from '../../support/pgpool.ts';
import { urlOf } from '../../support/postgres.ts';
import { type Member, openPair, type Pair } from '../../support/standby.ts';
import { openPostgresCluster } from '../../torture/postgres-cluster.ts';
import { sql } from '../../torture/sql.ts';
import { ask, fieldOf } from '../client.ts';
import { register } from '../people.ts';
import type { Row, Run } from '../row.ts';
import { openScene, readiness, type Scene, until, untilHealthy } from '../scene.ts';
import type { ServerProcess } from '../server.ts';
import { databaseFault } from './database-fault.ts';

const fault =
  'PostgreSQL behind PgBouncer or Pgpool-II, a standby that is promoted, an old primary that comes back';

const nameAt = async (server: ServerProcess, token: string, noCache = false): Promise<string> => {
  const { status, text } = await ask(`${server.url}/me`, { token, noCache });
  return status === 200 ? String(fieldOf(text, 'name')) : `${status}`;
};

const rename = async (server: ServerProcess, token: string, name: string): Promise<number> =>
  (await ask(`${server.url}/me`, { method: 'PATCH', token, body: { name } })).status;

const hasCaughtUp = async ({ primary, standby }: Pair): Promise<boolean> => {
  const [here] = await primary.sql.run(sql`select pg_current_wal_lsn()::text as lsn`);
  const [there] = await standby.sql.run(
    sql`select pg_last_wal_replay_lsn() >= ${String(here?.['lsn'])}::pg_lsn as is_there`,
  );
  return there?.['is_there'] === true;
};

const openPairScene = async ({ runtime, opened, environment }: Run) => {
  const pair = opened.use(await openPair());
  const scene = opened.use(
    await openScene({ runtime, environment, databaseUrl: urlOf(pair.primary.address) }),
  );
  return { pair, scene };
};

/** Everybody whose name is not the one that is stored now, over a while. */
const wrongNames = async (
  servers: readonly ServerProcess[],
  token: string,
  name: string,
  forMs: number,
): Promise<readonly string[]> => {
  const wrong: string[] = [];
  for (const endMs = performance.now() + forMs; performance.now() < endMs; await sleep(20)) {
    for (const server of servers) {
      const found = await nameAt(server, token);
      if (found !== name) wrong.push(found);
    }
  }
  return wrong;
};

const setReadOnly = async ({ primary: { sql: old } }: Pair, isOn: boolean): Promise<void> => {
  const value = sql.raw(isOn ? 'on' : 'off');
  // A session that is read-only may still say so of all.
  await old.run(sql`alter system set default_transaction_read_only = ${value}`);
  await old.run(sql`select pg_reload_conf()`);
};

const promoted: Row = {
  fault,
  name: 'a standby that is promoted without the last commits: what was lost is served by nobody, nor by an old primary that comes back',
  run: async (run) => {
    const { checks, pace } = run;
    const { pair, scene } = await openPairScene(run);
    const { server } = scene;
    const kept = await register(server.url);
    checks.is('a change that is kept', await rename(server, kept.token, 'kept'), 200);
    checks.holds('the standby has it', (await until(() => hasCaughtUp(pair), 10_000)) !== undefined);
    await pair.cutOff();
    checks.is('a change that is lost', await rename(server, kept.token, 'lost'), 200);
    const gone = await register(server.url);
    checks.is('seen before it is lost', await nameAt(server, kept.token), 'lost');

    await pair.primary.crash();
    await pair.promote();
    scene.toDatabase.lead(pair.standby.port);
    scene.toDatabase.reset();
    checks.holds('ready again', (await readiness(server, 15_000)) !== undefined);
    // Until the first check of the new primary the database did not answer.
    const goneMs = await until(async () => (await nameAt(server, kept.token)) === 'kept', 15_000);
    checks.atMostMs('lost names end after', goneMs ?? Number.POSITIVE_INFINITY, 2000);
    checks.holds('healthy again', (await untilHealthy(server, 15_000)) !== undefined);
    checks.none('lost names', await wrongNames([server], kept.token, 'kept', pace(1500, 5000)));
    checks.is('a user whom no database has', await nameAt(server, gone.token), '401');

    // As whoever keeps two primaries apart starts it.
    await pair.primary.start();
    await setReadOnly(pair, true);
    // Its database is dropped in the end.
    run.opened.defer(() => setReadOnly(pair, false));
    const { user, database } = scene.database.address;
    const hosts = [pair.primary, pair.standby].map(({ port }) => `127.0.0.1:${port}`);
    const another = await scene.startAnother({
      DATABASE_URL: `postgres://${user}@${hosts.join()}/${database}?target_session_attrs=read-write`,
    });
    checks.holds('ready beside the old primary', (await readiness(another, 15_000)) !== undefined);
    checks.is('a change past the old primary', await rename(another, kept.token, 'new'), 200);
    await sleep(pace(2000, 2000));
    checks.none('old names', await wrongNames([server, another], kept.token, 'new', pace(1000, 3000)));
  },
};

/** Ends connections of the servers at one of a pair: those of the checks of the log, or all others. */
const endAt = ({ sql: at }: Member, { database: { address } }: Scene, which: 'checks' | 'others') =>
  at.run(
    sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${address.database}
      and application_name = 'kith' and (query like '%beats_before%') = ${which === 'checks'}`,
  );

const divided: Row = {
  fault,
  name: 'an old primary that comes back and takes writes, behind the same address: each server stays with one of the two databases',
  run: async (run) => {
    const { checks, pace } = run;
    const { pair, scene } = await openPairScene(run);
    const { server, toDatabase } = scene;
    const { token } = await register(server.url);
    checks.holds('the standby has it', (await until(() => hasCaughtUp(pair), 10_000)) !== undefined);
    await pair.cutOff();
    checks.is('a change that is lost', await rename(server, token, 'old'), 200);
    await pair.primary.crash();
    await pair.promote();
    toDatabase.lead(pair.standby.port);
    toDatabase.reset();
    checks.holds('ready again', (await readiness(server, 15_000)) !== undefined);
    const isRenamed = async () => (await rename(server, token, 'new')) === 200;
    checks.holds('a change at the new primary', (await until(isRenamed, 10_000)) !== undefined);

    await pair.primary.start();
    for (const [there, before, lost, name] of [
      [pair.primary, pair.standby, 'others', 'old'],
      [pair.standby, pair.primary, 'checks', 'new'],
    ] as const) {
      const at = `the ${name} primary`;
      // Connections that stand stay where they are, and new ones lead elsewhere.
      toDatabase.lead(there.port);
      const ended = await endAt(before, scene, lost);
      checks.atLeast(`connections that lead to ${at}`, ended.length, 1);
      const hasMoved = async () => (await nameAt(server, token, true)) === name;
      checks.holds(`${at} is read`, (await until(hasMoved, 15_000)) !== undefined);
      checks.holds(`healthy at ${at}`, (await untilHealthy(server, 15_000)) !== undefined);
      const others: string[] = [];
      for (const endMs = performance.now() + pace(1500, 4000); performance.now() < endMs; await sleep(20)) {
        for (const noCache of [true, false]) {
          const found = await nameAt(server, token, noCache);
          if (found !== name) others.push(found);
        }
      }
      checks.none(`answers of the other than ${at}`, others);
      checks.is(`a change at ${at}`, await rename(server, token, `${name} and changed`), 200);
      checks.is('read after it', await nameAt(server, token), `${name} and changed`);
    }
  },
};

const split: Row = {
  fault,
  name: 'behind a Pgpool-II that gives reads to a standby which is late, nobody reads old, and no old token is accepted',
  run: async (run) => {
    const { checks, pace, runtime, environment, opened } = run;
    const pair = opened.use(await openPair());
    const pool = opened.use(await openPgpool(pair.primary.address, pair.standby.address));
    const databaseUrl = urlOf(pool.address);
    const scene = opened.use(await openScene({ runtime, environment, databaseUrl }));
    const { server } = scene;
    await pair.standby.sql.run(sql`alter system set recovery_min_apply_delay = '3s'`);
    await pair.standby.sql.run(sql`select pg_reload_conf()`);
    const [oldNames, oldTokens]: [string[], string[]] = [[], []];
    for (let n = 0; n < pace(6, 20); n++) {
      const { token } = await register(server.url);
      await rename(server, token, `n${n}`);
      for (const noCache of [true, false]) {
        const found = await nameAt(server, token, noCache);
        if (found !== `n${n}`) oldNames.push(found);
      }
      await ask(`${server.url}/me/sign-out-everywhere`, { method: 'POST', token });
      const { status } = await ask(`${server.url}/me`, { token });
      if (status !== 401) oldTokens.push(`${status}`);
    }
    checks.none('old names', oldNames);
    checks.none('old tokens accepted', oldTokens);
  },
};

const addressAt = (port: number): PostgresAddress => ({
  host: '127.0.0.1',
  port,
  user: 'postgres',
  password: null,
  database: 'postgres',
  tls: { mode: 'off' },
});

const behindPgBouncer = new WeakMap<Scene, { kill(): Promise<void>; start(): Promise<void> }>();

const died = databaseFault({
  name: 'a PostgreSQL that dies behind PgBouncer in transaction mode leaves cached reads, and 503 at once for the rest',
  opens: true,
  scene: async ({ runtime, opened, environment }) => {
    const cluster = opened.use(await openPostgresCluster());
    const pooler = opened.use(await openPgBouncer(addressAt(cluster.port), 'transaction', { poolSize: 40 }));
    const databaseUrl = urlOf(pooler.address);
    const scene = opened.use(
      await openScene({
        runtime,
        databaseUrl,
        environment: { ...environment, DATABASE_POOLER: 'transaction' },
      }),
    );
    behindPgBouncer.set(scene, cluster);
    return scene;
  },
  inject: (scene) => behindPgBouncer.get(scene)?.kill(),
  heal: (scene) => behindPgBouncer.get(scene)?.start(),
});

/** What stands between us and PostgreSQL, and what takes its place. */
export const databaseStandbys: readonly Row[] = [promoted, divided, split, { ...died, fault }];
