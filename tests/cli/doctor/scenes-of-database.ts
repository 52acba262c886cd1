import { randomBytes } from 'node:crypto';
import { migratePostgres } from '../../../adapters/mikro-orm/migrate.ts';
import type { PostgresAddress } from '../../../adapters/mikro-orm/postgres-address.ts';
import { postgresGrants } from '../../security/least-privilege.ts';
import { openFaultProxy } from '../../support/fault-proxy.ts';
import { holdMigrations } from '../../support/migration-lock.ts';
import { openPgBouncer } from '../../support/pgbouncer.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { storedBefore } from '../../support/rows.ts';
import { openPair } from '../../support/standby.ts';
import { openPostgresCluster } from '../../torture/postgres-cluster.ts';
import { reading, urlOf } from '../support.ts';
import { doctorIn, type Report, type Scene } from './scenes.ts';

/** A database of its own, migrated, and spoiled by this SQL. */
const migrated = async (...spoiling: readonly string[]): Promise<TestDatabase> => {
  const database = await createTestDatabase();
  await migratePostgres(database.address);
  for (const statement of spoiling) await database.query(statement);
  return database;
};

/** With a setting that every later session of the database has. */
const withSetting = async (database: TestDatabase, text: string): Promise<Report> => {
  await database.query(`alter database ${database.address.database} set ${text}`);
  return await doctorIn({ DATABASE_URL: urlOf(database.address) });
};

/** Another role of the same server, gone after the work. */
const asRole = async (
  database: TestDatabase,
  statements: (role: string) => readonly string[],
  work: (address: PostgresAddress) => Promise<Report>,
): Promise<Report> => {
  const role = `kith_doctor_${randomBytes(6).toString('hex')}`;
  await database.query(`create role ${role} login`);
  try {
    for (const statement of statements(role)) await database.query(statement);
    return await work({ ...database.address, user: role, password: null });
  } finally {
    await database.query(`drop owned by ${role}`);
    await database.query(`drop role ${role}`);
  }
};

const behind = async (latencyMs: number): Promise<Report> => {
  await using database = await createTestDatabase();
  await using proxy = await openFaultProxy(database.address);
  proxy.set({ latencyMs });
  return await doctorIn({ DATABASE_URL: urlOf({ ...database.address, port: proxy.port }) });
};

/** A row of one column (PostgreSQL manual, message formats: DataRow), in which a pooler's other server says `on`. */
const [saysOff, saysOn] = ['D\0\0\0\x0d\0\x01\0\0\0\x03off', 'D\0\0\0\x0c\0\x01\0\0\0\x02on'];

const ofStructure: readonly Scene[] = [
  {
    name: 'a database of another encoding, with tables of somebody else',
    codes: ['encoding-unsuitable', 'tables-foreign'],
    examine: async () => {
      const ascii = "encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C' template template0";
      await using database = await createTestDatabase(undefined, ascii);
      await database.query('create table users (id serial primary key, login text)');
      return await doctorIn({ DATABASE_URL: urlOf(database.address) });
    },
  },
  {
    name: 'a search path that leads nowhere',
    codes: ['schema-missing'],
    examine: async () => {
      await using database = await createTestDatabase();
      return await withSetting(database, 'search_path = nowhere');
    },
  },
  {
    name: 'a database that somebody changed by hand',
    codes: [
      ...(['migrations-later', 'column-foreign', 'replication-role-replica', 'rules-missing'] as const),
      ...(['rules-unproved', 'log-trigger-lost', 'version-trigger-lost', 'list-trigger-lost'] as const),
    ],
    examine: async () => {
      await using database = await migrated(
        `insert into kith_migrations (name) values ('9999-later')`,
        'alter table users add column mine text not null',
        'alter table users disable trigger kith_log',
        'alter table users enable trigger kith_version',
        'drop trigger kith_derive on contacts',
        'alter table users drop constraint users_phone_check',
      );
      await storedBefore(database, 'contacts', 'select');
      return await withSetting(database, "session_replication_role = 'replica'");
    },
  },
  {
    name: 'a role without a right',
    codes: ['rights-missing'],
    examine: async () => {
      await using database = await migrated();
      const granted = (role: string) => [...postgresGrants(role), `revoke delete on change_log from ${role}`];
      return await asRole(database, granted, (address) => doctorIn({ DATABASE_URL: urlOf(address) }));
    },
  },
  {
    name: 'a database that nobody migrated, and that takes no writes',
    codes: ['migrations-missing', 'database-read-only'],
    examine: async () => {
      await using database = await createTestDatabase();
      return await withSetting(database, 'default_transaction_read_only = on');
    },
  },
  {
    name: 'a database whose migrations somebody holds up',
    codes: ['migrations-locked'],
    examine: async () => {
      await using database = await createTestDatabase();
      await using _held = await holdMigrations(database);
      return await doctorIn({ DATABASE_URL: urlOf(database.address) });
    },
  },
];

