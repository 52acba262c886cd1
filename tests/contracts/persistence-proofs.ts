import { describe, expect, it } from 'vitest';
import type { Proof } from '../../domain/ports/change-log.ts';
import type { Database } from '../../domain/ports/persistence.ts';
import { Secret } from '../../domain/secret.ts';
import { hasSeen, hasSeenAllOf, type Snapshot, type Xid } from '../../domain/snapshot.ts';
import type { Account } from '../../domain/user.ts';
import { contact, passwordHashText } from '../support/fixtures.ts';
import { bounds, logUser, namedUpdate, rowOf } from './persistence-log-support.ts';
import { fresh, freshNumber, pause } from './persistence-support.ts';

/** What a read proves, the ids by which it does, and the versions of rows. */
export const proofsContract = (database: () => Database): void => {
  const { open, stored, changeIn, whileInProgress } = logUser(database);

  describe('proved reads', () => {
    const proofOf = (proved: { readonly proof: Proof | undefined } | undefined): Proof => {
      if (proved?.proof === undefined) throw new Error('it was read on a primary');
      return proved.proof;
    };

    it('answer what the repositories answer', async () => {
      const [{ user }, other] = [await stored(), await stored()];
      const added = contact(freshNumber(), user.id);
      await changeIn(async (transaction) => {
        await transaction.users.lock(user.id);
        await transaction.contacts.insert(added);
      });
      const { reads } = database();
      for (const key of [
        { kind: 'id', value: user.id },
        { kind: 'email', value: user.email },
        { kind: 'username', value: user.username },
      ] as const)
        expect((await reads.user(key))?.value).toEqual(user);
      const many = await reads.users([
        { kind: 'id', value: user.id },
        { kind: 'email', value: other.user.email },
        { kind: 'id', value: fresh().user.id },
      ]);
      expect([...many.value].sort((a, b) => (a.id < b.id ? -1 : 1))).toEqual([user, other.user]);
      expect((await reads.contact(user.id, added.id))?.value).toEqual(added);
      expect((await reads.page(user.id, { skip: 0, limit: 10 })).value).toEqual({
        ownerId: user.id,
        items: [added],
        total: 1,
        skip: 0,
        after: null,
        limit: 10,
        next: null,
      });
      expect(await reads.user({ kind: 'id', value: fresh().user.id })).toBeUndefined();
      expect(await reads.contact(other.user.id, added.id)).toBeUndefined();
      expect((await reads.users([])).value).toEqual([]);
    });

    it('refuse more than 500 keys', async () => {
      const keys = Array.from({ length: 501 }, () => ({ kind: 'id', value: fresh().user.id }) as const);
      await expect(database().reads.users(keys)).rejects.toThrow(RangeError);
    });

    it('have seen what is committed, under the epoch of the log', async () => {
      const { identity } = await database().log.begin(bounds);
      const { user } = await stored();
      const added = contact(freshNumber(), user.id);
      const xid = await changeIn(async (transaction) => {
        await namedUpdate(user.id, 'proved')(transaction);
        await transaction.contacts.insert(added);
      });
      const { reads } = database();
      const key = { kind: 'id', value: user.id } as const;
      const proofs = [
        proofOf(await reads.user(key)),
        proofOf(await reads.users([key])),
        proofOf(await reads.contact(user.id, added.id)),
        proofOf(await reads.page(user.id, { skip: 0, limit: 10 })),
        proofOf({ proof: await reads.proof() }),
      ];
      for (const { epoch, snapshot } of proofs) {
        expect(epoch).toBe(identity.split('.').at(-1)?.slice(0, 8));
        expect(epoch).toHaveLength(8);
        expect(hasSeen(snapshot, xid)).toBe(true);
      }
    });

    it('have not seen what is in progress, nor what comes later', async () => {
      await database().log.begin(bounds);
      const { user } = await stored();
      const key = { kind: 'id', value: user.id } as const;
      const { xid, seen, isSerial } = await whileInProgress(namedUpdate(user.id, 'in progress'), async () => {
        const row = await database().reads.user(key);
        return { name: row?.value.name, proof: proofOf(row), nothing: await database().reads.proof() };
      });
      if (!isSerial) {
        expect(seen.name).toBe(user.name);
        expect(hasSeen(seen.proof.snapshot, xid)).toBe(false);
        expect(seen.nothing === undefined || hasSeen(seen.nothing.snapshot, xid)).toBe(false);
      }
      const { snapshot } = proofOf(await database().reads.user(key));
      expect(hasSeen(snapshot, await changeIn(namedUpdate(user.id, 'later')))).toBe(false);
    });

    it('tell whether a record was changed since, and its list with a contact of it, with a proof of that', async () => {
      const { identity } = await database().log.begin(bounds);
      const [{ user }, other] = [await stored(), await stored()];
      const { reads } = database();
      const since = async () => proofOf({ proof: await reads.proof() }).snapshot;
      const whatChanged = async (snapshot: Snapshot): Promise<readonly string[]> => {
        const keys = {
          users: [user.id, other.user.id],
          contacts: [user.id, `${user.id}:${added.id}`, other.user.id],
        };
        const changed: string[] = [];
        for (const [source, of] of Object.entries(keys)) {
          for (const key of of) {
            const { value, proof } = await reads.isChanged(snapshot, { source, key });
            if (value) changed.push(`${source} ${key}`);
            expect(proofOf({ proof }).epoch).toBe(identity.split('.').at(-1)?.slice(0, 8));
            expect(hasSeenAllOf(proofOf({ proof }).snapshot, snapshot)).toBe(true);
          }
        }
        return changed;
      };
      const added = contact(freshNumber(), user.id);
      const beginning = await since();
      expect(await whatChanged(beginning)).toEqual([]);
      await changeIn(namedUpdate(user.id, 'changed'));
      expect(await whatChanged(beginning)).toEqual([`users ${user.id}`]);
      const between = await since();
      expect(await whatChanged(between)).toEqual([]);
      await changeIn(async (transaction) => {
        await transaction.users.lock(user.id);
        await transaction.contacts.insert(added);
      });
      const ofContacts = [`contacts ${user.id}`, `contacts ${user.id}:${added.id}`];
      expect(await whatChanged(between)).toEqual(ofContacts);
      expect(await whatChanged(beginning)).toEqual([`users ${user.id}`, ...ofContacts]);
    });

    it('tell of a change that was in progress then, once it is committed, and not before', async () => {
      await database().log.begin(bounds);
      const [{ user }, other] = [await stored(), await stored()];
      const { reads } = database();
      const heard = { source: 'users', key: user.id };
      const { seen, isSerial } = await whileInProgress(namedUpdate(user.id, 'in progress'), async () => {
        // Its id is then below xmax.
        await changeIn(namedUpdate(other.user.id, 'later'));
        const { snapshot } = proofOf({ proof: await reads.proof() });
        return { snapshot, before: (await reads.isChanged(snapshot, heard)).value };
      });
      if (isSerial) return;
      expect(seen.before).toBe(false);
      expect((await reads.isChanged(seen.snapshot, heard)).value).toBe(true);
    });

    it('prove exactly what the log brings: a row that is new was read by a snapshot that saw its change', async () => {
      const reader = await open();
      const { user } = await stored();
      const key = { kind: 'id', value: user.id } as const;
      const versions = new Map<number, Xid>();
      let isOver = false;
      const writing = (async () => {
        for (let n = 2; n < 12; n++) versions.set(n, await changeIn(namedUpdate(user.id, `${n}`)));
      })().finally(() => {
        isOver = true;
      });
      const read: { readonly version: number; readonly snapshot: Snapshot }[] = [];
      while (!isOver) {
        const row = await database().reads.user(key);
        if (row !== undefined) read.push({ version: row.value.version, snapshot: proofOf(row).snapshot });
        await pause(1);
      }
      await writing;
      for (const { version, snapshot } of read) {
        for (const [changed, xid] of versions) expect(hasSeen(snapshot, xid)).toBe(changed <= version);
      }
      const heard = (await reader.rows()).filter(({ key }) => key === user.id).map(({ xid }) => xid);
      expect([...heard].sort((a, b) => a - b)).toEqual([...versions.values()]);
    });
  });

  describe('a transaction’s id', () => {
    it('is the same throughout, greater in a later one, and one that its own check has seen', async () => {
      const reader = await open();
      const { user } = await stored();
      const xid = await changeIn(async (transaction) => {
        const first = await transaction.xid();
        await namedUpdate(user.id, 'changed')(transaction);
        expect(await transaction.xid()).toBe(first);
      });
      expect(await changeIn(async () => undefined)).toBeGreaterThan(xid);
      const { snapshot } = await reader.answer();
      expect(hasSeen(snapshot, xid)).toBe(true);
    });
  });

  describe('versions', () => {
    const update = async (
      { user }: Account,
      fields: Partial<Account['user']>,
    ): Promise<number | undefined> => {
      await database().transactions.run(async ({ users }) => {
        const locked = await users.lock(user.id);
        if (locked !== undefined) await users.update({ ...locked, user: { ...locked.user, ...fields } });
      });
      return (await database().users.find({ kind: 'id', value: user.id }))?.version;
    };

    it('are counted up for a change that leaves them, as raw SQL does', async () => {
      const account = await stored();
      expect(await update(account, { name: 'raw' })).toBe(2);
      expect(await update(account, { tokenVersion: 5 })).toBe(3);
      expect(await update(account, { skills: ['raw'] })).toBe(4);
    });

    it('are left to those who set them, and where nothing changed', async () => {
      const account = await stored();
      expect(await update(account, { name: 'counted', version: 7 })).toBe(7);
      expect(await update(account, { name: 'counted' })).toBe(7);
      expect(await update(account, { name: 'lowered', version: 2 })).toBe(2);
    });

    it('are left by a new hash of the password, which the log tells of all the same', async () => {
      const reader = await open();
      const account = await stored();
      const xid = await changeIn(async ({ users }) => {
        await users.lock(account.user.id);
        await users.update({ ...account, passwordHash: new Secret(`${passwordHashText}2`) });
      });
      expect((await database().users.find({ kind: 'id', value: account.user.id }))?.version).toBe(1);
      expect(await reader.rows()).toEqual([rowOf(account, xid)]);
    });

    it('of contacts are counted up as well', async () => {
      const { user } = await stored();
      const added = contact(freshNumber(), user.id);
      await changeIn(async (transaction) => {
        await transaction.users.lock(user.id);
        await transaction.contacts.insert(added);
        await transaction.contacts.update({ ...added, notes: 'raw' });
      });
      expect((await database().contacts.find(user.id, added.id))?.version).toBe(2);
    });
  });
};
