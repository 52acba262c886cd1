import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lockDataDirectory } from '../../adapters/mikro-orm/data-directory.ts';
import { migrateEmbedded } from '../../adapters/mikro-orm/embedded.ts';
import { migratePostgres } from '../../adapters/mikro-orm/migrate.ts';
import type { Finding } from '../../cli/doctor/finding.ts';
import { doctor } from '../../cli/doctor.ts';
import { Secret } from '../../domain/secret.ts';
import { postgresGrants, redisAcl } from '../security/least-privilege.ts';
import { openFaultProxy } from '../support/fault-proxy.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { openRedis, type RedisServer } from '../support/redis-server.ts';
import { openRestServer, readOnlyToken } from '../support/rest-server.ts';
import { kith, reading, runIn, urlOf } from './support.ts';

type Report = { readonly verdict: string; readonly findings: readonly Finding[] };

const jwtSecret = randomBytes(32).toString('base64url');

const examine = async (environment: Readonly<Record<string, string>>) => {
  const { code, out } = await runIn(doctor, ['--json'], { JWT_SECRET: jwtSecret, ...environment });
  const { verdict, findings }: Report = JSON.parse(out);
  expect(code).toBe(verdict === 'bad' ? 1 : 0);
  for (const finding of findings)
    expect(finding.advice === undefined, finding.check).toBe(finding.verdict === 'good');
  return {
    out,
    verdict,
    /** The verdicts of a check with what was found, as `bad: ...`. */
    of: (check: string): readonly string[] =>
      findings.filter((each) => each.check === check).map((each) => `${each.verdict}: ${each.found}`),
    checks: findings.map(({ check }) => check),
    /** What is not good, but for one check. */
    but: (check: string) => findings.filter((each) => each.verdict !== 'good' && each.check !== check),
  };
};

