import { MikroORM as EmbeddedOrm } from '@mikro-orm/pglite';
import { MikroORM } from '@mikro-orm/postgresql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examinePostgres } from '../../../adapters/mikro-orm/examine.ts';
import { ormOptions } from '../../../adapters/mikro-orm/orm-options.ts';
import { openPostgres } from '../../../adapters/mikro-orm/postgres.ts';
import type { Database } from '../../../domain/ports/persistence.ts';
import { fresh, store, storeContacts } from '../../contracts/persistence-support.ts';
import { contact, contactId } from '../../support/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { openNews, recordingLog, silentLog, untilReady } from './support.ts';

describe('the schema', () => {
  let server: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    server = await createTestDatabase();
    database = await openPostgres({ address: server.address }, silentLog);
    await untilReady(database);
  }, 120_000);
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it('is made once when three instances start at once on an empty database', async () => {
    const empty = await createTestDatabase();
    const logs = [recordingLog(), recordingLog(), recordingLog()];
    const started = await Promise.all(logs.map((log) => openPostgres({ address: empty.address }, log)));
    for (const each of started) await untilReady(each);
    for (const { lines } of logs) expect(lines).toEqual(['database-ready {"kind":"postgresql"}']);
    expect(await empty.query('select name from kith_migrations')).toEqual([
      { name: '0001-initial' },
      { name: '0002-login-attempts' },
      { name: '0003-change-log' },
      { name: '0004-contact-names' },
      { name: '0005-idempotency-keys' },
      { name: '0006-rules' },
      { name: '0007-contact-lists' },
      { name: '0008-contact-lists-filled' },
      { name: '0009-last-versions' },
    ]);
    for (const each of started) await each[Symbol.asyncDispose]();
    await empty[Symbol.asyncDispose]();
  }, 120_000);

  it('is what the entities say, on PostgreSQL', async () => {
    const { host, port, user, database: dbName } = server.address;
    const orm = new MikroORM({ ...ormOptions, host, port, user, dbName, password: '' });
    try {
      expect(await orm.schema.getUpdateSchemaSQL()).toBe('');
      // And the comparison can fail.
      await server.query('alter table users add column stray int');
      expect(await orm.schema.getUpdateSchemaSQL()).toContain('stray');
    } finally {
      await server.query('alter table users drop column if exists stray');
      await orm.close(true);
    }
  });

  it('is what the entities say, on PGlite', async () => {
    const orm = new EmbeddedOrm({ ...ormOptions, dbName: 'memory://' });
    await orm.migrator.up();
    expect(await orm.schema.getUpdateSchemaSQL()).toBe('');
    expect(await orm.migrator.up()).toEqual([]);
    await orm.close(true);
  }, 120_000);

  it('has the triggers that the doctor looks for, all of them and no other', async () => {
    const known = (await examinePostgres(server.address)).triggers;
    expect(known.filter(({ state }) => state !== 'always')).toEqual([]);
    const unknown = async (): Promise<readonly string[]> => {
      const rows = await server.query(
        'select tgname as name, tgrelid::regclass::text as place from pg_trigger where not tgisinternal',
      );
      const isKnown = (row: (typeof rows)[number]): boolean =>
        known.some(({ name, table }) => name === row['name'] && table === row['place']);
      return rows.filter((row) => !isKnown(row)).map(({ name }) => String(name));
    };
    expect(await unknown()).toEqual([]);
    // And the comparison can fail.
    await server.query(
      'create trigger stray after delete on users for each statement execute function kith_log_truncate()',
    );
    expect(await unknown()).toEqual(['stray']);
    await server.query('drop trigger stray on users');
  });

  it('uses an index for each key of a user and for the order of a list', async () => {
    // A table of three rows is scanned otherwise.
    for (const way of ['seqscan', 'bitmapscan', 'sort']) await server.query(`set enable_${way} = off`);
    const plan = async (text: string): Promise<string> =>
      JSON.stringify(await server.query(`explain (format json) ${text}`));
    for (const key of ['email', 'username', 'phone']) {
      expect(await plan(`select * from users where ${key} = 'x'`)).toContain(`users_${key}_unique`);
    }
    const list = await plan(
      `select * from contacts where user_id = '01900000-0000-7000-8000-000000000000'
       order by created_at desc, id desc limit 20`,
    );
    expect(list).toContain('contacts_list_index');
    expect(list).toContain('Backward');
    expect(list).not.toContain('"Sort"');
    await server.query('reset all');
  });

  it('refuses rows that the domain could not read', async () => {
    const { user } = fresh();
    await store(database, { ...fresh(), user });
    for (const assignment of [
      "role = 'root'",
      "email = 'UPPER@example.com'",
      "username = 'Upper'",
      'version = 0',
      'token_version = 0',
    ]) {
      await expect(server.query(`update users set ${assignment} where id = '${user.id}'`)).rejects.toThrow();
    }
  });

  it('lets the idempotency keys of a user go with the user, whatever becomes of the contacts', async () => {
    const { user, passwordHash } = fresh();
    await store(database, { user, passwordHash });
    await database.transactions.run(async ({ users, idempotencyKeys }) => {
      await users.lock(user.id);
      const hashes = { keyHash: 'of a key', draftHash: 'of a draft' };
      await idempotencyKeys.keep({
        ownerId: user.id,
        ...hashes,
        contactId: contactId(1),
        createdAtMs: user.createdAtMs,
      });
    });
    const kept = () => server.query(`select key_hash from idempotency_keys where user_id = '${user.id}'`);
    expect(await kept()).toEqual([{ key_hash: 'of a key' }]);
    await server.query(`delete from users where id = '${user.id}'`);
    expect(await kept()).toEqual([]);
  });

  describe('and raw SQL', () => {
    let drained: () => Promise<readonly string[]>;
    beforeAll(async () => {
      drained = await openNews(database);
    });
    const withContacts = async () => {
      const { user, passwordHash } = fresh();
      await store(database, { user, passwordHash });
      const contacts = [
        contact(user.createdAtMs % 1e9, user.id),
        contact((user.createdAtMs % 1e9) + 1e9, user.id),
      ];
      await storeContacts(database, user.id, contacts);
      await drained();
      return { user, contacts };
    };
    it('logs an update of a user', async () => {
      const { user } = await withContacts();
      await server.query(`update users set name = 'psql' where id = '${user.id}'`);
      expect(await drained()).toEqual([`users ${user.id}`]);
    });

    it('logs the contacts of a user that is deleted, by the cascade', async () => {
      const { user, contacts } = await withContacts();
      await server.query(`delete from users where id = '${user.id}'`);
      const expected = [`users ${user.id}`, ...contacts.map(({ id }) => `contacts ${user.id}:${id}`)];
      const logged = await drained();
      expect(logged).toHaveLength(3);
      expect(logged).toEqual(expect.arrayContaining(expected));
    });

    it('logs both lists when a contact moves to another owner', async () => {
      const [from, to] = [await withContacts(), await withContacts()];
      const [moved] = from.contacts;
      await server.query(`update contacts set user_id = '${to.user.id}' where id = '${moved?.id}'`);
      expect(await drained()).toEqual([from, to].map(({ user }) => `contacts ${user.id}:${moved?.id}`));
    });

    it('logs one row for a contact that changes in place', async () => {
      const { user, contacts } = await withContacts();
      await server.query(`update contacts set notes = 'psql' where id = '${contacts[0]?.id}'`);
      expect(await drained()).toEqual([`contacts ${user.id}:${contacts[0]?.id}`]);
    });

    it('logs a truncate as everything', async () => {
      await withContacts();
      await server.query('truncate contacts');
      expect(await drained()).toEqual(['contacts null']);
      await server.query('truncate users cascade');
      expect((await drained()).toSorted()).toEqual(['contacts null', 'users null']);
    });

    it('logs for a role that may not touch the log, and with another search path', async () => {
      const { user } = await withContacts();
      const role = `kith_test_role_${user.id.slice(-12)}`;
      await server.query(`create role ${role}`);
      try {
        await server.query(`grant select, update on users to ${role}`);
        await server.query(
          `do $$ begin
            set local role ${role};
            set local search_path to pg_catalog;
            update public.users set name = 'service' where id = '${user.id}';
          end $$`,
        );
        expect(await drained()).toEqual([`users ${user.id}`]);
      } finally {
        await server.query(`drop owned by ${role}`);
        await server.query(`drop role ${role}`);
      }
    });
  });
});
