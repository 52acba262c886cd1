import { PGlite } from '@electric-sql/pglite';
import { MikroORM as EmbeddedOrm } from '@mikro-orm/pglite';
import { type RawBuilder, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { contactLists } from '../../../adapters/mikro-orm/contact-lists.ts';
import { pageStatement, searchStatement } from '../../../adapters/mikro-orm/contacts.ts';
import { migratePostgres } from '../../../adapters/mikro-orm/migrate.ts';
import { ormOptions } from '../../../adapters/mikro-orm/orm-options.ts';
import { openPostgres } from '../../../adapters/mikro-orm/postgres.ts';
import { connect, databaseDeadlines } from '../../../adapters/mikro-orm/postgres-pool.ts';
import { runMigrations } from '../../../adapters/mikro-orm/run-migrations.ts';
import type { ContactPage } from '../../../domain/contact.ts';
import { foldText } from '../../../domain/folding.ts';
import type { UserId } from '../../../domain/identifiers.ts';
import type { Database } from '../../../domain/ports/persistence.ts';
import { fresh, freshNumber, store, storeContacts } from '../../contracts/persistence-support.ts';
import { contact, contactSearch, userId } from '../../support/fixtures.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';
import { openNews, silentLog, untilReady } from './support.ts';

/** Users and contacts of theirs, as raw SQL makes them; ids as those of the fixtures. */
const peopleInSql = (first: number, last: number): string => `insert into users
  select format('01900000-0000-7000-8001-%s', lpad(to_hex(n), 12, '0'))::uuid, 'sql' || n || '@example.com', 'sql' || n,
    null, null, null, null, null, null, '{}', null, 'user', true, true, 'x', now(), now(), 1, 1
  from generate_series(${first}, ${last}) n`;

const contactsInSql = (owner: UserId, count: number, firstName = "'First ' || n"): string =>
  `insert into contacts (id, user_id, first_name, last_name, email, created_at, updated_at, version)
    select gen_random_uuid(), '${owner}', ${firstName}, 'Last', 'n' || n || '@example.org',
      timestamptz '2026-01-01' + n * interval '1 second', now(), 1
    from generate_series(1, ${count}) n`;

/** Buffers that the plan of a statement touches, however they got there. */
const buffersOf = async (
  orm: ReturnType<typeof connect>,
  statement: RawBuilder<unknown>,
): Promise<number> => {
  const explained = sql`explain (analyze, buffers, format json) ${statement}`;
  const [row] = (await explained.execute(orm.em.getKysely<unknown>())).rows;
  const text = JSON.stringify(row);
  const [, hit] = /"Shared Hit Blocks":(\d+)/.exec(text) ?? [];
  const [, read] = /"Shared Read Blocks":(\d+)/.exec(text) ?? [];
  return Number(hit) + Number(read);
};

describe('lists of contacts in SQL', () => {
  let server: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    server = await createTestDatabase();
    database = await openPostgres({ address: server.address }, silentLog);
    await untilReady(database);
  }, 30_000);
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const ownerInSql = async (): Promise<UserId> => {
    const n = freshNumber();
    await server.query(peopleInSql(n, n));
    return userId(n);
  };
  const totalOf = async (owner: UserId): Promise<number> =>
    (await database.contacts.page(owner, { skip: 0, limit: 1 })).total;
  const search = async (owner: UserId, text: string): Promise<ContactPage> =>
    database.contacts.search(owner, contactSearch(text), { skip: 0, limit: 100 });
  const rowsOf = async (table: string, owner: UserId): Promise<number> =>
    Number((await server.query(`select count(*) as n from ${table} where user_id = '${owner}'`))[0]?.['n']);
  /** What the contacts themselves say. */
  const counted = (owner: UserId): Promise<number> => rowsOf('contacts', owner);

  describe('a folded text in the database', () => {
    const codes = (chunk: number): readonly number[] =>
      Array.from({ length: 256 }, (_, n) => chunk * 256 + n).filter(
        (code) => code !== 0 && (code < 0xd800 || code > 0xdfff),
      );
    const foldEvery = (
      where: string,
    ): string => `select code / 256 as chunk, kith_fold(string_agg(chr(code), '/' order by code)) as folded
      from generate_series(1, 1114111) code where code not between 55296 and 57343 and (${where})
      group by 1 order by 1`;
    const isTheDomains = (rows: readonly { readonly [name: string]: unknown }[], chunks: number): void => {
      expect(rows).toHaveLength(chunks);
      for (const { chunk, folded } of rows) {
        const text = codes(Number(chunk)).map((code) => String.fromCodePoint(code));
        expect(folded).toBe(foldText(text.join('/')));
      }
    };

    it('is that of the domain, for every code point', async () => {
      isTheDomains(await server.query(foldEvery('true')), (0x110000 - 0x800) / 256);
    }, 120_000);

    it('is so in a database of the locale C, where the locale folds nothing but ASCII', async () => {
      const name = `${server.address.database}_c`;
      await server.query(`create database ${name} template template0 locale 'C' encoding 'UTF8'`);
      const address = { ...server.address, database: name };
      try {
        await using inC = await openPostgres({ address }, silentLog);
        await untilReady(inC);
        const { user, passwordHash } = fresh();
        await store(inC, { user, passwordHash });
        await storeContacts(inC, user.id, [contact(freshNumber(), user.id, { firstName: 'ÉMILIE ЩЁ' })]);
        const page = { skip: 0, limit: 10 };
        expect((await inC.contacts.search(user.id, contactSearch('ще emilie'), page)).total).toBe(1);
      } finally {
        await server.query(`drop database ${name} with (force)`);
      }
    }, 60_000);

    it('is so on PGlite', async () => {
      const pglite = await PGlite.create();
      // The functions come before the tables.
      for (const statement of contactLists.slice(0, 2)) await pglite.exec(statement);
      // It is slow: what is folded at all, and a part of what is not.
      const { rows } = await pglite.query<Record<string, unknown>>(
        foldEvery('code < 131072 or code between 917504 and 921599'),
      );
      isTheDomains(rows, (0x20000 - 0x800 + 0x1000) / 256);
      await pglite.close();
    }, 120_000);

    it('is never NULL where there is a text, and NULL where there is none', async () => {
      const [row] = await server.query(`select kith_fold(chr(769)) as nothing, kith_fold('') as empty,
        kith_fold(null) is null as none, kith_searched_text('A', null, null, null, null) as alone`);
      expect(row).toEqual({ nothing: '', empty: '', none: true, alone: 'a\n' });
    });
  });

  describe('the kept count', () => {
    it('is right for raw SQL: insert, delete, a cascade, a move to another owner', async () => {
      const [owner, other] = [await ownerInSql(), await ownerInSql()];
      await server.query(contactsInSql(owner, 7));
      expect(await totalOf(owner)).toBe(7);
      await server.query(
        `delete from contacts where user_id = '${owner}' and first_name in ('First 1', 'First 2')`,
      );
      expect(await totalOf(owner)).toBe(5);
      await server.query(
        `update contacts set user_id = '${other}' where user_id = '${owner}' and first_name > 'First 5'`,
      );
      expect([await totalOf(owner), await totalOf(other)]).toEqual([3, 2]);
      expect((await search(other, 'first')).total).toBe(2);
      await server.query(`delete from users where id = '${owner}'`);
      expect(await totalOf(owner)).toBe(0);
      // Nothing of somebody who is gone is left, not even a number.
      for (const table of ['contact_counts', 'contact_search']) expect(await rowsOf(table, owner)).toBe(0);
    });

    it('is right after writers at once, none of whom waits for another', async () => {
      const owner = await ownerInSql();
      const orm = connect(server.address, false, { ...databaseDeadlines, poolConnections: 4 });
      try {
        // Each has its own transaction, and all are open together: a writer that waited would never end.
        const arrived = [1, 2, 3, 4].map(() => Promise.withResolvers<void>());
        await Promise.all(
          arrived.map((mine) =>
            orm.em.transactional(async (em) => {
              for (let n = 0; n < 12; n++)
                await sql.raw(contactsInSql(owner, 1)).execute(em.getKysely<unknown>());
              mine.resolve();
              await Promise.all(arrived.map(({ promise }) => promise));
            }),
          ),
        );
      } finally {
        await orm.close(true);
      }
      expect(await totalOf(owner)).toBe(48);
      // The next one puts together what they left.
      await server.query(`delete from contacts where user_id = '${owner}' and id in
        (select id from contacts where user_id = '${owner}' limit 1)`);
      expect(await totalOf(owner)).toBe(await counted(owner));
      expect(await rowsOf('contact_counts', owner)).toBe(1);
    }, 30_000);

    it('goes back with its transaction', async () => {
      const owner = await ownerInSql();
      await expect(
        server.query(`do $$ begin ${contactsInSql(owner, 20)}; raise exception 'no'; end $$`),
      ).rejects.toThrow();
      expect([await totalOf(owner), await rowsOf('contact_search', owner)]).toEqual([0, 0]);
    });

    it('is a few rows, however many writes there were', async () => {
      const owner = await ownerInSql();
      const one = contactsInSql(owner, 1);
      let most = 0;
      for (let n = 0; n < 40; n++) {
        await server.query(`do $$ begin for time in 1..10 loop ${one}; end loop; end $$`);
        most = Math.max(most, await rowsOf('contact_counts', owner));
      }
      // One insert in four looks: that 90 in a row do not happens once in 200,000,000,000 times.
      expect(most).toBeLessThan(100);
      expect(await totalOf(owner)).toBe(400);
    });

    it('is right where the writers keep one snapshot, and fails none of them', async () => {
      const owner = await ownerInSql();
      await server.query(contactsInSql(owner, 1));
      await server.query(`begin isolation level serializable; ${contactsInSql(owner, 3)}; commit`);
      expect(await totalOf(owner)).toBe(4);
    });

    it('is right for changes that come by replication, whose triggers of statements do not fire', async () => {
      const owner = await ownerInSql();
      const asReplica = (text: string) =>
        server.query(`do $$ begin set local session_replication_role = replica; ${text}; end $$`);
      await asReplica(contactsInSql(owner, 4));
      expect([await totalOf(owner), (await search(owner, 'first')).total]).toEqual([4, 4]);
      await asReplica(`delete from contacts where user_id = '${owner}' and first_name = 'First 1'`);
      expect([await totalOf(owner), (await search(owner, 'first')).total]).toEqual([3, 3]);
    });

    it('is right after the triggers were switched off and on, as by a restore', async () => {
      const owner = await ownerInSql();
      await server.query('alter table contacts disable trigger all');
      await server.query('alter table contacts enable trigger all');
      await server.query(contactsInSql(owner, 3));
      expect(await totalOf(owner)).toBe(3);
      for (const name of [
        'log',
        'log_truncate',
        'version',
        'derive',
        'count_insert',
        'count_delete',
        'derive_truncate',
      ])
        await server.query(`alter table contacts enable always trigger kith_${name}`);
    });

    it('can be wrong: without its triggers it is', async () => {
      const owner = await ownerInSql();
      await server.query(`begin; alter table contacts disable trigger kith_count_insert; ${contactsInSql(owner, 2)};
        alter table contacts enable always trigger kith_count_insert; commit`);
      expect(await totalOf(owner)).not.toBe(await counted(owner));
      await server.query(`delete from contacts where user_id = '${owner}'`);
      await server.query(`delete from contact_counts where user_id = '${owner}'`);
    });
  });

  describe('what is kept for searches', () => {
    it('follows raw SQL that knows nothing of it, as that of a version before', async () => {
      const owner = await ownerInSql();
      await server.query(contactsInSql(owner, 2, "'Zoë ' || n"));
      expect((await search(owner, 'zoe')).total).toBe(2);
      await server.query(
        `update contacts set last_name = 'ÖZIL' where user_id = '${owner}' and first_name = 'Zoë 1'`,
      );
      expect((await search(owner, 'ozil zoe')).items.map(({ firstName }) => firstName)).toEqual(['Zoë 1']);
      expect((await search(owner, 'last')).total).toBe(1);
      // Its place in the list is kept, too.
      await server.query(
        `update contacts set created_at = '2030-01-01' where user_id = '${owner}' and first_name = 'Zoë 1'`,
      );
      expect((await search(owner, 'zoe')).items.map(({ firstName }) => firstName)).toEqual([
        'Zoë 1',
        'Zoë 2',
      ]);
      expect(await rowsOf('contact_search', owner)).toBe(2);
    });

    it('finds a text that is too long to be kept, or is none', async () => {
      const owner = await ownerInSql();
      await server.query('alter table contacts drop constraint if exists contacts_first_name_check');
      const long = `repeat('Длинное имя ', 400) || 'Ende'`;
      await server.query(contactsInSql(owner, 1, long));
      expect(await server.query(`select folded from contact_search where user_id = '${owner}'`)).toEqual([
        { folded: null },
      ]);
      expect((await search(owner, 'ENDE длинное')).total).toBe(1);
      expect((await search(owner, 'nobody')).total).toBe(0);
    });

    it('is no change of a record: nothing but the contact is in the log', async () => {
      const owner = await ownerInSql();
      const news = await openNews(database);
      await server.query(contactsInSql(owner, 1));
      expect(await news()).toHaveLength(1);
      await server.query(`delete from contact_search where user_id = '${owner}'`);
      for (const fill of ['counts', 'search'])
        await server.query(`select kith_fill_${fill}('${owner}'::uuid, 1000)`);
      expect(await news()).toEqual([]);
      const [row] = await server.query(`select version from contacts where user_id = '${owner}'`);
      expect(row).toEqual({ version: 1 });
    });

    it('is emptied with the contacts', async () => {
      const owner = await ownerInSql();
      await server.query(contactsInSql(owner, 3));
      await server.query('truncate contacts');
      expect([await totalOf(owner), (await search(owner, 'first')).total]).toEqual([0, 0]);
    });
  });

  it('by position shows rows of others each once, with times that no calendar has', async () => {
    const owner = await ownerInSql();
    await server.query('alter table contacts drop constraint if exists contacts_created_at_check');
    const times = [
      'infinity',
      'infinity',
      '20000-01-01',
      '2026-01-01 00:00:00.001',
      '0044-01-01 BC',
      '-infinity',
      '-infinity',
    ];
    for (const time of times)
      await server.query(`insert into contacts (id, user_id, first_name, created_at, updated_at, version)
        values (gen_random_uuid(), '${owner}', 'A', '${time}', now(), 1)`);
    const shown: string[] = [];
    let page = await database.contacts.page(owner, { skip: 0, limit: 1 });
    while (shown.push(...page.items.map(({ id }) => id)) < 20 && page.next !== null)
      page = await database.contacts.page(owner, { after: page.next, limit: 1 });
    expect(shown).toHaveLength(times.length);
    expect(new Set(shown).size).toBe(times.length);
  });

  describe('the cost of a page', () => {
    it('is the same for 20 and for 5,000 contacts, at any depth, by the buffers that it touches', async () => {
      const [few, many] = [await ownerInSql(), await ownerInSql()];
      await server.query(contactsInSql(many, 5000));
      await server.query(contactsInSql(few, 20));
      // Of others, so that the tables are not all of one owner.
      const others = await ownerInSql();
      await server.query(contactsInSql(others, 5000));
      for (const table of ['contacts', 'contact_counts', 'contact_search'])
        await server.query(`vacuum (analyze) ${table}`);
      const orm = connect(server.address, false, databaseDeadlines);
      try {
        const page = { skip: 0, limit: 20 };
        const anchor = await buffersOf(orm, pageStatement(few, page));
        expect(anchor).toBeGreaterThan(3);
        const costs = [await buffersOf(orm, pageStatement(many, page))];
        for (const depth of [20, 1000, 2500, 4980]) {
          const { next } = await database.contacts.page(many, { skip: depth - 1, limit: 1 });
          costs.push(await buffersOf(orm, pageStatement(many, { after: next, limit: 20 })));
        }
        for (const cost of costs) expect(cost).toBeLessThanOrEqual(anchor * 1.3);
        // And it can fail: to skip is to read.
        expect(await buffersOf(orm, pageStatement(many, { skip: 4980, limit: 20 }))).toBeGreaterThan(
          anchor * 1.3,
        );
        // A search reads one part of one index, and the contacts of the page.
        const searching = searchStatement(many, contactSearch('first last'), page);
        const explained = await sql`explain (format json) ${searching}`.execute(orm.em.getKysely<unknown>());
        const plan = JSON.stringify(explained.rows);
        expect(plan).toContain('"Index Only Scan"');
        expect(plan).toContain('"Index Name":"contact_search_pkey"');
        const [size] =
          await server.query(`select count(*) as n, sum(pg_column_size(contact_search.*)) / 8192 as pages
          from contact_search where user_id = '${many}'`);
        expect(await buffersOf(orm, searching)).toBeLessThan(anchor + 3 * Number(size?.['pages']));
      } finally {
        await orm.close(true);
      }
    }, 60_000);
  });
});

