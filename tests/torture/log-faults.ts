/** Faults of the way from the database's log to a process: it stands still, may not read, or there is much to read. */
import { setTimeout as sleep } from 'node:timers/promises';
import { crowdPrefix } from './audit.ts';
import { changeEverybody, seeEverybody } from './by-psql.ts';
import type { Fault } from './faults.ts';
import type { Context } from './people.ts';
import { readMe } from './reads.ts';
import type { ServerProcess } from './server-process.ts';
import { type Sql, sql } from './sql.ts';
import { bounds, postgresProxy, servingRole } from './world.ts';
import { changeBio } from './writes.ts';

/** What is shorter than the bound proves nothing about it. */
const pastBoundMs = bounds.boundMs + 500;
/** What of its clocks a suspended server loses must be longer than this (tests/faults/suspend.ts). */
const suspendedMs = 3200;

/** Everybody reads themselves at each of the servers. */
const readEverybody = (context: Context, servers: readonly ServerProcess[]): Promise<unknown> =>
  Promise.all(servers.flatMap((server) => context.people.map((person) => readMe(context, server, person))));

/** Servers stand still; meanwhile everybody is changed. They are asked while they stand, and answer that first. */
const standStill = async (context: Context, servers: readonly ServerProcess[], ms: number): Promise<void> => {
  const { proxies } = context.world;
  // So that the first answers come before the first check.
  for (const server of servers) await proxies.set(postgresProxy(server), { latencyMs: 15 });
  for (const server of servers) server.stop();
  let asked: Promise<unknown> = Promise.resolve();
  try {
    await changeEverybody(context);
    await sleep(ms);
    asked = readEverybody(context, servers);
    await sleep(100);
  } finally {
    for (const server of servers) server.resume();
  }
  await asked;
  for (const server of servers) await proxies.set(postgresProxy(server), 'pass');
};

/** One stands still, or all: then nobody else has replaced what lies in Redis. */
export const stalled: Fault = ({ servers }, random, ms, _mode, context) =>
  standStill(context, random.chance(0.5) ? servers : [random.pick(servers)], Math.max(ms, pastBoundMs));

/** As in sleep the monotonic clock stands still too. */
export const suspended: Fault = async ({ servers }, random, ms, _mode, context) => {
  const server = random.pick(servers);
  await server.restart({ preload: 'tests/faults/suspend.ts' });
  await sleep(1000);
  await standStill(context, [server], Math.max(ms, suspendedMs));
  await sleep(300);
  await server.restart();
};

/** Checks are answered, by an error. Nothing else fails. */
export const rightsRevoked: Fault = async ({ sql: database }, _random, ms, _mode, context) => {
  await database.run(sql.raw(`revoke select on change_log from ${servingRole}`));
  try {
    await sleep(300);
    await changeEverybody(context);
    await sleep(Math.max(ms, pastBoundMs));
  } finally {
    await database.run(sql.raw(`grant select on change_log to ${servingRole}`));
  }
};

/** More than one check takes (maxRowsOfCheck): then it is everything that has changed. */
const crowd = 20_500;

export const everybodyChanged: Fault = async ({ sql: database }, _random, ms, _mode, context) => {
  await database.run(
    sql.raw(`insert into users (id, email, username, skills, role, is_active, is_verified, password_hash, created_at,
      updated_at, version, token_version) select md5('${crowdPrefix}' || n)::uuid, '${crowdPrefix}' || n || '@torture.example',
      '${crowdPrefix}' || n, '{}', 'user', true, true, 'x', now(), now(), 1, 1 from generate_series(1, ${crowd}) n`),
  );
  await changeEverybody(context);
  await sleep(Math.max(ms, pastBoundMs));
  await database.run(sql.raw(`delete from users where username like '${crowdPrefix}%'`));
};

/** A name to which no standby answers: every COMMIT waits, and is visible to nobody. */
const waitForStandby = async (database: Sql, name: string): Promise<void> => {
  await database.run(sql.raw(`alter system set synchronous_standby_names = '${name}'`));
  await database.run(sql`select pg_reload_conf()`);
};

/** So many wait at least: more would take every connection of a server. */
const maxLate = 8;

/** COMMITs wait for a standby that is away, and are visible later, when Redis has lost their fences. */
export const committedLate: Fault = async ({ sql: database, redis, servers }, random, ms, _mode, context) => {
  const { people } = context;
  const waiting = new Set<number>();
  const lastsMs = Math.max(ms, pastBoundMs);
  const untilMs = performance.now() + lastsMs;
  // Once, so that what is filled then is what stays.
  let isFlushed = false;
  await waitForStandby(database, 'nobody');
  const written = Promise.all(
    // The least popular: a later write would hide what became of this one.
    people.slice(-maxLate).map((person) => changeBio(context, random.pick(servers), person)),
  );
  try {
    while (performance.now() < untilMs) {
      // The server would end the wait itself at its statement_timeout; a process that stands still does not.
      const rows = await database.run(
        sql`select pid from pg_stat_activity where wait_event = 'SyncRep' and application_name = 'kith'`,
      );
      for (const pid of rows.map((row) => Number(row['pid']))) {
        if (!waiting.has(pid)) process.kill(pid, 'SIGSTOP');
        waiting.add(pid);
      }
      await sleep(50);
      if (isFlushed || untilMs - performance.now() > lastsMs / 2) continue;
      await redis.command('FLUSHALL');
      isFlushed = true;
      await readEverybody(context, servers);
    }
  } finally {
    await waitForStandby(database, '');
    for (const pid of waiting) process.kill(pid, 'SIGCONT');
  }
  await written;
  await sleep(100);
  await seeEverybody(context);
  await sleep(bounds.boundMs + 100);
  await readEverybody(context, servers);
};
