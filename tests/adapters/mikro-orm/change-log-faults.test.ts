import { execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { begin, check, renewEpoch } from '../../../adapters/mikro-orm/change-log.ts';
import { leave, listInstances } from '../../../adapters/mikro-orm/instances.ts';
import { note, startingPoints, sweep } from '../../../adapters/mikro-orm/log-retention.ts';
import { checkTriggers } from '../../../adapters/mikro-orm/log-shape.ts';
import { migratePostgres } from '../../../adapters/mikro-orm/migrate.ts';
import { judge } from '../../../application/caching/read-log.ts';
import { parseSnapshot } from '../../../domain/snapshot.ts';
import { createTestDatabase, type TestDatabase, urlOf } from '../../support/postgres.ts';
import { openPostgresCluster, type PostgresCluster } from '../../torture/postgres-cluster.ts';
import { sql } from '../../torture/sql.ts';
import {
  bounds,
  type Client,
  type Clients,
  clientsOf,
  contactOf,
  idOf,
  people,
  prepareConnection,
  Reader,
} from './change-log-support.ts';

const codeOf = (error: unknown): unknown => Reflect.get(Object(error), 'code');
/** The same files under another name, unlogged tables too. */
const copyOf = async (original: TestDatabase): Promise<TestDatabase> => {
  const copy = await createTestDatabase();
  const name = `${copy.address.database}_copy`;
  await original.query(`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`);
  const url = (database: string): string => urlOf({ ...original.address, database });
  const run = (sql: string): void => {
    execFileSync('psql', ['--quiet', '--command', sql, url(copy.address.database)]);
  };
  run(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${original.address.database}'`,
  );
  run(`create database ${name} template ${original.address.database}`);
  return {
    ...copy,
    address: { ...copy.address, database: name },
    async [Symbol.asyncDispose]() {
      run(`drop database ${name} with (force)`);
      await copy[Symbol.asyncDispose]();
    },
  };
};

const refusal = (work: Promise<unknown>): Promise<unknown> => work.then(() => 'not refused', codeOf);

describe('the log through a killed server', () => {
  let cluster: PostgresCluster;
  let clients: Clients;
  beforeAll(async () => {
    cluster = await openPostgresCluster();
    // Otherwise the server may happen to write down in time which ids were used, and gives fewer out again.
    await cluster.sql.run(sql`alter system set wal_writer_delay = '10s'`);
    await cluster.sql.run(sql`alter system set wal_level = minimal`);
    await cluster.sql.run(sql`alter system set max_wal_senders = 0`);
    await cluster.kill();
    await cluster.start();
    clients = await clientsOf({
      host: '127.0.0.1',
      port: cluster.port,
      user: 'postgres',
      password: null,
      database: 'postgres',
      tls: { mode: 'off' },
    });
  }, 60_000);
  afterAll(async () => {
    await clients[Symbol.asyncDispose]();
    await cluster[Symbol.asyncDispose]();
  });

  it('lets every process start anew: transaction ids are given out again, and the next change would be seen by nobody', async () => {
    const before = await clients.connect();
    await before.run(people(1, 9));
    const reader = await new Reader(await clients.connect()).start();
    // Ids that no record of the server's own log tells of.
    for (let id = 0; id < 50; id++) await before.run('begin; select pg_current_xact_id(); rollback');
    // What a check would have seen. A check has an id itself, which might be written down in time.
    const [seen] = await before.run('select pg_current_snapshot()::text as snapshot');
    const snapshot = parseSnapshot(seen?.['snapshot']);
    if (snapshot === undefined) throw new Error('a snapshot of PostgreSQL that cannot be read');
    const position = { snapshot, shape: reader.last?.shape ?? '' };
    await cluster.kill();
    await cluster.start();

    const writer = await clients.connect();
    await writer.run(`update users set name = 'after' where id = '${idOf(1)}'`);
    const connection = await clients.connect();
    const asked = {
      id: randomUUID(),
      beat: 1,
      answeredBeat: 0,
      jMs: 2000,
      protocol: 1,
      last: position.snapshot,
    };
    const answer = await check(connection, asked);
    expect(answer.identity).toBeUndefined();
    expect(judge(position, reader.identity, answer)).toEqual({
      kind: 'start-anew',
      why: 'other-identity',
    });

    const { identity } = await begin(connection, bounds);
    expect(identity).not.toBe(reader.identity);
    expect(identity.split('.').slice(0, 2)).toEqual(reader.identity.split('.').slice(0, 2));
    // Why: whoever went on would miss the change, and not even see that the snapshots went back in every case.
    const wentOn = await check(connection, { ...asked, beat: 2 });
    expect(wentOn.rows).toEqual([]);
    expect(judge(position, reader.identity, wentOn)).toMatchObject({ kind: 'start-anew' });

    const fresh = await new Reader(connection).start();
    await writer.run(`update users set name = 'later' where id = '${idOf(1)}'`);
    expect(await fresh.news()).toEqual([`users ${idOf(1)}`]);
    // The largest bounds outlive the list.
    expect(await listInstances(writer)).toHaveLength(2);
    expect((await begin(writer, { jMs: 1, retentionMs: 1 })).bounds).toEqual(bounds);
  }, 60_000);
});

describe('the log of a database that is not what it was', () => {
  let server: TestDatabase;
  let clients: Clients;
  let client: Client;
  let reader: Reader;
  beforeEach(async () => {
    server = await createTestDatabase();
    clients = await clientsOf(server.address);
    client = await clients.connect();
    await client.run(people(1, 9));
    reader = await new Reader(await clients.connect()).start();
  }, 60_000);
  afterEach(async () => {
    await clients[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });
  const change = (n: number) =>
    client.run(`update users set name = coalesce(name, '') || 'x' where id = '${idOf(n)}'`);
  const count = async (on: Client, table: string): Promise<number> =>
    Number((await on.run(`select count(*) as total from ${table}`))[0]?.['total']);
  const dump = (...options: string[]): string =>
    execFileSync('pg_dump', [...options, '--clean', '--no-owner', urlOf(server.address)], {
      encoding: 'utf8',
      maxBuffer: 1e8,
    });
  const restore = (sql: string, url = urlOf(server.address)): void => {
    execFileSync('psql', ['--quiet', '--set', 'ON_ERROR_STOP=1', url], {
      input: sql,
      stdio: ['pipe', 'ignore', 'inherit'],
    });
  };

  it('is emptied and has another epoch when a dump was restored into the same database', async () => {
    await change(1);
    await note(client, bounds.retentionMs);
    await reader.check();
    const before = dump();
    await change(2);
    await reader.check();
    restore(before);
    expect(await reader.news()).toBe('other-identity');
    // The dump brought rows, notes and instances, unlogged or not; their transactions are not of this server.
    for (const table of ['change_log', 'log_notes', 'instances', 'log_state'])
      expect(await count(client, table)).toBeGreaterThan(0);
    const { identity } = reader;
    await reader.start();
    expect(reader.identity).not.toBe(identity);
    for (const table of ['change_log', 'log_notes']) expect(await count(client, table)).toBe(0);
    expect((await checkTriggers(client)).map(({ state }) => state)).toEqual(
      Array.from({ length: 10 }, () => 'always'),
    );
    await change(3);
    expect(await reader.news()).toEqual([`users ${idOf(3)}`]);
  }, 60_000);

  it('is everything when only the tables of people were restored', async () => {
    const before = dump('--table=users', '--table=contacts', '--table=idempotency_keys');
    await change(2);
    await reader.check();
    restore(before);
    expect(await reader.news()).toBe('tables-changed');
    expect(await reader.news()).toEqual([]);
    await change(3);
    expect(await reader.news()).toEqual([`users ${idOf(3)}`]);
  }, 60_000);

  it('is everything when a table is gone', async () => {
    await client.run('drop table contacts');
    expect(await reader.news()).toBe('tables-changed');
    expect((await checkTriggers(client)).filter(({ state }) => state === 'missing')).toHaveLength(7);
  });

  it('is everything when the log itself was emptied by hand', async () => {
    await change(1);
    await client.run('truncate change_log');
    expect(await reader.news()).toBe('tables-changed');
  });

  it('is not disturbed by the upkeep of a database', async () => {
    for (const upkeep of [
      'vacuum (freeze, analyze) users',
      'vacuum freeze pg_trigger',
      'vacuum freeze pg_class',
      'reindex table users',
      'create index on users (name)',
      'alter table users add column extra text',
      'vacuum (freeze, analyze) change_log',
      'checkpoint',
    ]) {
      await client.run(upkeep);
      await change(1);
      expect(await reader.news(), upkeep).toEqual([`users ${idOf(1)}`]);
    }
  });

  it('is begun once by those who come at once in a copy of the database', async () => {
    await change(1);
    await reader.check();
    const { identity } = reader;
    // Nobody may be connected to what is copied.
    await clients[Symbol.asyncDispose]();
    await using copy = await copyOf(server);
    await using inCopy = await clientsOf(copy.address);
    const first = await inCopy.connect();
    expect(await count(first, 'change_log')).toBe(1);
    const several = await Promise.all([1, 2, 3, 4].map(async () => begin(await inCopy.connect(), bounds)));
    expect(new Set(several.map((each) => each.identity)).size).toBe(1);
    expect(several[0]?.identity).not.toBe(identity);
    expect(await count(first, 'change_log')).toBe(0);
    clients = await clientsOf(server.address);
    client = await clients.connect();
    expect((await begin(client, bounds)).identity).toBe(identity);
    expect(await count(client, 'change_log')).toBe(1);
  }, 60_000);

  it('went back: a new epoch, once', async () => {
    const { identity, last } = reader;
    if (last === undefined) throw new Error('it has checked');
    // As if the files of before had been put in place: what was seen has not happened yet.
    const { xmax } = last.snapshot;
    reader.last = { ...last, snapshot: { xmin: xmax + 1000, xmax: xmax + 1000, inProgress: [] } };
    expect(await reader.news()).toBe('went-back');
    await Promise.all([1, 2, 3].map(async () => renewEpoch(await clients.connect(), identity)));
    const [state] = await client.run('select epoch::text from log_state');
    await reader.start();
    expect(reader.identity).not.toBe(identity);
    expect(reader.identity).toContain(String(state?.['epoch']));
    // Whoever comes late finds another one and leaves it.
    await renewEpoch(client, identity);
    expect((await begin(client, bounds)).identity).toBe(reader.identity);
  });

  it.each([
    ['disable trigger kith_log', 'disabled'],
    ['disable trigger all', 'disabled'],
    ['disable trigger all; alter table users enable trigger all', 'ordinary'],
    ['enable replica trigger kith_log', 'disabled'],
  ])('shows its triggers after alter table users %s', async (alteration, state) => {
    await client.run(`alter table users ${alteration}`);
    const found = (await checkTriggers(client)).find(
      ({ table, name }) => table === 'users' && name === 'kith_log',
    );
    expect(found).toEqual({ table: 'users', name: 'kith_log', state, isNeeded: true });
    expect(await reader.news()).toBe('tables-changed');
  });

  it('shows its triggers after they were dropped or made otherwise', async () => {
    await client.run('drop trigger kith_log on users; drop trigger kith_version on contacts');
    await client.run(
      'create trigger kith_log after update on users for each row when (new.version > 1) execute function kith_log_users()',
    );
    const states = (await checkTriggers(client)).map(({ table, name, state }) => `${table} ${name} ${state}`);
    expect(states).toEqual([
      'users kith_log changed',
      'contacts kith_log always',
      'users kith_log_truncate always',
      'contacts kith_log_truncate always',
      'users kith_version always',
      'contacts kith_version missing',
      ...['derive', 'count_insert', 'count_delete', 'derive_truncate'].map(
        (name) => `contacts kith_${name} always`,
      ),
    ]);
  });

  describe('for a role', () => {
    let role: string;
    let asRole: Clients;
    beforeEach(async () => {
      role = `kith_test_${randomBytes(6).toString('hex')}`;
      await client.run(`create role ${role} login`);
      asRole = await clientsOf({ ...server.address, user: role }, false);
    });
    afterEach(async () => {
      await asRole[Symbol.asyncDispose]();
      await client.run(`drop owned by ${role}; drop role ${role}`);
    });

    it('without any right on it has its rows, and lets it forge or read none', async () => {
      await client.run(
        `grant select, insert, update, delete, truncate on users, contacts to ${role}; grant usage on schema public to ${role}`,
      );
      const other = await asRole.connect();
      await other.run(
        `set search_path to pg_catalog; update public.users set name = 'service' where id = '${idOf(1)}'`,
      );
      await other.run(`reset search_path; ${contactOf(1, 5)}`);
      expect(await reader.news()).toEqual([`users ${idOf(1)}`, `contacts ${idOf(1)}:${idOf(5)}`]);
      await other.run('truncate contacts');
      expect(await reader.news()).toBe('tables-changed');
      for (const forbidden of [
        'select * from change_log',
        `insert into change_log (source) values ('users')`,
        'delete from change_log',
        'update log_state set epoch = gen_random_uuid()',
        'delete from instances',
        'delete from log_notes',
      ]) {
        expect(await refusal(other.run(forbidden))).toBe('42501');
      }
    });

    it('that serves does all of it with the rights that are granted, and forges no row', async () => {
      await migratePostgres(server.address, role);
      const serving = await asRole.connect();
      const mine = await new Reader(serving).start();
      await change(1);
      expect(await mine.news()).toEqual([`users ${idOf(1)}`]);
      await note(serving, bounds.retentionMs);
      await startingPoints(serving, 100);
      await client.run(`update log_notes set noted_at = noted_at - interval '2 hours'`);
      expect(await sweep(serving, 1000)).toBe(1);
      await checkTriggers(serving);
      await renewEpoch(serving, mine.identity);
      await mine.start();
      await leave(serving, mine.id);
      expect(await refusal(serving.run(`insert into change_log (source) values ('users')`))).toBe('42501');
      // A log that was made elsewhere is emptied by whoever serves.
      await client.run(`update log_state set made_for = 'elsewhere'`);
      await change(2);
      expect(await mine.news()).toBe('other-identity');
      await mine.start();
      expect(await count(client, 'change_log')).toBe(0);
    });

    it('that has lost a right answers with that, and not with silence', async () => {
      await migratePostgres(server.address, role);
      const mine = await new Reader(await asRole.connect()).start();
      await client.run(`revoke select on change_log from ${role}`);
      expect(await refusal(mine.check())).toBe('42501');
    });
  });

  it('is refused where nothing can be written, as on a standby', async () => {
    const connection = await clients.connect();
    await connection.run('set default_transaction_read_only = on');
    expect(await refusal(begin(connection, bounds))).toBe('25006');
    const asked = { id: randomUUID(), beat: 1, answeredBeat: 0, jMs: 2000, protocol: 1, last: undefined };
    expect(await refusal(check(connection, asked))).toBe('25006');
  });

  it('is read in READ COMMITTED and within the deadline, whatever the database was set to', async () => {
    for (const setting of [
      'default_transaction_isolation to serializable',
      'statement_timeout to 0',
      'lock_timeout to 0',
      'synchronous_commit to on',
    ]) {
      await client.run(`alter database ${server.address.database} set ${setting}`);
    }
    const connection = await clients.connect();
    await connection.run('reset all; set statement_timeout = 0');
    await prepareConnection(connection, 1000);
    const shown = await connection.run(`select current_setting('transaction_isolation') as isolation,
      current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
      current_setting('synchronous_commit') as synchronous`);
    expect(shown).toEqual([
      { isolation: 'read committed', statement: '900ms', lock: '500ms', synchronous: 'off' },
    ]);
    // Somebody alters the log: an answer in time, and an error.
    await client.run('begin; lock table change_log in access exclusive mode');
    const asked = { id: randomUUID(), beat: 1, answeredBeat: 0, jMs: 2000, protocol: 1, last: undefined };
    expect(await refusal(check(connection, asked))).toBe('55P03');
    await client.run('rollback');
    await check(connection, { ...asked, beat: 2 });
  });
});
