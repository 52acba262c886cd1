import process from 'node:process';
import type { PGlite } from '@electric-sql/pglite';
import { MikroORM as EmbeddedOrm } from '@mikro-orm/pglite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onEmbedded } from '../../../adapters/mikro-orm/log-connection.ts';
import { ormOptions } from '../../../adapters/mikro-orm/orm-options.ts';
import { maxVersion } from '../../../domain/user.ts';
import { createTestDatabase } from '../../support/postgres.ts';
import { Random } from '../../torture/random.ts';
import { population, Writer } from './change-log-attack.ts';
import { type Client, clientsOf, contactOf, idOf, people, Reader } from './change-log-support.ts';

const seed = Number(process.env['KITH_SEED'] ?? Date.now() % 2 ** 31);

/** The same on both databases, one writer and one reader: what is logged. */
const describeLog = (
  name: string,
  open: () => Promise<{ reader: Reader; run: Client['run']; close: () => Promise<void> }>,
): void => {
  describe(`the log of changes on ${name} (seed ${seed})`, () => {
    let opened: Awaited<ReturnType<typeof open>>;
    beforeAll(async () => {
      opened = await open();
    }, 60_000);
    afterAll(() => opened.close());
    const newsAfter = async (text: string): Promise<readonly string[] | string> => {
      await opened.run(text);
      return opened.reader.news();
    };
    const version = async (table: string, n: number): Promise<unknown> =>
      (await opened.run(`select version from ${table} where id = '${idOf(n)}'`))[0]?.['version'];

    it('has no row for a new user, whose absence is cached nowhere', async () => {
      expect(await newsAfter(people(1, 9))).toEqual([]);
    });

    it('has a row for each change, once', async () => {
      expect(await newsAfter(`update users set name = 'n' where id = '${idOf(1)}'`)).toEqual([
        `users ${idOf(1)}`,
      ]);
      expect(await opened.reader.news()).toEqual([]);
    });

    it('has the old key and the new one', async () => {
      expect(await newsAfter(contactOf(1, 101))).toEqual([`contacts ${idOf(1)}:${idOf(101)}`]);
      expect(await newsAfter(`update contacts set user_id = '${idOf(2)}' where id = '${idOf(101)}'`)).toEqual(
        [`contacts ${idOf(1)}:${idOf(101)}`, `contacts ${idOf(2)}:${idOf(101)}`],
      );
      expect(await newsAfter(`update users set id = '${idOf(10)}' where id = '${idOf(2)}'`)).toEqual(
        expect.arrayContaining([
          `users ${idOf(2)}`,
          `users ${idOf(10)}`,
          `contacts ${idOf(2)}:${idOf(101)}`,
          `contacts ${idOf(10)}:${idOf(101)}`,
        ]),
      );
      expect(await newsAfter(`delete from users where id = '${idOf(10)}'`)).toEqual(
        expect.arrayContaining([`users ${idOf(10)}`, `contacts ${idOf(10)}:${idOf(101)}`]),
      );
    });

    it('has a row for what other statements change', async () => {
      const upsert = `${people(3, 3)} on conflict (id) do update set name = 'upserted'`;
      expect(await newsAfter(upsert)).toEqual([`users ${idOf(3)}`]);
      expect(
        await newsAfter(`begin; savepoint a; update users set name = 'a' where id = '${idOf(4)}'; rollback to a;
        update users set name = 'b' where id = '${idOf(5)}'; commit`),
      ).toEqual([`users ${idOf(5)}`]);
      expect(await newsAfter(`begin; update users set name = 'c' where id = '${idOf(4)}'; rollback`)).toEqual(
        [],
      );
    });

    it('has a row from a session in the role of a replica', async () => {
      const replica = `set session_replication_role = replica; update users set name = 'r' where id = '${idOf(6)}';
        reset session_replication_role`;
      expect(await newsAfter(replica)).toEqual([`users ${idOf(6)}`]);
    });

    it('is everything after a truncate', async () => {
      // Its files are new as well, which asks for more.
      expect(await newsAfter('truncate contacts')).toBe('tables-changed');
      expect(opened.reader.brought.at(-1)).toMatchObject({ source: 'contacts', key: null });
      expect(await opened.reader.news()).toEqual([]);
    });

    it('is everything after a table was written anew', async () => {
      await newsAfter(`update users set name = 'upper' where id = '${idOf(7)}'`);
      expect(await newsAfter(`alter table users alter column name type text using upper(name)`)).toBe(
        'tables-changed',
      );
      expect(await opened.reader.news()).toEqual([]);
    });

    it('is everything after triggers were off, though nothing was changed and they are on again', async () => {
      expect(
        await newsAfter(`alter table users disable trigger kith_log; update users set name = 'unseen';
        alter table users enable always trigger kith_log`),
      ).toBe('tables-changed');
      expect(await opened.reader.news()).toEqual([]);
    });

    it('is not diverted by a temporary table', async () => {
      expect(
        await newsAfter(`create temporary table change_log (like public.change_log including all);
        update users set name = 'diverted' where id = '${idOf(8)}'; drop table pg_temp.change_log`),
      ).toEqual([`users ${idOf(8)}`]);
    });

    it('brings what each transaction changed, and nothing of what was rolled back to a savepoint or as a whole', async () => {
      await opened.run(`${people(1, population)} on conflict do nothing`);
      const client = {
        run: opened.run,
        rows: async (text: string, values: readonly unknown[] = []) => {
          const [name, id] = values;
          return opened.run(text.replace('$1', `'${name}'`).replace('$2', `'${id}'`));
        },
      };
      let committed: readonly string[] = [];
      const plan = { random: new Random(seed), twoPhase: false };
      const writer = new Writer(client, plan, 0, (_, rows) => {
        committed = rows;
      });
      await opened.reader.news();
      for (let turn = 0; turn < 100; turn++) {
        committed = [];
        await writer.transact();
        const before = opened.reader.brought.length;
        await opened.reader.check();
        const brought = opened.reader.brought
          .slice(before)
          .map(({ xid, source, key }) => `${xid} ${source} ${key}`);
        expect(brought.toSorted()).toEqual(committed.toSorted());
      }
    }, 60_000);

    describe('counts the version', () => {
      it.each([
        ['up where a visible column changed', `name = 'seen'`, 1],
        ['up where tokens were revoked', 'token_version = token_version + 1', 1],
        ['not where only the hash of the password did', `password_hash = 'rehashed'`, 0],
        ['not where nothing did', 'name = name', 0],
        ['up by one where the statement counted itself', `name = 'counted', version = version + 1`, 1],
        ['as the statement says where it jumps', `name = 'jumped', version = version + 5`, 5],
        ['as the statement says where it goes back', `name = 'back', version = version - 5`, -5],
      ])('%s', async (_, assignment, difference) => {
        const before = Number(await version('users', 9));
        await opened.run(`update users set ${assignment} where id = '${idOf(9)}'`);
        expect(Number(await version('users', 9)) - before).toBe(difference);
        // Freshness never rests on versions: each of them is in the log.
        expect(await opened.reader.news()).toEqual([`users ${idOf(9)}`]);
      });

      it.each([
        ['users', 8, 'bio'],
        ['contacts', 103, 'notes'],
      ])('from the last that a column of %s holds to the first', async (table, n, column) => {
        if (table === 'contacts') await opened.run(contactOf(9, n));
        await opened.run(`update ${table} set version = ${maxVersion - 1} where id = '${idOf(n)}'`);
        const seen = [];
        for (const text of ['one', 'another']) {
          await opened.run(`update ${table} set ${column} = '${text}' where id = '${idOf(n)}'`);
          seen.push(await version(table, n));
        }
        expect(seen).toEqual([maxVersion, 1]);
        await opened.reader.news();
      });

      it('of a contact too, and for a session in the role of a replica', async () => {
        await opened.run(contactOf(9, 102));
        await opened.run(`set session_replication_role = replica; update contacts set notes = 'n' where id = '${idOf(102)}';
          reset session_replication_role`);
        expect(await version('contacts', 102)).toBe(2);
        await opened.run(`update contacts set notes = 'n' where id = '${idOf(102)}'`);
        expect(await version('contacts', 102)).toBe(2);
        await opened.reader.news();
      });
    });
  });
};

describeLog('PostgreSQL', async () => {
  const server = await createTestDatabase();
  const clients = await clientsOf(server.address);
  const [forReader, writer] = [await clients.connect(), await clients.connect()];
  return {
    reader: await new Reader(forReader).start(),
    run: writer.run,
    close: async () => {
      await clients[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
});

describeLog('PGlite', async () => {
  const orm = new EmbeddedOrm({ ...ormOptions, dbName: 'memory://' });
  await orm.migrator.up();
  const database: PGlite = await orm.driver.getConnection().getNativeClient();
  return {
    reader: await new Reader(onEmbedded(database)).start(),
    run: async (text) => {
      const results = await database.exec(text);
      return (results.at(-1)?.rows ?? []).map((row) => ({ ...Object(row) }));
    },
    close: () => orm.close(true),
  };
});
