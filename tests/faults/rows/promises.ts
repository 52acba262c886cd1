import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openFaultProxy } from '../../support/fault-proxy.ts';
import { urlOf } from '../../support/postgres.ts';
import { openRedis } from '../../support/redis-server.ts';
import { openPostgresCluster } from '../../torture/postgres-cluster.ts';
import { sql } from '../../torture/sql.ts';
import { ask, fieldOf } from '../client.ts';
import { register } from '../people.ts';
import type { Row, Run } from '../row.ts';
import { openScene, readiness, type Scene, type SceneOptions, until } from '../scene.ts';
import type { ServerProcess } from '../server.ts';
import {
  boundMs,
  letIn,
  olderThanBound,
  readMe,
  registerMany,
  servedForMs,
  signOut,
  type Watched,
  warmUp,
  watch,
} from '../watch.ts';

const fault =
  'stalls, suspended machine, mixed set-ups, split Redis, late COMMIT, log refused, poison row, mass update, raw SQL';

type Pair = {
  readonly scene: Scene;
  /** Behind the proxies of the scene. */
  readonly reader: ServerProcess;
  /** Past them, but for what is set. */
  readonly writer: ServerProcess;
};

/** Two servers on one database: what happens to one does not happen to the other. */
const openPair = async (
  { runtime, opened, environment }: Run,
  reader: Omit<SceneOptions, 'runtime'> = {},
  writer: (scene: Scene) => Readonly<Record<string, string>> = () => ({}),
): Promise<Pair> => {
  const settings = { ...environment, ...reader.environment };
  const scene = opened.use(await openScene({ runtime, ...reader, environment: settings }));
  const role = reader.role ?? scene.database.address.user;
  const other = await scene.startAnother({
    DATABASE_URL: urlOf({ ...scene.database.address, user: role, password: null }),
    REDIS_URL: `redis://127.0.0.1:${scene.redis.port}`,
    ...writer(scene),
  });
  await readiness(other, 10_000);
  return { scene, reader: scene.server, writer: other };
};

const rename = async ({ database }: Scene, id: string, name: string): Promise<number> => {
  await database.query(`update users set name = '${name}' where id = '${id}'`);
  return performance.now();
};

const people = 10;

/** The revocation of the row, and nothing but refusals after it. */
const revoke = async (
  { checks }: Run,
  { reader, writer }: Pair,
  between: () => unknown = () => undefined,
): Promise<void> => {
  const those = await registerMany(writer, people);
  checks.holds('served from a cache before', await warmUp(reader, those));
  const ackMs = await signOut(writer, those);
  await between();
  checks.none('revoked tokens taken after the acknowledgement', await letIn(reader, those));
  checks.none('by the writer itself', await letIn(writer, those, 0));
  checks.atMostMs('acknowledged after', ackMs, boundMs + 1000);
};

/** An ordinary write by the writer and one by psql: how old what the reader serves may be. */
const change = async ({ checks }: Run, { scene, reader, writer }: Pair): Promise<void> => {
  const [one, two] = await registerMany(writer, 2);
  if (one === undefined || two === undefined) throw new Error('nobody');
  await warmUp(reader, [one, two]);
  const byOne = watch(reader, [one]);
  const byTwo = watch(reader, [two]);
  await sleep(200);
  const body = { name: 'new' };
  const { status } = await ask(`${writer.url}/me`, { method: 'PATCH', token: one.token, body });
  const writtenAtMs = performance.now();
  const visibleAtMs = await rename(scene, two.id, 'new');
  await sleep(boundMs + 700);
  const [ones, twos] = [await byOne.stop(), await byTwo.stop()];
  checks.is('the write', status, 200);
  checks.none('older than 2 s after a write', olderThanBound(ones, 'new', writtenAtMs));
  checks.none('older than 2 s after raw SQL', olderThanBound(twos, 'new', visibleAtMs));
  const servedMs = Math.max(servedForMs(ones, 'new', writtenAtMs), servedForMs(twos, 'new', visibleAtMs));
  checks.atMostMs('old for', servedMs, boundMs);
};

/** The reader stands still; meanwhile something happens; it is asked while it stands, and goes on. */
const standStill = async (
  server: ServerProcess,
  ms: number,
  meanwhile: () => Promise<void>,
): Promise<void> => {
  const fromMs = performance.now();
  server.signal('SIGSTOP');
  try {
    await meanwhile();
    await sleep(Math.max(0, ms - (performance.now() - fromMs)));
  } finally {
    server.signal('SIGCONT');
  }
};