describe('the doctor on PostgreSQL', () => {
  let database: TestDatabase;
  let url: string;
  beforeAll(async () => {
    database = await createTestDatabase();
    url = urlOf(database.address);
    await migratePostgres(database.address);
  });
  afterAll(() => database[Symbol.asyncDispose]());
  const examineIt = () => examine({ DATABASE_URL: url });
  const setting = async (text: string, work: () => Promise<void>): Promise<void> => {
    const [name = ''] = text.split(' ');
    await database.query(`alter database ${database.address.database} set ${text}`);
    try {
      await work();
    } finally {
      await database.query(`alter database ${database.address.database} reset ${name}`);
    }
  };

  it('finds nothing bad where nothing is', async () => {
    const report = await examineIt();
    const [{ fsync } = {}] = await database.query('show fsync');
    const fine = [
      ...[
        'configuration',
        'signing secret',
        'database',
        'database version',
        'database role',
        'database isolation',
      ],
      ...[
        'database connections',
        'database notifications',
        'database rights',
        'migrations',
        'triggers',
        'instances',
      ],
      'database clock',
    ];
    for (const check of fine) expect(report.of(check), check).toEqual([expect.stringMatching(/^good: /)]);
    // The tests' own server may run without it, for speed.
    if (fsync === 'on') expect(report.of('database durability')).toEqual([expect.stringMatching(/^good: /)]);
    else expect(report.of('database durability')).toEqual(['bad: fsync is off']);
  });

  it.each([
    ['kith_log', 'users', 'bad'],
    ['kith_log', 'contacts', 'bad'],
    ['kith_log_truncate', 'users', 'bad'],
    ['kith_log_truncate', 'contacts', 'bad'],
    ['kith_version', 'users', 'warning'],
    ['kith_version', 'contacts', 'warning'],
    ['kith_derive', 'contacts', 'warning'],
    ['kith_count_insert', 'contacts', 'warning'],
    ['kith_count_delete', 'contacts', 'warning'],
    ['kith_derive_truncate', 'contacts', 'warning'],
  ])('sees that %s on %s was made ordinary, disabled, changed, dropped', async (name, table, verdict) => {
    const [{ definition } = {}] = await database.query(
      `select pg_get_triggerdef(oid) as definition from pg_trigger where tgname = '${name}' and tgrelid = '${table}'::regclass`,
    );
    const expectIt = async (state: string): Promise<void> =>
      expect((await examineIt()).of('triggers')).toEqual([`${verdict}: ${name} on ${table} is ${state}`]);
    // What `disable trigger all` and `enable trigger all` leave behind.
    await database.query(`alter table ${table} enable trigger ${name}`);
    await expectIt('ordinary');
    await database.query(`alter table ${table} disable trigger ${name}`);
    await expectIt('disabled');
    await database.query(`alter table ${table} enable replica trigger ${name}`);
    await expectIt('disabled');
    await database.query(`drop trigger ${name} on ${table}`);
    await expectIt('missing');
    // For deletions alone: others than those go by unseen.
    await database.query(
      `create trigger ${name} after delete on ${table} for each statement execute function kith_log_truncate()`,
    );
    await expectIt('changed');
    await database.query(`drop trigger ${name} on ${table}`);
    await database.query(String(definition));
    await database.query(`alter table ${table} enable always trigger ${name}`);
    expect((await examineIt()).of('triggers')).toEqual(['good: all 10 always fire']);
  });

  it.each([
    ["session_replication_role = 'replica'", 'triggers', /^bad: session_replication_role is replica/],
    ['default_transaction_read_only = on', 'database role', /^bad: transactions are read-only/],
    [
      "default_transaction_isolation = 'serializable'",
      'database isolation',
      /^good: serializable; Kith says/,
    ],
  ])('sees %s', async (text, check, expected) => {
    await setting(text, async () => {
      expect((await examineIt()).of(check)).toEqual([expect.stringMatching(expected)]);
    });
  });

  it('sees a missing migration, and one of a later version', async () => {
    await using empty = await createTestDatabase();
    const report = await examine({ DATABASE_URL: urlOf(empty.address) });
    expect(report.of('migrations')).toEqual([
      'bad: missing: 0001-initial, 0002-login-attempts, 0003-change-log, 0004-contact-names, 0005-idempotency-keys, 0006-rules, 0007-contact-lists, 0008-contact-lists-filled, 0009-last-versions',
    ]);
    expect(report.of('triggers')).toEqual([]);

    await database.query(`insert into kith_migrations (name) values ('9999-later')`);
    expect((await examineIt()).of('migrations')).toEqual(['warning: of a later version: 9999-later']);
    await database.query(`delete from kith_migrations where name = '9999-later'`);
  });

  it('tells how many read the log, who ended without saying so, and bounds that differ', async () => {
    await using _one = await reading(database, 400);
    await database.query(
      `insert into instances (id, beat, j_ms, protocol) values ('${randomUUID()}', 7, 400, 1)`,
    );
    const { of } = await examineIt();
    expect(of('instances')).toEqual(['good: 1 reads the log, and 1 that ended without saying so']);
    {
      await using _two = await reading(database, 800);
      expect((await examineIt()).of('instances')).toEqual([
        'warning: 2 read the log, and 1 that ended without saying so, with JOURNAL_BOUND_MS 400 and 800',
      ]);
    }
    expect((await examineIt()).of('instances')).toEqual([
      expect.stringMatching(/^warning: 1 reads .* within 400 ms, and somebody once did within 800$/),
    ]);
    await database.query('update log_bounds set j_ms = 400');

    // Of a version that follows other rules.
    await using three = await reading(database, 400);
    await database.query(`create function later() returns trigger language plpgsql as $$
      begin if new.id = '${three.id}' then new.protocol := 2; end if; return new; end $$`);
    await database.query(`create trigger later before insert on instances for each row
      execute function later()`);
    await expect
      .poll(async () => (await examineIt()).of('instances'), { timeout: 20_000 })
      .toEqual([expect.stringMatching(/^warning: 2 read .*, of protocols 1 and 2$/)]);
    await database.query('drop function later cascade');
    await database.query('delete from instances');
  }, 60_000);

  it('sees a log that came with a copy of another database, and one that nobody keeps', async () => {
    {
      await using _one = await reading(database, 400);
      await database.query('delete from log_notes');
      expect((await examineIt()).of('log')).toEqual(['good: 0 rows, not noted yet']);
      await database.query(`insert into log_notes (snapshot, shape, noted_at)
        values (pg_current_snapshot(), '', now() - interval '15 minutes')`);
      expect((await examineIt()).of('log')).toEqual([
        expect.stringMatching(/^warning: .* last noted 15 min ago$/),
      ]);
      await database.query('update log_notes set noted_at = now()');
      expect((await examineIt()).of('log')).toEqual(['good: 0 rows, last noted 0 min ago']);
    }
    await database.query(`update log_state set made_for = '1.2.3'`);
    expect((await examineIt()).of('log')).toEqual(['warning: 0 rows, made for another database']);
    await database.query('delete from log_state');
    expect((await examineIt()).of('log')).toEqual(['good: 0 rows, not begun: the next start does']);
  }, 60_000);

  it('sees the rights that a role lacks', async () => {
    const role = `kith_doctor_${randomBytes(6).toString('hex')}`;
    await database.query(`create role ${role} login`);
    try {
      for (const grant of postgresGrants(role)) await database.query(grant);
      const asRole = { DATABASE_URL: urlOf({ ...database.address, user: role, password: null }) };
      expect((await examine(asRole)).of('database rights')).toEqual(['good: all that serving needs']);
      await database.query(`revoke delete on change_log from ${role}`);
      await database.query(`revoke select on kith_migrations from ${role}`);
      const report = await examine(asRole);
      expect(report.of('database rights')).toEqual([
        'bad: missing: select on kith_migrations, delete on change_log',
      ]);
    } finally {
      await database.query(`drop owned by ${role}`);
      await database.query(`drop role ${role}`);
    }
  });

  it('sees a column of somebody else that wants a value, and none that has one', async () => {
    await database.query(
      `alter table users add column mine text default 'x' not null, add column other text`,
    );
    expect((await examineIt()).of('columns')).toEqual([]);
    await database.query('alter table users alter column mine drop default');
    try {
      expect((await examineIt()).of('columns')).toEqual([
        "bad: users.mine is not Kith's, and has to have a value",
      ]);
    } finally {
      await database.query('alter table users drop column mine, drop column other');
    }
  });

  it('sees a database that is far away, and one that is not there', async () => {
    await using proxy = await openFaultProxy(database.address);
    proxy.set({ latencyMs: 15 });
    const slow = await examine({
      DATABASE_URL: urlOf({ ...database.address, host: '127.0.0.1', port: proxy.port }),
    });
    expect(slow.of('database latency')).toEqual([expect.stringMatching(/^(?:warning|bad): /)]);

    const gone = await examine({ DATABASE_URL: 'postgres://kith:hunter2@127.0.0.1:1/kith' });
    expect(gone.of('database')).toEqual(['bad: DATABASE_URL: nobody listens at 127.0.0.1:1/kith']);
    expect(gone.out).not.toContain('hunter2');
    const unknown = await examine({ DATABASE_URL: urlOf({ ...database.address, database: 'kith_no_such' }) });
    expect(unknown.of('database')).toEqual([expect.stringMatching(/^bad: .*there is no such database/)]);
  });
});

