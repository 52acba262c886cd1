import { describe, expect, it } from 'vitest';
import type { Database, Invalidation } from '../../domain/ports/persistence.ts';
import { contact, contactId, userId } from '../support/fixtures.ts';
import { change, eventually, fresh, freshNumber, store, storeContacts } from './persistence-support.ts';

export const journalContract = (database: () => Database): void => {
  const drain = async (): Promise<readonly Invalidation[]> => {
    const rows = await database().journal.pending(1000);
    await database().journal.remove(rows.map(({ id }) => id));
    return rows.map(({ invalidation }) => invalidation);
  };

  describe('journal', () => {
    it('has a row for each changed record of a transaction without confirmed fences', async () => {
      const stored = fresh();
      const ownerId = stored.user.id;
      await drain();
      await store(database(), stored);
      expect(await drain()).toEqual([{ kind: 'user', userId: ownerId }]);

      await change(database(), ownerId, { name: 'changed' });
      expect(await drain()).toEqual([{ kind: 'user', userId: ownerId }]);

      const [first, second] = [contact(freshNumber(), ownerId), contact(freshNumber(), ownerId)];
      await storeContacts(database(), ownerId, [first, second]);
      await database().transactions.run(async (transaction) => {
        await transaction.users.lock(ownerId);
        await transaction.contacts.update({ ...first, version: 2 });
        await transaction.contacts.delete(ownerId, second.id);
      });
      const concerning = (id: typeof first.id) => ({ kind: 'contact', ownerId, contactId: id });
      expect(await drain()).toEqual([first.id, second.id, first.id, second.id].map(concerning));
    });

    it('has none for a transaction that confirmed its fences', async () => {
      const stored = fresh();
      await store(database(), stored);
      await drain();
      await change(database(), stored.user.id, { name: 'fenced' }, (transaction) =>
        transaction.confirmFences(),
      );
      expect(await database().journal.count()).toBe(0);
    });

    it('forgets confirmed fences at the end of their transaction', async () => {
      const stored = fresh();
      await store(database(), stored);
      await drain();
      await change(database(), stored.user.id, {}, (transaction) => transaction.confirmFences());
      const rolledBack = database().transactions.run(async (transaction) => {
        await transaction.confirmFences();
        throw new Error('no');
      });
      await expect(rolledBack).rejects.toThrow('no');
      for (let n = 0; n < 12; n++) await change(database(), stored.user.id, {});
      expect(await drain()).toHaveLength(12);
    });

    it('has no row of a transaction that was rolled back', async () => {
      await drain();
      const run = database().transactions.run(async ({ users }) => {
        await users.insert(fresh());
        throw new Error('no');
      });
      await expect(run).rejects.toThrow('no');
      expect(await database().journal.count()).toBe(0);
    });

    it('keeps what is appended until it is removed, oldest first, a bounded batch at a time', async () => {
      await drain();
      const invalidations: readonly Invalidation[] = [
        { kind: 'user', userId: userId(1) },
        { kind: 'contact', ownerId: userId(1), contactId: contactId(2) },
        { kind: 'everything' },
      ];
      await database().journal.append(invalidations);
      await database().journal.append([]);
      expect(await database().journal.count()).toBe(3);
      const rows = await database().journal.pending(1000);
      expect(rows.map(({ invalidation }) => invalidation)).toEqual(invalidations);
      expect(await database().journal.pending(2)).toEqual(rows.slice(0, 2));

      await database().journal.remove([]);
      await database().journal.remove(rows.slice(1, 2).map(({ id }) => id));
      expect(await database().journal.pending(1000)).toEqual([rows[0], rows[2]]);
      // Two instances may replay and remove the same row.
      await database().journal.remove(rows.map(({ id }) => id));
      await database().journal.remove(rows.map(({ id }) => id));
      expect(await database().journal.count()).toBe(0);
    });

    it('takes batches of any size', async () => {
      await drain();
      let expected = 0;
      for (let size = 1; size <= 70; size++) {
        await database().journal.append(
          Array.from({ length: size }, (_, n) => ({ kind: 'user', userId: userId(n) })),
        );
        expected += size;
      }
      expect(await database().journal.count()).toBe(expected);
      for (let drained = 0; drained < expected; ) drained += (await drain()).length;
      expect(await database().journal.count()).toBe(0);
    });

    it('wakes its listeners after a row was committed, and no longer once they stopped', async () => {
      let [first, second] = [0, 0];
      const one = await database().journal.listen(() => void first++);
      const two = await database().journal.listen(() => void second++);
      first = 0;
      await store(database(), fresh());
      await eventually(() => first > 0 && second > 0);
      expect(await database().journal.count()).toBeGreaterThan(0);

      await one[Symbol.asyncDispose]();
      const before = { first, second };
      await database().journal.append([{ kind: 'everything' }]);
      await eventually(() => second > before.second);
      expect(first).toBe(before.first);
      await two[Symbol.asyncDispose]();
      await drain();
    });
  });
};