const stalled = (name: string, preload: string | undefined): Row => ({
  fault,
  name,
  run: async (run) => {
    const { checks } = run;
    const pair = await openPair(run, preload === undefined ? {} : { preload });
    const { scene, reader, writer } = pair;
    const those = await registerMany(writer, people);
    scene.toDatabase.set({ latencyMs: 15 });
    checks.holds('served from a cache before', await warmUp(reader, those));
    await sleep(1000);
    let visibleAtMs = 0;
    let asked: Promise<unknown> = Promise.resolve();
    const seen: Watched[] = [];
    await standStill(reader, 8000, async () => {
      await scene.database.query(`update users set name = 'new'`);
      visibleAtMs = performance.now();
      await sleep(7400);
      // What is sent to it while it stands is what it answers first.
      asked = Promise.all(
        [...those, ...those, ...those].map(async (person) => {
          const answer = await readMe(reader, person);
          seen.push({ name: fieldOf(answer.text, 'name'), status: answer.status, answer });
        }),
      );
      await sleep(100);
    });
    const watching = watch(reader, those, 2);
    await asked;
    await sleep(1000);
    seen.push(...(await watching.stop()));
    checks.atLeast('reads', seen.filter(({ status }) => status === 200).length, 3 * people);
    checks.none('older than 2 s', olderThanBound(seen, 'new', visibleAtMs));
    scene.toDatabase.set('pass');
    checks.holds('served from a cache again', await warmUp(reader, those));
  },
});

const mixed = (
  name: string,
  settings: (opened: AsyncDisposableStack) => Promise<Readonly<Record<string, string>>>,
): Row => ({
  fault,
  name,
  run: async (run) => {
    const other = await settings(run.opened);
    const pair = await openPair(run, {}, () => other);
    await revoke(run, pair);
    // And the other way round.
    await revoke(run, { ...pair, reader: pair.writer, writer: pair.reader });
    await change(run, pair);
    await change(run, { ...pair, reader: pair.writer, writer: pair.reader });
  },
});

/** What made the older version stale stays so: nothing older than J, and the caches are in use again. */
const disturbed = (
  name: string,
  options: Omit<SceneOptions, 'runtime'>,
  disturb: (scene: Scene) => Promise<void>,
  heal: (scene: Scene) => Promise<unknown> = async () => undefined,
): Row => ({
  fault,
  name,
  run: async (run) => {
    const { checks } = run;
    const { scene, reader } = await openPair(run, options);
    const those = await registerMany(reader, 3);
    const [one] = those;
    if (one === undefined) throw new Error('nobody');
    checks.holds('served from a cache before', await warmUp(reader, those));
    const watching = watch(reader, [one]);
    await disturb(scene);
    const visibleAtMs = await rename(scene, one.id, 'new');
    await sleep(boundMs + 2000);
    const seen = await watching.stop();
    checks.none('older than 2 s', olderThanBound(seen, 'new', visibleAtMs));
    checks.atMostMs('old for', servedForMs(seen, 'new', visibleAtMs), boundMs);
    checks.none(
      'refusals',
      seen.filter(({ status }) => status !== 200).map(({ status }) => status),
    );
    await heal(scene);
    const healedMs = await until(() => warmUp(reader, those), 10_000);
    checks.atMostMs('served from a cache again after', healedMs ?? Number.POSITIVE_INFINITY, 5000);
  },
});