describe('the doctor on Redis', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await openRedis(['--maxmemory', '100mb']);
  });
  afterAll(() => redis[Symbol.asyncDispose]());
  const dataDirectory = join(tmpdir(), `kith-none-${randomBytes(6).toString('hex')}`);
  const examineIt = (port = redis.port, more: Readonly<Record<string, string>> = {}) =>
    examine({ REDIS_URL: `redis://127.0.0.1:${port}`, DATA_DIR: dataDirectory, ...more });

  it('finds nothing but good where all is', async () => {
    const report = await examineIt();
    // How fast it is depends on what else this machine does.
    expect(report.but('Redis latency'), report.out).toEqual([]);
    expect(report.checks).toEqual(
      expect.arrayContaining([
        ...['Redis', 'Redis version', 'Redis mode', 'Redis rights', 'Redis eviction', 'Redis memory'],
        ...['Redis persistence', 'Redis replicas', 'Redis latency', 'Redis clock'],
      ]),
    );
    expect(await redis.command('DBSIZE')).toBeLessThanOrEqual(1);
  });

  it.each<[setting: string, value: string, usual: string, check: string, expected: RegExp]>([
    ['maxmemory-policy', 'allkeys-lru', 'noeviction', 'Redis eviction', /^warning: allkeys-lru/],
    ['maxmemory-policy', 'volatile-ttl', 'noeviction', 'Redis eviction', /^bad: volatile-ttl/],
    ['maxmemory-policy', 'allkeys-random', 'noeviction', 'Redis eviction', /^bad: allkeys-random/],
    ['maxmemory', '0', '100mb', 'Redis memory', /^warning: .* no limit/],
    ['maxmemory', '1kb', '100mb', 'Redis memory', /^bad: full: /],
    ['save', '3600 1', '', 'Redis persistence', /^warning: snapshots \(3600 1\)/],
    ['appendonly', 'yes', 'no', 'Redis persistence', /^warning: append-only file, flushed everysec/],
  ])('sees that %s is %s', async (setting, value, usual, check, expected) => {
    await redis.command('CONFIG', 'SET', setting, value);
    try {
      expect((await examineIt()).of(check)).toEqual([expect.stringMatching(expected)]);
    } finally {
      await redis.command('CONFIG', 'SET', setting, usual);
    }
    expect((await examineIt()).of(check)).toEqual([expect.stringMatching(/^good: /)]);
  });

  it('sees a replica, and one that nobody waits for, and one that is waited for and not there', async () => {
    await using replica = await openRedis(['--replicaof', `127.0.0.1 ${redis.port}`]);
    expect((await examineIt(replica.port)).of('Redis mode')).toEqual(['bad: this is a replica']);
    await expect
      .poll(() => redis.command('INFO', 'replication'), { timeout: 15_000 })
      .toContain('connected_slaves:1');
    expect((await examineIt()).of('Redis replicas')).toEqual(['warning: 1 connected, REDIS_WAIT_REPLICAS=0']);
    const two = await examineIt(redis.port, { REDIS_WAIT_REPLICAS: '2' });
    expect(two.of('Redis replicas')).toEqual(['bad: 1 connected, REDIS_WAIT_REPLICAS=2']);
  });

  it('sees cluster mode', async () => {
    await using cluster = await openRedis(['--cluster-enabled', 'yes']);
    expect((await examineIt(cluster.port)).of('Redis mode')).toEqual(['bad: cluster']);
  });

  it('sees what a user may not, and finds the documented rights enough', async () => {
    const url = `redis://kith:hunter2hunter2@127.0.0.1:${redis.port}`;
    const asUser = () => examine({ REDIS_URL: url, DATA_DIR: dataDirectory });
    await redis.command('ACL', 'SETUSER', 'kith', ...redisAcl('hunter2hunter2'));
    const least = await asUser();
    expect(least.of('Redis rights')).toEqual([expect.stringMatching(/^good: /)]);
    expect(least.of('Redis persistence')).toEqual([expect.stringMatching(/^warning: unknown/)]);
    await redis.command('ACL', 'SETUSER', 'kith', '-unlink', '-subscribe', '-publish');
    const less = await asUser();
    expect(less.of('Redis rights')).toEqual(['bad: refused: PUBLISH, UNLINK, SUBSCRIBE']);
    await redis.command('ACL', 'SETUSER', 'kith', 'resetpass', '>another');
    const locked = await asUser();
    expect(locked.of('Redis')).toEqual([expect.stringMatching(/^bad: .*: auth$/)]);
    for (const { out } of [least, less, locked]) expect(out).not.toContain('hunter2');
  });

  it('sees a Redis that is far away, one that hangs, and one that is not there', async () => {
    await using proxy = await openFaultProxy(redis.address);
    proxy.set({ latencyMs: 20 });
    expect((await examineIt(proxy.port)).of('Redis latency')).toEqual([
      expect.stringMatching(/^(?:warning|bad): /),
    ]);
    proxy.set({ latencyMs: 55 });
    expect((await examineIt(proxy.port)).of('Redis latency')).toEqual([expect.stringMatching(/^bad: /)]);
    proxy.set('black-hole');
    expect((await examineIt(proxy.port)).of('Redis')).toEqual([expect.stringMatching(/^bad: .*: deadline$/)]);
    expect((await examineIt(1)).of('Redis')).toEqual([
      expect.stringMatching(/^bad: .*refused.*ECONNREFUSED$/),
    ]);
    const byName = await examine({ REDIS_URL: 'redis://no-such-host.invalid', DATA_DIR: dataDirectory });
    expect(byName.of('Redis')).toEqual([expect.stringMatching(/^bad: .*no address is known/)]);
    const overTls = await examine({ REDIS_URL: `rediss://127.0.0.1:${redis.port}`, DATA_DIR: dataDirectory });
    expect(overTls.of('Redis')).toEqual([
      expect.stringMatching(/^bad: .*: (?:no TLS, \w+|no answer in time.*|closed|deadline)$/),
    ]);
  }, 60_000);

  it('sees a version that is too old, and a server that is none', async () => {
    await using old = await openImitation('redis_version:6.0.16\r\nredis_mode:standalone\r\nrole:master\r\n');
    expect((await examineIt(old.port)).of('Redis version')).toEqual(['bad: Redis 6.0.16']);
    await using other = await openImitation(undefined);
    expect((await examineIt(other.port)).of('Redis')).toEqual([expect.stringMatching(/^bad: /)]);
  });
});