const ofLog: readonly Scene[] = [
  {
    name: 'a copy of another database',
    codes: ['log-of-copy'],
    examine: async () => {
      await using database = await migrated();
      await using _one = await reading(database, 4000);
      await database.query(`update log_state set made_for = '1.2.3'`);
      return await doctorIn({ DATABASE_URL: urlOf(database.address) });
    },
  },
  {
    name: 'instances that differ, of which nobody notes a snapshot',
    codes: ['bounds-differ', 'protocols-differ', 'log-not-noted'],
    examine: async () => {
      await using database = await migrated(
        `create function later() returns trigger language plpgsql as $$
          begin if new.j_ms = 5000 then new.protocol := 2; end if; return new; end $$`,
        'create trigger later before insert on instances for each row execute function later()',
      );
      await using _one = await reading(database, 4000);
      await using _two = await reading(database, 5000);
      await database.query('delete from log_notes');
      await database.query(`insert into log_notes (snapshot, shape, noted_at)
        values (pg_current_snapshot(), '', now() - interval '15 minutes')`);
      return await doctorIn({ DATABASE_URL: urlOf(database.address) });
    },
  },
  {
    name: 'an instance of before that had a larger bound',
    codes: ['bound-once-larger'],
    examine: async () => {
      await using database = await migrated();
      await using _one = await reading(database, 4000);
      await database.query('update log_bounds set j_ms = 5000');
      return await doctorIn({ DATABASE_URL: urlOf(database.address) });
    },
  },
];

const ofServers: readonly Scene[] = [
  {
    name: 'a server that is small, and does not wait for its disk',
    codes: ['commit-asynchronous', 'connections-scarce'],
    examine: async () => {
      const settings = { fsync: 'on', synchronous_commit: 'off', max_connections: '15' };
      await using cluster = await openPostgresCluster(settings);
      return await doctorIn({ DATABASE_URL: `postgres://postgres@127.0.0.1:${cluster.port}/postgres` });
    },
  },
  {
    name: 'a standby without fsync, past a pooler and else',
    codes: ['primary-is-standby', 'direct-standby', 'fsync-off'],
    examine: async () => {
      await using pair = await openPair();
      const url = urlOf(pair.standby.address);
      return await doctorIn({ DATABASE_URL: url, DATABASE_DIRECT_URL: url });
    },
  },
  {
    name: 'an old PostgreSQL behind a pooler that splits reads, whatever it is asked',
    codes: ['postgres-too-old', 'reads-from-standby'],
    examine: async () => {
      let answers = 0;
      await using database = await createTestDatabase();
      await using proxy = await openFaultProxy(database.address);
      proxy.set({
        rewrite: (answer) =>
          answer
            .replace(/1[3-9]00\d\d/, '120022')
            .replaceAll(saysOff, () => (++answers % 2 === 0 ? saysOn : saysOff)),
      });
      return await doctorIn({ DATABASE_URL: urlOf({ ...database.address, port: proxy.port }) });
    },
  },
  { name: 'a server on another continent', codes: ['database-far'], examine: () => behind(30) },
  { name: 'a server that is hardly reached', codes: ['database-too-far'], examine: () => behind(110) },
];

const ofPoolers: readonly Scene[] = [
  {
    name: 'a PgBouncer in transaction mode that nobody mentions',
    codes: ['pooler-unsaid', 'notifications-unheard'],
    examine: async () => {
      await using database = await createTestDatabase();
      await using pooler = await openPgBouncer(database.address, 'transaction');
      return await doctorIn({ DATABASE_URL: urlOf(pooler.address) });
    },
  },
  {
    name: 'a PgBouncer in transaction mode without a way past it',
    codes: ['pooler-without-direct'],
    examine: async () => {
      await using database = await createTestDatabase();
      await using pooler = await openPgBouncer(database.address, 'transaction');
      return await doctorIn({ DATABASE_URL: `${urlOf(pooler.address)}?pgbouncer=true` });
    },
  },
  {
    name: 'a way past the pooler that leads through it',
    codes: ['direct-pooled'],
    examine: async () => {
      await using database = await createTestDatabase();
      await using pooler = await openPgBouncer(database.address, 'transaction');
      const url = urlOf(pooler.address);
      return await doctorIn({ DATABASE_URL: url, DATABASE_DIRECT_URL: url });
    },
  },
  {
    name: 'a way past no pooler, to another database',
    codes: ['pooler-none', 'direct-elsewhere'],
    examine: async () => {
      await using database = await createTestDatabase();
      await using other = await createTestDatabase();
      return await doctorIn({
        DATABASE_URL: urlOf(database.address),
        DATABASE_DIRECT_URL: urlOf(other.address),
      });
    },
  },
  {
    name: 'a way past the pooler that takes no writes',
    codes: ['direct-read-only'],
    examine: async () => {
      await using database = await createTestDatabase();
      const readOnly = (role: string) => [
        `alter role ${role} superuser`,
        `alter role ${role} set default_transaction_read_only = on`,
      ];
      return await asRole(database, readOnly, (address) =>
        doctorIn({ DATABASE_URL: urlOf(database.address), DATABASE_DIRECT_URL: urlOf(address) }),
      );
    },
  },
  {
    name: 'a way past the pooler that leads to nobody',
    codes: ['direct-unreachable'],
    examine: async () => {
      await using database = await createTestDatabase();
      return await doctorIn({
        DATABASE_URL: urlOf(database.address),
        DATABASE_DIRECT_URL: 'postgres://kith:hunter2@127.0.0.1:1/kith',
      });
    },
  },
];

export const scenesOfDatabase: readonly Scene[] = [...ofStructure, ...ofLog, ...ofServers, ...ofPoolers];
