import { describe, expect, it } from 'vitest';
import type { Contact } from '../../domain/contact.ts';
import type { LogRow } from '../../domain/ports/change-log.ts';
import type { Database, Transaction } from '../../domain/ports/persistence.ts';
import { hasSeenAllOf, type Xid } from '../../domain/snapshot.ts';
import { contact } from '../support/fixtures.ts';
import { bounds, logUser, namedUpdate, Reader, rowOf } from './persistence-log-support.ts';
import { change, eventually, freshNumber, pause } from './persistence-support.ts';

/** What the log of changes brings to whom. */
export const logContract = (database: () => Database): void => {
  const { open, stored, changeIn, held, whileInProgress } = logUser(database);

  describe('log', () => {
    it('has no rows of a new user, and of a first check none at all', async () => {
      await database().log.begin(bounds);
      const { user } = await stored();
      await change(database(), user.id, { name: 'before' });
      const reader = new Reader(database().log);
      expect(await reader.rows()).toEqual([]);
      await stored();
      expect(await reader.rows()).toEqual([]);
    });

    it('brings a change of a user in the next check, once, under the transaction that made it', async () => {
      const reader = await open();
      const account = await stored();
      const xid = await changeIn(namedUpdate(account.user.id, 'changed'));
      expect(await reader.rows()).toEqual([rowOf(account, xid)]);
      expect(await reader.rows()).toEqual([]);
    });

    it('brings contacts that are new, changed and gone, each as owner and contact', async () => {
      const reader = await open();
      const { user } = await stored();
      const added: Contact = contact(freshNumber(), user.id);
      const row = (xid: Xid): LogRow => ({ xid, source: 'contacts', key: `${user.id}:${added.id}` });
      for (const work of [
        ({ contacts }: Transaction) => contacts.insert(added),
        ({ contacts }: Transaction) => contacts.update({ ...added, firstName: 'Changed', version: 2 }),
        ({ contacts }: Transaction) => contacts.delete(user.id, added.id),
      ]) {
        const xid = await changeIn(async (transaction) => {
          await transaction.users.lock(user.id);
          await work(transaction);
        });
        expect(await reader.rows()).toEqual([row(xid)]);
      }
    });

    it('brings all changes of one transaction at once, and of several none is missing', async () => {
      const reader = await open();
      const accounts = [await stored(), await stored(), await stored()];
      const ids = accounts.map(({ user }) => user.id);
      const together = await changeIn(async (transaction) => {
        for (const id of ids) await namedUpdate(id, 'together')(transaction);
      });
      const apart = await Promise.all(ids.map((id) => changeIn(namedUpdate(id, 'apart'))));
      const expected = accounts.flatMap((account, index) => [
        rowOf(account, together),
        rowOf(account, apart[index] ?? 0),
      ]);
      const rows = await reader.rows();
      expect(rows).toHaveLength(expected.length);
      expect(rows).toEqual(expect.arrayContaining(expected));
    });

    it('brings nothing of a transaction that was rolled back', async () => {
      const reader = await open();
      const { user } = await stored();
      const { end } = await held(namedUpdate(user.id, 'never'));
      await end('roll back');
      expect(await reader.rows()).toEqual([]);
      expect(await reader.rows()).toEqual([]);
    });

    it('brings a change in the first check that began after its commit, and not before', async () => {
      const reader = await open();
      const account = await stored();
      const { xid, seen, isSerial } = await whileInProgress(namedUpdate(account.user.id, 'late'), () =>
        reader.rows(),
      );
      if (isSerial) return;
      expect(seen).toEqual([]);
      expect(await reader.rows()).toEqual([rowOf(account, xid)]);
      expect(await reader.rows()).toEqual([]);
    });

    it('brings one that began early and ended late, after others that began later, and none of them twice', async () => {
      const reader = await open();
      const [slow, quick] = [await stored(), await stored()];
      const { xid, seen, isSerial } = await whileInProgress(namedUpdate(slow.user.id, 'slow'), async () => {
        const quickXid = await changeIn(namedUpdate(quick.user.id, 'quick'));
        return { quickXid, first: await reader.rows(), second: await reader.rows() };
      });
      if (isSerial) return;
      expect(seen.quickXid).toBeGreaterThan(xid);
      expect(seen.first).toEqual([rowOf(quick, seen.quickXid)]);
      expect(seen.second).toEqual([]);
      expect(await reader.rows()).toEqual([rowOf(slow, xid)]);
      expect(await reader.rows()).toEqual([]);
    });

    it('brings every change to exactly one of many checks that are made meanwhile', async () => {
      const [first, second] = [await open(), await open()];
      const accounts = [await stored(), await stored(), await stored()];
      const xids: Xid[] = [];
      let isOver = false;
      const writing = Promise.all(
        accounts.map(async ({ user }) => {
          for (let n = 0; n < 8; n++) xids.push(await changeIn(namedUpdate(user.id, `${n}`)));
        }),
      ).finally(() => {
        isOver = true;
      });
      const reading = async (reader: Reader): Promise<readonly LogRow[]> => {
        const rows: LogRow[] = [];
        while (!isOver) {
          rows.push(...(await reader.rows()));
          await pause(1);
        }
        return [...rows, ...(await reader.rows())];
      };
      const heard = await Promise.all([reading(first), reading(second), writing]);
      const inOrder = (all: readonly Xid[]): readonly Xid[] => [...all].sort((a, b) => a - b);
      for (const rows of heard.slice(0, 2) as readonly (readonly LogRow[])[])
        expect(inOrder(rows.map(({ xid }) => xid))).toEqual(inOrder(xids));
    });

    it('brings the same to each reader, from wherever it reads on', async () => {
      const early = await open();
      const account = await stored();
      const before = await changeIn(namedUpdate(account.user.id, 'before'));
      const late = await open();
      const after = await changeIn(namedUpdate(account.user.id, 'after'));
      expect(await late.rows()).toEqual([rowOf(account, after)]);
      const rows = await early.rows();
      expect(rows).toHaveLength(2);
      expect(rows).toEqual(expect.arrayContaining([rowOf(account, before), rowOf(account, after)]));
    });

    it('reads snapshots in order: each has seen all that the one before has seen', async () => {
      const reader = await open();
      for (let n = 0; n < 5; n++) {
        const before = reader.last;
        await stored();
        await reader.rows();
        if (before === undefined || reader.last === undefined) throw new Error('it was answered');
        expect(hasSeenAllOf(reader.last, before)).toBe(true);
      }
    });

    it('says in each check which identity it has, what it is made of and what was swept, as at its beginning', async () => {
      const { identity } = await database().log.begin(bounds);
      const reader = new Reader(database().log);
      const first = await reader.answer();
      if (first.rows === 'too-many') throw new Error('it was the first');
      await change(database(), (await stored()).user.id, { name: 'changed' });
      const second = await reader.answer();
      for (const answer of [first, second]) {
        expect(answer.identity).toBe(identity);
        expect(answer.unreadable).toBeUndefined();
        expect(answer.shape).toBe(first.shape);
        expect(hasSeenAllOf(first.snapshot, answer.swept)).toBe(true);
      }
      expect(await database().log.missingTriggers()).toEqual([]);
      // Again: a process that starts anew.
      expect((await database().log.begin(bounds)).identity).toBe(identity);
    });

    it('notes the largest bounds that anybody had', async () => {
      await database().log.begin({ boundMs: 5_000, retentionMs: 1_000 });
      const noted = await database().log.bounds();
      expect(noted).toEqual({ boundMs: 5_000, retentionMs: noted.retentionMs });
      expect(noted.retentionMs).toBeGreaterThanOrEqual(1_000);
      await database().log.begin({ boundMs: 1_000, retentionMs: 700_000 });
      expect(await database().log.bounds()).toEqual({ boundMs: 5_000, retentionMs: 700_000 });
    });

    it('gets a new epoch from whoever saw the present one, and once', async () => {
      const before = (await database().log.begin(bounds)).identity;
      await Promise.all([database().log.renewEpoch(before), database().log.renewEpoch(before)]);
      const { identity } = await database().log.begin(bounds);
      expect(identity).not.toBe(before);
      await database().log.renewEpoch(before);
      expect((await (await open()).answer()).identity).toBe(identity);
      expect((await database().reads.proof())?.epoch).toBe(identity.split('.').at(-1)?.slice(0, 8));
    });

    it('lists each reader with its last beat and what it applied, until it leaves', async () => {
      const reader = await open();
      const other = await open();
      const listed = async (id: string) =>
        (await database().log.instances()).filter((instance) => instance.id === id);
      expect(await listed(reader.id)).toMatchObject([
        { beat: 1, boundMs: bounds.boundMs, applied: undefined },
      ]);
      const applied = reader.last;
      await reader.rows();
      expect(await listed(reader.id)).toMatchObject([{ beat: 2, applied }]);
      await database().log.leave(reader.id);
      await database().log.leave(reader.id);
      expect(await listed(reader.id)).toEqual([]);
      expect(await listed(other.id)).toHaveLength(1);
    });

    it('counts its rows, and keeps those that are younger than the retention', async () => {
      const reader = await open();
      const account = await stored();
      const before = await database().log.size();
      const xid = await changeIn(namedUpdate(account.user.id, 'kept'));
      // About: a database may only estimate it.
      expect(await database().log.size()).toBeGreaterThanOrEqual(before);
      expect(await database().log.sweep(bounds.retentionMs)).toBe(0);
      expect(await reader.rows()).toEqual([rowOf(account, xid)]);
    });

    it('notes moments from which a new process may begin, and brings what came after them', async () => {
      await database().log.begin(bounds);
      await database().log.sweep(bounds.retentionMs);
      const account = await stored();
      const xid = await changeIn(namedUpdate(account.user.id, 'after the note'));
      const { notes, shape, swept, crowdedFrom } = await database().log.startingPoints(20_000);
      expect(crowdedFrom).toBeUndefined();
      expect(notes.length).toBeGreaterThan(0);
      for (const note of notes) {
        expect(note.shape).toBe(shape);
        expect(hasSeenAllOf(note.snapshot, swept)).toBe(true);
        const reader = new Reader(database().log);
        reader.last = note.snapshot;
        expect(await reader.rows()).toContainEqual(rowOf(account, xid));
      }
    });

    it('says from where on there are too many rows to begin with', async () => {
      const account = await stored();
      const xids: Xid[] = [];
      for (let n = 0; n < 4; n++) xids.push(await changeIn(namedUpdate(account.user.id, `${n}`)));
      expect((await database().log.startingPoints(2)).crowdedFrom).toBe(xids[1]);
      expect((await database().log.startingPoints(1)).crowdedFrom).toBe(xids[2]);
    });

    it('wakes those who listen when somebody says so, and no longer once they stopped', async () => {
      let [first, second] = [0, 0];
      const one = await database().log.listen(() => void first++);
      const two = await database().log.listen(() => void second++);
      [first, second] = [0, 0];
      await database().log.wakeOthers([]);
      await eventually(() => first > 0 && second > 0);
      await one[Symbol.asyncDispose]();
      const before = { first, second };
      await database().log.wakeOthers([]);
      await eventually(() => second > before.second);
      expect(first).toBe(before.first);
      await two[Symbol.asyncDispose]();
    });
  });
};