describe('the doctor on Upstash over REST', () => {
  const examineIt = (url: string, token: Secret<'upstash-token'>) =>
    examine({
      UPSTASH_REDIS_REST_URL: url,
      UPSTASH_REDIS_REST_TOKEN: Secret.reveal(token),
      DATA_DIR: join(tmpdir(), `kith-none-${randomBytes(6).toString('hex')}`),
    });

  it('finds nothing but good where all is, and leaves nothing behind', async () => {
    await using server = await openRestServer();
    const { url, token } = server.address;
    const report = await examineIt(url, token);
    // How fast it is depends on what else this machine does.
    expect(report.but('Redis latency'), report.out).toEqual([]);
    expect(report.of('Redis')).toEqual([
      `good: 127.0.0.1:${server.address.port} (UPSTASH_REDIS_REST_URL) answers`,
    ]);
    expect(report.of('Redis rights')).toEqual([expect.stringMatching(/^good: /)]);
    expect(report.out).not.toContain(Secret.reveal(token));
    await expect.poll(() => server.redis.command('DBSIZE'), { timeout: 15_000 }).toBe(0);
  });

  it('sees a token that is refused, and one that may only read', async () => {
    await using server = await openRestServer();
    const { url } = server.address;
    const refused = await examineIt(url, new Secret('CANARY-wrong'));
    expect(refused.of('Redis')).toEqual([expect.stringMatching(/^bad: .*: auth$/)]);
    expect(refused.out).not.toContain('CANARY-wrong');
    expect((await examineIt(url, readOnlyToken)).of('Redis rights')).toEqual(['bad: refused: SET, EVAL']);
  });
});