/** The promises under what happens on ordinary days: nothing older than J, and no revoked token after the acknowledgement. */
export const promises: readonly Row[] = [
  stalled(
    'a process that stands still for 8 s while psql changes what it holds wakes up and serves nothing old',
    undefined,
  ),
  stalled(
    'a machine that was suspended for 8 s, its monotonic clock too, serves nothing old',
    fileURLToPath(new URL('../suspend.ts', import.meta.url)),
  ),
  {
    fault,
    name: 'a writer that is cut off from Redis revokes tokens also for a reader that stood still',
    run: async (run) => {
      const toRedis = run.opened.use(await openFaultProxy({ host: '127.0.0.1', port: 1 }));
      const pair = await openPair(run, {}, ({ redis }) => {
        toRedis.lead(redis.port);
        return { REDIS_URL: `redis://127.0.0.1:${toRedis.port}` };
      });
      const { reader, writer } = pair;
      const those = await registerMany(writer, people);
      run.checks.holds('served from a cache before', await warmUp(reader, those));
      toRedis.set('cut');
      await standStill(reader, 0, async () => {
        await sleep(200);
        await signOut(writer, those);
      });
      run.checks.none('revoked tokens taken after the acknowledgement', await letIn(reader, those));
      toRedis.set('pass');
    },
  },
  {
    fault,
    name: 'a reader that refuses without its database takes no revoked token while the writer is cut off from Redis',
    run: async (run) => {
      const toRedis = run.opened.use(await openFaultProxy({ host: '127.0.0.1', port: 1 }));
      const refuse = { environment: { WHEN_DATABASE_UNREACHABLE: 'refuse' } };
      const pair = await openPair(run, refuse, ({ redis }) => {
        toRedis.lead(redis.port);
        return { REDIS_URL: `redis://127.0.0.1:${toRedis.port}` };
      });
      const those = await registerMany(pair.writer, people);
      run.checks.holds('served from a cache before', await warmUp(pair.reader, those));
      toRedis.set('cut');
      pair.scene.toDatabase.set('black-hole');
      await signOut(pair.writer, those);
      run.checks.none(
        'revoked tokens taken after the acknowledgement',
        await letIn(pair.reader, those, 2500),
      );
      pair.scene.toDatabase.set('pass');
      toRedis.set('pass');
      run.checks.none('nor when it is back', await letIn(pair.reader, those, 2500));
    },
  },
  mixed('an instance without Redis beside one that has it keeps all promises', async () => ({
    REDIS_URL: '',
    INSTANCES: 'many',
  })),
  mixed('an instance with another prefix in the same Redis keeps all promises', async () => ({
    CACHE_KEY_PREFIX: 'other:',
  })),
  mixed('an instance with another Redis, as in a roll-out, keeps all promises', async (opened) => {
    const other = opened.use(await openRedis());
    return { REDIS_URL: `redis://127.0.0.1:${other.port}` };
  }),
  {
    fault,
    name: 'an instance with ten times the MAX_STALENESS_MS, whose bus is half-open, takes no revoked token',
    run: async (run) => {
      const pair = await openPair(run, { environment: { MAX_STALENESS_MS: '5000' } });
      const those = await registerMany(pair.writer, people);
      run.checks.holds('served from a cache before', await warmUp(pair.reader, those));
      pair.scene.toRedis.set('black-hole');
      await signOut(pair.writer, those);
      run.checks.none('revoked tokens taken after the acknowledgement', await letIn(pair.reader, those));
      pair.scene.toRedis.set('pass');
    },
  },
  {
    fault,
    name: 'a fail-over of Redis whose old master is alive lets no revoked token in at whoever still uses it',
    run: async (run) => {
      const settings = ['--repl-diskless-sync-delay', '0'];
      const toRedis = run.opened.use(await openFaultProxy({ host: '127.0.0.1', port: 1 }));
      const pair = await openPair(run, { redisSettings: settings }, ({ redis }) => {
        toRedis.lead(redis.port);
        return { REDIS_URL: `redis://127.0.0.1:${toRedis.port}` };
      });
      const { redis } = pair.scene;
      const replica = run.opened.use(await openRedis(['--replicaof', `127.0.0.1 ${redis.port}`]));
      const isUp = async () => `${await replica.command('INFO', 'replication')}`.includes('status:up');
      await until(isUp, 10_000);
      const those = await registerMany(pair.writer, people);
      run.checks.holds('served from a cache before', await warmUp(pair.reader, those));
      await sleep(200);
      await replica.command('REPLICAOF', 'NO', 'ONE');
      toRedis.lead(replica.port);
      toRedis.reset();
      await sleep(500);
      await signOut(pair.writer, those);
      run.checks.none('revoked tokens taken after the acknowledgement', await letIn(pair.reader, those));
      await change(run, pair);
    },
  },
  {
    fault,
    name: 'a COMMIT that waits for a synchronous standby that is away, longer than any fence, leaves nothing old',
    run: async (run) => {
      const { checks, pace } = run;
      const cluster = run.opened.use(await openPostgresCluster());
      const databaseUrl = `postgres://postgres@127.0.0.1:${cluster.port}/postgres`;
      const pair = await openPair(run, { databaseUrl });
      const { reader, writer, scene } = pair;
      const [one, two] = await registerMany(writer, 2);
      if (one === undefined || two === undefined) throw new Error('nobody');
      await warmUp(reader, [one, two]);
      const settle = async (standbys: string): Promise<void> => {
        await cluster.sql.run(sql.raw(`alter system set synchronous_standby_names = '${standbys}'`));
        await cluster.sql.run(sql`select pg_reload_conf()`);
      };
      const watching = watch(reader, [one], 20);
      await settle('nobody');
      await sleep(300);
      // The server would end the wait itself at its statement_timeout; a process that stands still does not.
      const written = ask(`${writer.url}/me`, { method: 'PATCH', token: one.token, body: { name: 'new' } });
      const ended = ask(`${writer.url}/me/sign-out-everywhere`, { method: 'POST', token: two.token });
      const stopped = new Set<number>();
      await until(
        async () => {
          const rows = await cluster.sql.run(
            sql`select pid from pg_stat_activity where wait_event = 'SyncRep' and application_name = 'kith'`,
          );
          for (const row of rows) stopped.add(Number(row['pid']));
          return stopped.size === 2;
        },
        1000,
        5,
      );
      for (const pid of stopped) process.kill(pid, 'SIGSTOP');
      checks.is('COMMITs that wait', stopped.size, 2);
      const startMs = performance.now();
      const [answer, end] = await Promise.all([written, ended]);
      checks.is('told meanwhile', `${answer.status} ${end.status}`, '503 503');
      // A fence stands for 30 s.
      const lastsMs = pace(4000, 40_000);
      await sleep(Math.max(0, lastsMs - (performance.now() - startMs)));
      const before = await readMe(reader, one);
      checks.is('before it is there', fieldOf(before.text, 'name'), 'v1');
      checks.is('its token before', (await readMe(reader, two)).status, 200);
      await settle('');
      for (const pid of stopped) process.kill(pid, 'SIGCONT');
      const seenMs = await until(
        async () => {
          const [row] = await scene.database.query(
            `select count(*)::int as n from users where name = 'new' or token_version > 1`,
          );
          return row?.['n'] === 2;
        },
        5000,
        5,
      );
      const visibleAtMs = performance.now();
      checks.holds('then it is there', seenMs !== undefined);
      await sleep(boundMs);
      const accepted = await letIn(reader, [two], 1500);
      const seen = await watching.stop();
      checks.none('older than 2 s', olderThanBound(seen, 'new', visibleAtMs));
      checks.none('revoked tokens taken 2 s after it', accepted);
      checks.atMostMs('old for', servedForMs(seen, 'new', visibleAtMs), boundMs);
    },
  },
  disturbed(
    'without the right to read the log no cache is served from, until it is given back',
    { role: 'kith_faults' },
    async ({ database }) => {
      await database.query('revoke select on change_log from kith_faults');
    },
    ({ database }) => database.query('grant select on change_log to kith_faults'),
  ),
  disturbed(
    "a row of the log that nobody can read is everything, and in nobody's way",
    {},
    async ({ database }) => {
      await database.query(`insert into change_log (source, key) values ('users', 'what is this')`);
    },
  ),
  disturbed(
    "a user whom SQL gave an id that Kith would not make is in nobody's way",
    {},
    async ({ database }) => {
      await database.query(manyPeople(1));
      await database.query(`update users set name = 'x' where username = 'many1'`);
      await database.query(`delete from users where username = 'many1'`);
    },
  ),
  {
    fault,
    name: '80,000 rows changed by one UPDATE are seen within the bound',
    run: async (run) => {
      const { checks } = run;
      const { scene, reader } = await openPair(run);
      const [one] = await registerMany(reader, 1);
      if (one === undefined) throw new Error('nobody');
      await scene.database.query(manyPeople(80_000));
      checks.holds('served from a cache before', await warmUp(reader, [one]));
      const watching = watch(reader, [one]);
      await scene.database.query(`update users set name = 'new'`);
      const visibleAtMs = performance.now();
      await sleep(boundMs + 1500);
      const seen = await watching.stop();
      checks.none('older than 2 s', olderThanBound(seen, 'new', visibleAtMs));
      checks.atMostMs('old for', servedForMs(seen, 'new', visibleAtMs), boundMs);
      checks.holds('served from a cache again', await warmUp(reader, [one]));
    },
  },
  {
    fault,
    name: 'raw SQL that leaves the version changes the ETag, and an old If-Match is refused',
    run: async (run) => {
      const { checks } = run;
      const { scene, reader } = await openPair(run);
      const { id, token } = await register(reader.url);
      const get = (headers: Readonly<Record<string, string>> = {}) =>
        fetch(`${reader.url}/me`, { headers: { authorization: `Bearer ${token}`, ...headers } });
      const patch = (tag: string) =>
        fetch(`${reader.url}/me`, {
          method: 'PATCH',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'if-match': tag },
          body: JSON.stringify({ name: 'mine' }),
        });
      const first = (await get()).headers.get('etag') ?? '';
      checks.is('unchanged', (await get({ 'if-none-match': first })).status, 304);
      await scene.database.query(`update users set name = 'raw' where id = '${id}'`);
      checks.is('an old If-Match, at once', (await patch(first)).status, 412);
      await sleep(boundMs);
      const again = await get({ 'if-none-match': first });
      checks.is('changed', again.status, 200);
      checks.is('what is there', fieldOf(await again.text(), 'name'), 'raw');
      checks.is('the new If-Match', (await patch(again.headers.get('etag') ?? '')).status, 200);
    },
  },
];

/** People whose ids are of md5. */
const manyPeople = (count: number): string => `insert into users
  (id, email, username, skills, role, is_active, is_verified, password_hash, created_at, updated_at, version, token_version)
  select md5('many' || n)::uuid, 'many' || n || '@example.com', 'many' || n, '{}', 'user', true, true, 'x', now(), now(),
    1, 1 from generate_series(1, ${count}) n`;