describe('the migration of a database with contacts', () => {
  it('counts and folds what was there, while others write', async () => {
    await using old = await createTestDatabase();
    const orm = connect(old.address, false, databaseDeadlines);
    try {
      await orm.migrator.up({ to: '0003-change-log' });
      await old.query(peopleInSql(1, 300));
      for (let n = 1; n <= 300; n += 7) await old.query(contactsInSql(userId(n), n % 40, "'Émile ' || n"));
      await orm.migrator.up({ to: '0007-contact-lists' });
      // Whoever writes now knows nothing of what is filled in.
      const check = async (): Promise<void> => {
        const wrong = await old.query(`select coalesce(c.user_id, k.user_id) as owner, c.n, k.n as kept from
          (select user_id, count(*) as n from contacts group by 1) c full join
          (select user_id, sum(total) as n from contact_counts group by 1 having sum(total) <> 0) k using (user_id)
          where c.n is distinct from k.n`);
        expect(wrong).toEqual([]);
        const unlike = await old.query(`select c.id from contacts c full join contact_search s
            on s.contact_id = c.id and s.user_id = c.user_id and s.created_at = c.created_at
          where s.folded is distinct from kith_searched_text(c.first_name, c.last_name, c.organization, c.email, c.phone)`);
        expect(unlike).toEqual([]);
      };
      let isOver = false;
      const writing = (async () => {
        for (let n = 0; !isOver; n++) {
          const [one, another] = [userId((n % 300) + 1), userId(((n * 7) % 300) + 1)];
          await old.query(contactsInSql(one, 2, "'Ünal ' || n"));
          await old.query(
            `delete from contacts where id in (select id from contacts where user_id = '${another}' limit 1)`,
          );
          await old.query(`update contacts set last_name = 'Ärger' where id in
            (select id from contacts where user_id = '${another}' order by id desc limit 1)`);
        }
      })();
      expect(await runMigrations(orm)).toContain('0008-contact-lists-filled');
      isOver = true;
      await writing;
      await check();
      // What is run again finds nothing to do, and what was lost is put right.
      await old.query("delete from kith_migrations where name = '0008-contact-lists-filled'");
      await old.query(`delete from contact_counts where user_id = '${userId(8)}'`);
      await old.query("update contact_search set folded = 'nonsense' where folded like 'e%'");
      await expect(check()).rejects.toThrow();
      expect(await runMigrations(orm)).toEqual(['0008-contact-lists-filled']);
      await check();
    } finally {
      await orm.close(true);
    }
  }, 60_000);

  it('waits for no writer, holds nobody up meanwhile, and misses nothing', async () => {
    await using old = await createTestDatabase();
    const orm = connect(old.address, false, { ...databaseDeadlines, poolConnections: 4 });
    const end = Promise.withResolvers<void>();
    try {
      await orm.migrator.up({ to: '0003-change-log' });
      await old.query(peopleInSql(1, 1));
      await old.query(contactsInSql(userId(1), 20));
      await orm.migrator.up({ to: '0007-contact-lists' });
      const begun = Promise.withResolvers<void>();
      const holding = orm.em.transactional(async (em) => {
        const [first, last] = ['min', 'max'].map((end) => `(select ${end}(id::text)::uuid from contacts)`);
        await sql.raw(`delete from contacts where id = ${first}`).execute(em.getKysely<unknown>());
        await sql
          .raw(`update contacts set created_at = '2030-01-01' where id = ${last}`)
          .execute(em.getKysely<unknown>());
        begun.resolve();
        await end.promise;
      });
      await begun.promise;
      // As the command does it, which holds the lock of the migrations in a transaction.
      const running = migratePostgres(old.address);
      // It has been there, and goes by what is held.
      await vi.waitFor(async () => {
        expect(await old.query('select count(*)::int as n from contact_search')).toEqual([{ n: 18 }]);
      }, 20_000);
      await old.query("set lock_timeout = '10s'");
      // Those that nobody holds; which they are is different each time.
      await old.query(`update contacts set first_name = 'Free' where id::text not in
        ((select min(id::text) from contacts), (select max(id::text) from contacts))`);
      end.resolve();
      await holding;
      expect((await running).applied).toContain('0008-contact-lists-filled');
      const unlike = await old.query(`select c.id from contacts c full join contact_search s
          on s.contact_id = c.id and s.created_at = c.created_at
        where s.folded is distinct from kith_searched_text(c.first_name, c.last_name, c.organization, c.email, c.phone)`);
      expect(unlike).toEqual([]);
      expect(await old.query('select sum(total)::int as n from contact_counts')).toEqual([{ n: 19 }]);
    } finally {
      end.resolve();
      await orm.close(true);
    }
  }, 60_000);

  it('lets readers pass while it waits for a transaction that has read', async () => {
    await using old = await createTestDatabase();
    const orm = connect(old.address, false, {
      ...databaseDeadlines,
      lockTimeoutMs: 10_000,
      statementTimeoutMs: 20_000,
      queryTimeoutMs: 21_000,
    });
    const [begun, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const read = sql`select count(*) from contacts`;
    try {
      await orm.migrator.up({ to: '0003-change-log' });
      const holding = orm.em.transactional(async (em) => {
        await read.execute(em.getKysely<unknown>());
        begun.resolve();
        await end.promise;
      });
      await begun.promise;
      const running = migratePostgres(old.address);
      for (let times = 0; times < 2; times++) {
        await vi.waitFor(async () => {
          const waits = await old.query(`select from pg_locks
            where relation = 'contacts'::regclass and mode = 'AccessExclusiveLock' and not granted`);
          expect(waits).toHaveLength(1);
        }, 20_000);
        // It would be an error after ten seconds.
        await read.execute(orm.em.fork().getKysely<unknown>());
      }
      end.resolve();
      await holding;
      expect((await running).applied).toContain('0004-contact-names');
    } finally {
      end.resolve();
      await orm.close(true);
    }
  }, 60_000);

  it('is begun anew where it was broken off', async () => {
    const orm = new EmbeddedOrm({ ...ormOptions, dbName: 'memory://' });
    try {
      await orm.migrator.up({ to: '0007-contact-lists' });
      expect(await runMigrations(orm)).toContain('0008-contact-lists-filled');
      expect(await runMigrations(orm)).toEqual([]);
    } finally {
      await orm.close(true);
    }
  }, 60_000);
});