describe('the doctor on the embedded database', () => {
  it('makes none, sees a sound one, and leaves one alone that is in use', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'kith-doctor-'));
    try {
      expect((await examine({ DATA_DIR: directory })).of('database')).toEqual([
        `good: embedded, in ${directory}: made at the first start`,
      ]);
      await migrateEmbedded(directory);
      const report = await examine({ DATA_DIR: directory });
      expect(report.verdict, report.out).toBe('good');
      expect(report.of('triggers')).toEqual(['good: all 10 always fire']);
      await using _lock = await lockDataDirectory(directory);
      expect((await examine({ DATA_DIR: directory })).of('database')).toEqual([
        expect.stringMatching(/^warning: .* is in use by process \d+$/),
      ]);
    } finally {
      await rm(directory, { recursive: true });
    }
  }, 60_000);
});

describe('the doctor on a configuration', () => {
  it('says everything that is wrong with it, and repeats no value', async () => {
    const report = await examine({
      PORT: 'hunter2',
      REDIS_URL: 'http://hunter2',
      NODE_ENV: 'production',
      JWT_SECRET: '',
    });
    expect(report.of('configuration')).toHaveLength(3);
    expect(report.verdict).toBe('bad');
    expect(report.out).not.toContain('hunter2');
  });

  it('warns of secrets that are made up, of connections in the clear, and of memory that is alone', async () => {
    const made = await examine({ JWT_SECRET: '', DATA_DIR: '/nowhere/kith' });
    expect(made.of('signing secret')).toEqual([expect.stringMatching(/^warning: /)]);
    // Addresses for documentation (RFC 5737): nobody is there, and no name is asked for.
    const far = await examine({
      DATABASE_URL: 'postgres://kith@192.0.2.1:1/kith',
      REDIS_URL: 'redis://192.0.2.1:1',
    });
    expect(far.of('database transport')).toEqual(['warning: no TLS to 192.0.2.1']);
    expect(far.of('Redis transport')).toEqual(['warning: no TLS to 192.0.2.1']);
    const alone = await examine({ DATABASE_URL: 'postgres://kith@127.0.0.1:1/kith' });
    expect(alone.of('cache')).toEqual([expect.stringMatching(/^warning: no Redis/)]);
  });
});

