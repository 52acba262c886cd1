import { describe, expect, it } from 'vitest';
import type { Database } from '../../domain/ports/persistence.ts';
import { contact } from '../support/fixtures.ts';
import { change, eventually, fresh, freshNumber, gate, pause, store } from './persistence-support.ts';

export const transactionsContract = (database: () => Database): void => {
  const find = (id: Parameters<Database['contacts']['find']>[0]) =>
    database().users.find({ kind: 'id', value: id });

  describe('transactions', () => {
    it('answers what the work answered', async () => {
      expect(await database().transactions.run(async () => 'value')).toBe('value');
    });

    it('throws what the work threw, and leaves nothing', async () => {
      const stored = fresh();
      const added = fresh();
      await store(database(), stored);
      const id = stored.user.id;
      const reason = new Error('changed my mind');
      const run = database().transactions.run(async (transaction) => {
        const locked = await transaction.users.lock(id);
        await transaction.users.insert(added);
        await transaction.users.update({ ...stored, ...locked, user: { ...stored.user, name: 'never' } });
        await transaction.contacts.insert(contact(freshNumber(), id));
        throw reason;
      });
      await expect(run).rejects.toBe(reason);
      expect(await find(added.user.id)).toBeUndefined();
      expect(await find(id)).toEqual(stored.user);
      expect((await database().contacts.page(id, { skip: 0, limit: 1 })).total).toBe(0);
      await store(database(), added);
    });

    it('sees its own writes', async () => {
      const { user, passwordHash } = fresh();
      await database().transactions.run(async ({ users }) => {
        await users.insert({ user, passwordHash });
        expect((await users.lock(user.id))?.user).toEqual(user);
        await users.update({ user: { ...user, name: 'twice', version: 2 }, passwordHash });
        expect((await users.lock(user.id))?.user.name).toBe('twice');
      });
      expect((await find(user.id))?.version).toBe(2);
    });

    it('shows a write to others only once it is committed', async () => {
      const stored = fresh();
      await store(database(), stored);
      const [written, looked] = [gate(), gate()];
      const writing = change(database(), stored.user.id, { name: 'new' }, async () => undefined);
      await writing;
      const second = database().transactions.run(async ({ users }) => {
        const locked = await users.lock(stored.user.id);
        if (locked === undefined) throw new Error('no such user');
        await users.update({ ...locked, user: { ...locked.user, name: 'newer', version: 3 } });
        written.open();
        // A database that answers one thing at a time may keep the reader waiting instead; 50 ms tell which it is.
        await Promise.race([looked.passed, pause(50)]);
      });
      await written.passed;
      const answer = find(stored.user.id).then((user) => {
        looked.open();
        return user?.name;
      });
      await second;
      expect(['new', 'newer']).toContain(await answer);
      expect((await find(stored.user.id))?.name).toBe('newer');
    });

    it('lets the writers of one user go one after the other: none of 20 increments is lost', async () => {
      const stored = fresh();
      await store(database(), stored);
      await Promise.all(Array.from({ length: 20 }, () => change(database(), stored.user.id, {})));
      expect((await find(stored.user.id))?.version).toBe(21);
    });

    it('keeps a locked user locked until the end', async () => {
      const stored = fresh();
      await store(database(), stored);
      const [locked, release] = [gate(), gate()];
      const order: string[] = [];
      const first = database().transactions.run(async ({ users }) => {
        await users.lock(stored.user.id);
        locked.open();
        await release.passed;
        order.push('first');
      });
      await locked.passed;
      const second = change(database(), stored.user.id, {}, async () => void order.push('second'));
      await pause(30);
      expect(order).toEqual([]);
      release.open();
      await Promise.all([first, second]);
      expect(order).toEqual(['first', 'second']);
    });

    it('locks nobody who does not exist', async () => {
      const id = fresh().user.id;
      expect(await database().transactions.run(({ users }) => users.lock(id))).toBeUndefined();
    });

    it('refuses to update a user that does not exist', async () => {
      await expect(database().transactions.run(({ users }) => users.update(fresh()))).rejects.toThrow();
    });

    it('locks the active administrators in the order of their ids', async () => {
      const [b, a, inactive, plain] = [
        fresh({ role: 'admin' }),
        fresh({ role: 'admin' }),
        fresh({ role: 'admin', isActive: false }),
        fresh(),
      ];
      await store(database(), a, b, inactive, plain);
      const ids = await database().transactions.run(({ users }) => users.lockAdmins());
      expect(ids).toEqual([...ids].sort());
      expect(ids).toEqual(expect.arrayContaining([a.user.id, b.user.id]));
      expect(ids).not.toContain(inactive.user.id);
      expect(ids).not.toContain(plain.user.id);
      // Who is locked beside them is one of them only as an active administrator.
      const beside = await database().transactions.run(({ users }) => users.lockAdmins(plain.user.id));
      expect(beside).toEqual(ids);
    });

    it('leaves an administrator when all of several give up the role at once and each first counts', async () => {
      const before = await database().transactions.run(({ users }) => users.lockAdmins());
      for (const id of before) await change(database(), id, { role: 'user' });
      const admins = [fresh({ role: 'admin' }), fresh({ role: 'admin' }), fresh({ role: 'admin' })];
      await store(database(), ...admins);
      await Promise.all(
        admins.map(({ user }) =>
          database().transactions.run(async ({ users }) => {
            if ((await users.lockAdmins()).length === 1) return;
            const locked = await users.lock(user.id);
            if (locked === undefined) throw new Error('no such user');
            await users.update({ ...locked, user: { ...locked.user, role: 'user', version: 2 } });
          }),
        ),
      );
      expect(await database().users.countAdmins()).toBe(1);
    });

    it('stays usable after a hundred transactions that failed', async () => {
      const failing = (): Promise<void> =>
        database().transactions.run(async ({ users }) => {
          await users.insert(fresh());
          throw new Error('no');
        });
      await Promise.allSettled(Array.from({ length: 100 }, failing));
      await store(database(), fresh());
      await eventually(() =>
        database()
          .health.ping()
          .then(() => true),
      );
    });
  });
};
