import { setTimeout as sleep } from 'node:timers/promises';
import type { TestDatabase } from '../../support/postgres.ts';
import { ask, fieldOf } from '../client.ts';
import { lostWrites, refusedOf, startLoad, wrongsOf } from '../load.ts';
import { register } from '../people.ts';
import type { Row } from '../row.ts';
import { isReady, openScene, openStage, readiness, type Scene, until } from '../scene.ts';
import { startServer } from '../server.ts';
import { databaseFault, databaseFaults as fault } from './database-fault.ts';

const nameOf = ({ database }: Scene): string => database.address.database;
const ours = `from pg_stat_activity where datname = current_database() and application_name = 'kith'`;
const killAll = ({ database }: Scene) => database.query(`select pg_terminate_backend(pid) ${ours}`);

const renameColumn = async ({ query }: TestDatabase, from: string, to: string): Promise<void> => {
  for (const table of ['users', 'contacts'])
    await query(`alter table ${table} rename column ${from} to ${to}`);
};

/** PostgreSQL is there and refuses. */
export const databaseRefusals: readonly Row[] = [
  databaseFault({
    name: 'a PostgreSQL that is read-only serves reads, and refuses writes with 503',
    serves: 'reads',
    inject: async (scene) => {
      await scene.database.query(`alter database ${nameOf(scene)} set default_transaction_read_only = on`);
      await killAll(scene);
    },
    heal: async (scene) => {
      await scene.database.query(
        `do $$ begin set transaction read write; alter database ${nameOf(scene)} reset default_transaction_read_only; end $$`,
      );
      await killAll(scene);
    },
  }),
  databaseFault({
    name: 'a PostgreSQL whose disk is full (simulated) serves reads, and refuses writes with 503',
    serves: 'reads',
    inject: async ({ database }) => {
      await database.query(
        `create function disk_full() returns trigger language plpgsql as $$
         begin raise exception 'could not extend file' using errcode = '53100'; end $$`,
      );
      for (const table of ['users', 'contacts', 'change_log', 'instances']) {
        await database.query(
          `create trigger disk_full before insert or update on ${table} for each row execute function disk_full()`,
        );
      }
    },
    heal: ({ database }) => database.query('drop function disk_full cascade'),
  }),
  databaseFault({
    name: 'a schema that is behind leaves cached reads, and 503 for the rest',
    inject: ({ database }) => renameColumn(database, 'updated_at', 'updated_at_of_old'),
    heal: ({ database }) => renameColumn(database, 'updated_at_of_old', 'updated_at'),
  }),
  databaseFault({
    name: 'too many connections leave cached reads, and 503 at once for the rest',
    opens: true,
    scene: async ({ runtime, opened, environment }) =>
      opened.use(await openScene({ runtime, environment, role: 'kith_faults' })),
    inject: async (scene) => {
      await scene.database.query(`alter database ${nameOf(scene)} connection limit 0`);
      await killAll(scene);
    },
    heal: (scene) => scene.database.query(`alter database ${nameOf(scene)} connection limit -1`),
  }),
  {
    fault,
    name: 'a PostgreSQL that is down at the start is waited for, with 503 meanwhile',
    run: async ({ runtime, checks, scene: shared }) => {
      await using opened = new AsyncDisposableStack();
      const stage = await openStage({ runtime }, opened);
      stage.toDatabase.set('cut');
      const server = opened.use(await startServer({ runtime, environment: stage.environment }));
      // The wait for PostgreSQL, beside what a start takes with all there.
      const usualMs = (await shared()).server.startMs;
      checks.atMostMs(
        'up after',
        server.startMs,
        Math.max(3000, 2000 + 2 * usualMs),
        '2 s + twice a usual start',
      );
      checks.is('live', (await ask(`${server.url}/health/live`)).status, 200);
      checks.is('ready', (await ask(`${server.url}/health/ready`)).status, 503);
      const body = { identifier: 'ann@example.com', password: 'correct horse battery' };
      const refused = await ask(`${server.url}/auth/login`, { method: 'POST', body });
      checks.is('log-in', `${refused.status} ${fieldOf(refused.text, 'code')}`, '503 database-unavailable');
      checks.holds('Retry-After', refused.retryAfter !== null);
      checks.atMostMs('told after', refused.ms, 2000);
      stage.toDatabase.set('pass');
      const readyMs = await readiness(server, 10_000);
      checks.atMostMs('ready after', readyMs ?? Number.POSITIVE_INFINITY, 3000);
      await register(server.url);
    },
  },
  {
    fault,
    name: 'killed backends cost 503 at most, and the pool keeps its size',
    run: async ({ checks, pace, scene: shared }) => {
      const scene = await shared();
      const { server, people, database } = scene;
      const load = startLoad(server.url, people, { pauseMs: 2 });
      const wanted = pace(100, 1000);
      const startMs = performance.now();
      let killed = 0;
      while (killed < wanted && performance.now() - startMs < 90_000) {
        // Those in transactions first, and of the rest one a time.
        const rows = await database.query(
          `select pg_terminate_backend(pid) ${ours} and (state like 'idle in transaction%' or state = 'active')`,
        );
        const idle =
          rows.length > 0
            ? []
            : await database.query(
                `select pg_terminate_backend(pid) from (select pid ${ours} order by random() limit 1) one`,
              );
        killed += rows.length + idle.length;
        await sleep(5);
      }
      const outcomes = await load.stop();
      checks.atLeast('backends killed', killed, wanted);
      checks.none('wrong answers', wrongsOf(outcomes));
      checks.atMostMs('slowest answer', Math.max(...outcomes.map(({ ms }) => ms)), 2000);
      await until(() => isReady(server), 5000);
      checks.none('lost writes', await lostWrites(server.url, people));
      checks.is('connections that work at once', await poolSize(scene), 10);
    },
  },
  {
    fault,
    name: 'with the pool exhausted by locks, cached reads go on and the rest is 503 within 2 s',
    run: async ({ checks, scene: shared }) => {
      const scene = await shared();
      const { server, people } = scene;
      // Some may still be behind a fence, which a writer of the row before left when its backend was killed at COMMIT.
      for (const { token } of people.changing) {
        const isCached = async () => (await ask(`${server.url}/me`, { token })).cacheStatus.includes('; hit');
        checks.holds('cached before', (await until(isCached, 30_000)) !== undefined);
      }
      const load = startLoad(server.url, people, { writers: 0 });
      await sleep(500);
      const { statuses, slowestMs, waiting } = await exhaust(scene);
      const readyMs = await readiness(server, 3000);
      const outcomes = await load.stop();
      checks.is('connections waiting for a lock', waiting, 10);
      // Those that held a connection waited for a lock; where nobody at all was answered, the others are told of an outage.
      checks.holds(
        `writes ${statuses}`,
        /^503 (overloaded|database-unavailable)(,503 (overloaded|database-unavailable))?$/.test(statuses),
      );
      checks.atMostMs('slowest write', slowestMs, 2000);
      checks.none('wrong answers', wrongsOf(outcomes));
      const cached = outcomes.filter(({ kind }) => kind === 'cached');
      checks.none('refused cached reads', refusedOf(cached));
      checks.atMostMs('slowest answer', Math.max(...outcomes.map(({ ms }) => ms)), 2000);
      checks.holds('ready again', readyMs !== undefined);
    },
  },
  {
    fault,
    name: 'a row that is locked for long is 503 within 2 s for its writers, and nothing for all others',
    run: async ({ checks, scene: shared }) => {
      const { server, people, database } = await shared();
      const locked = await register(server.url);
      const load = startLoad(server.url, people);
      const held = database.query(
        `select pg_sleep(2.5) from (select count(*) from (select id from users where id = '${locked.id}' for update) t) c`,
      );
      await sleep(200);
      const answer = await ask(`${server.url}/me`, {
        method: 'PATCH',
        token: locked.token,
        body: { name: 'x' },
      });
      const read = await ask(`${server.url}/me`, { token: locked.token, noCache: true });
      await held;
      const after = await ask(`${server.url}/me`, {
        method: 'PATCH',
        token: locked.token,
        body: { name: 'y' },
      });
      const outcomes = await load.stop();
      checks.is('its writer', `${answer.status} ${fieldOf(answer.text, 'code')}`, '503 overloaded');
      checks.atMostMs('told after', answer.ms, 2000);
      checks.is('its readers', read.status, 200);
      checks.is('afterwards', after.status, 200);
      checks.none('wrong answers', wrongsOf(outcomes));
      checks.none(
        'refusals of others',
        outcomes.filter(({ status }) => status !== 200).map(({ status }) => status),
      );
    },
  },
  {
    fault,
    name: 'a deadlock with somebody at psql is resolved or 503 within 2 s, never 500',
    run: async ({ checks, scene: shared }) => {
      const { server, database } = await shared();
      const { id: owner, token } = await register(server.url);
      const added = await ask(`${server.url}/contacts`, { method: 'POST', token, body: { first_name: 'A' } });
      const contact = fieldOf(added.text, 'id');
      const other = database
        .query(
          `do $$ begin
             perform 1 from contacts where id = '${contact}' for update;
             perform pg_sleep(0.4);
             perform 1 from users where id = '${owner}' for update;
           end $$`,
        )
        .catch(() => undefined);
      await sleep(100);
      const path = `${server.url}/contacts/${contact}`;
      const answer = await ask(path, { method: 'PATCH', token, body: { first_name: 'B' } });
      await other;
      const read = await ask(path, { token, noCache: true });
      checks.holds(
        `answered ${answer.status}`,
        answer.status === 200 || (answer.status === 503 && answer.retryAfter !== null),
      );
      checks.atMostMs('told after', answer.ms, 2000);
      checks.is('what is there', fieldOf(read.text, 'first_name'), answer.status === 200 ? 'B' : 'A');
    },
  },
];

/** How many connections can be used at the same time: so many writers wait for a lock at once. */
const poolSize = async (scene: Scene): Promise<number> => (await exhaust(scene)).waiting;

const exhaust = async ({ server, database }: Scene) => {
  const users: { token: string }[] = [];
  for (let n = 0; n < 15; n++) users.push(await register(server.url));
  const held = database.query(
    'select pg_sleep(1.6) from (select count(*) from (select id from users for update) t) c',
  );
  await sleep(200);
  const writes = Promise.all(
    users.map(({ token }) => ask(`${server.url}/me`, { method: 'PATCH', token, body: { name: 'waits' } })),
  );
  let waiting = 0;
  for (let n = 0; n < 12; n++) {
    await sleep(50);
    const [row] = await database.query(`select count(*)::int as n ${ours} and wait_event_type = 'Lock'`);
    waiting = Math.max(waiting, Number(row?.['n']));
  }
  const answers = await writes;
  await held;
  const statuses = [
    ...new Set(answers.map(({ status, text }) => `${status} ${fieldOf(text, 'code')}`)),
  ].join();
  return { waiting, statuses, slowestMs: Math.max(...answers.map(({ ms }) => ms)) };
};