describe('kith doctor as a process', () => {
  it('ends with 0 when nothing is bad, 1 when something is, and 2 when it was not understood', async () => {
    const directory = join(tmpdir(), `kith-none-${randomBytes(6).toString('hex')}`);
    const fine = await kith(['doctor'], { DATA_DIR: directory });
    expect(fine).toMatchObject({ code: 0, err: '' });
    expect(fine.out).toMatch(/^good +configuration .*\n(?:.*\n)*\n3 good, 1 warning, 0 bad\n$/);
    const wrong = await kith(['doctor', '--json'], { PORT: 'x' });
    expect(wrong.code).toBe(1);
    expect(JSON.parse(wrong.out)).toMatchObject({ verdict: 'bad' });
    expect(await kith(['doctor', 'now'], {})).toMatchObject({ code: 2, out: '' });
  }, 60_000);
});

/** Speaks just enough of RESP 3 to be asked for its version; or, without an INFO, nothing of it. */
const openImitation = async (
  info: string | undefined,
): Promise<AsyncDisposable & { readonly port: number }> => {
  const replies: Readonly<Record<string, string>> = {
    HELLO: '%1\r\n$6\r\nserver\r\n$5\r\nredis\r\n',
    PING: '+PONG\r\n',
    SUBSCRIBE: '>3\r\n$9\r\nsubscribe\r\n$8\r\nkith:bus\r\n:1\r\n',
    INFO: `$${info?.length ?? 0}\r\n${info ?? ''}\r\n`,
  };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      if (info === undefined) socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      else {
        // Each command is an array whose first element, after its length, is the name.
        for (const [, name = ''] of String(bytes).matchAll(/\*\d+\r\n\$\d+\r\n([a-z]+)/gi)) {
          socket.write(
            replies[name.toUpperCase()] ?? (name === 'CONFIG' ? '-ERR unknown command\r\n' : '+OK\r\n'),
          );
        }
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
};
