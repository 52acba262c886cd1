import { createHash, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { idempotencyLimits, type UsedKey } from '../../domain/idempotency.ts';
import type { UserId } from '../../domain/identifiers.ts';
import type { Database, IdempotencyKeyTransaction } from '../../domain/ports/persistence.ts';
import { contactId } from '../support/fixtures.ts';
import { fresh, freshNumber, store } from './persistence-support.ts';

const { countsForMs, maxPerOwner } = idempotencyLimits;
const startMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

const digest = (text: string): string => createHash('sha256').update(text).digest('base64url');

/** Which contacts were added under which key, under the limits of domain/idempotency.ts. */
export const idempotencyContract = (database: () => Database): void => {
  const owner = async (): Promise<UserId> => {
    const account = fresh();
    await store(database(), account);
    return account.user.id;
  };
  const under = <T>(ownerId: UserId, work: (keys: IdempotencyKeyTransaction) => Promise<T>): Promise<T> =>
    database().transactions.run(async ({ users, idempotencyKeys }) => {
      await users.lock(ownerId);
      return work(idempotencyKeys);
    });
  const used = (ownerId: UserId, key: string = randomUUID()): UsedKey => ({
    ownerId,
    keyHash: digest(key),
    draftHash: digest(`draft of ${key}`),
    contactId: contactId(freshNumber()),
    createdAtMs: startMs + freshNumber(),
  });
  const keep = (key: UsedKey, atMs?: number) => under(key.ownerId, (keys) => keys.keep(key, atMs));
  const find = ({ ownerId, keyHash }: Pick<UsedKey, 'ownerId' | 'keyHash'>, atMs?: number) =>
    under(ownerId, (keys) => keys.find(ownerId, keyHash, atMs));

  describe('idempotency keys', () => {
    it('are found as they were kept, in the same transaction and in later ones', async () => {
      const key = used(await owner());
      expect(await find(key)).toBeUndefined();
      await under(key.ownerId, async (keys) => {
        await keys.keep(key);
        expect(await keys.find(key.ownerId, key.keyHash)).toEqual(key);
      });
      expect(await find(key)).toEqual(key);
      expect(await find({ ...key, keyHash: digest('another') })).toBeUndefined();
    });

    it('are of their owner alone', async () => {
      const [mine, theirs] = [used(await owner(), 'same'), used(await owner(), 'same')];
      await keep(mine);
      expect(await find(theirs)).toBeUndefined();
      await keep(theirs);
      expect(await find(mine)).toEqual(mine);
      expect(await find(theirs)).toEqual(theirs);
    });

    it('are not kept by a transaction that was rolled back', async () => {
      const key = used(await owner());
      const failed = under(key.ownerId, async (keys) => {
        await keys.keep(key);
        throw new Error('no');
      });
      await expect(failed).rejects.toThrow('no');
      expect(await find(key)).toBeUndefined();
    });

    it('count for 24 hours', async () => {
      const key = used(await owner());
      await keep(key, startMs);
      expect(await find(key, startMs + countsForMs - 1)).toEqual(key);
      expect(await find(key, startMs + countsForMs)).toBeUndefined();
    });

    it('are deleted when they do not count any more, at the next look for any of the owner’s', async () => {
      const ownerId = await owner();
      const [old, other] = [used(ownerId), used(await owner())];
      await keep(old, startMs);
      await keep(other, startMs);
      await find(used(ownerId), startMs + countsForMs);
      // By an earlier time it would count, if it were there.
      expect(await find(old, startMs)).toBeUndefined();
      expect(await find(other, startMs)).toEqual(other);
      // So that it may be used again.
      await keep(old, startMs + countsForMs);
      expect(await find(old, startMs + countsForMs)).toEqual(old);
    });

    it('go by a clock of the database’s own unless they are told another', async () => {
      const key = used(await owner());
      await keep(key);
      // The hour is for clocks that differ.
      expect(await find(key, Date.now() + countsForMs - 3_600_000)).toEqual(key);
      expect(await find(key, Date.now() + countsForMs + 3_600_000)).toBeUndefined();
      await keep(key, startMs);
      expect(await find(key)).toBeUndefined();
    });

    it('are the newest 1,000 of an owner, whatever the clock says of the last', async () => {
      const ownerId = await owner();
      const others = Array.from({ length: maxPerOwner }, () => used(ownerId));
      // Some at a time: a transaction may not take long, and a machine may be busy.
      for (let start = 0; start < maxPerOwner; start += 25)
        await under(ownerId, async (keys) => {
          for (const [n, key] of others.slice(start, start + 25).entries())
            await keys.keep(key, startMs + start + n);
        });
      const [first, second, third] = others;
      if (first === undefined || second === undefined || third === undefined) throw new Error('too few');
      expect(await find(first, startMs)).toEqual(first);
      const last = used(ownerId);
      await keep(last, startMs + maxPerOwner);
      expect(await find(first, startMs)).toBeUndefined();
      expect(await find(second, startMs)).toEqual(second);
      // The clock was set back.
      const early = used(ownerId);
      await keep(early, startMs - 1);
      expect(await find(early, startMs)).toEqual(early);
      expect(await find(second, startMs)).toBeUndefined();
      expect(await find(third, startMs)).toEqual(third);
      expect(await find(last, startMs)).toEqual(last);
    }, 120_000);

    it('are not kept twice, nor of an owner who is not there', async () => {
      const key = used(await owner());
      await keep(key);
      await expect(keep(key)).rejects.toThrow();
      expect(await find(key)).toEqual(key);
      await expect(keep(used(fresh().user.id))).rejects.toThrow();
    });
  });
};
