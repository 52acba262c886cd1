import { describe, expect, it } from 'vitest';
import { memoryDatabase } from '../../../adapters/memory/memory-database.ts';
import { systemClock } from '../../../adapters/system/clock.ts';
import { Counts } from '../../../adapters/telemetry/counts.ts';
import { observeDatabase } from '../../../adapters/telemetry/observed-database.ts';
import { DatabaseSilent } from '../../../domain/faults.ts';
import { hasSeenAllOf, type Snapshot } from '../../../domain/snapshot.ts';
import { describePersistence } from '../../contracts/persistence.ts';
import { namedUpdate } from '../../contracts/persistence-log-support.ts';
import { change, fresh, store } from '../../contracts/persistence-support.ts';
import { contact } from '../../support/fixtures.ts';

describePersistence('memory', async () => memoryDatabase());
describePersistence('memory, observed', async () =>
  observeDatabase(memoryDatabase(), { counts: new Counts(), clock: systemClock, tracing: undefined }),
);

/** What befalls a server, which the tests of the protocol rely on. */
describe('the server of the database in memory', () => {
  const bounds = { boundMs: 2_000, retentionMs: 60_000 };
  const opened = async () => {
    let nowMs = 0;
    const database = memoryDatabase({ nowMs: () => nowMs });
    const { identity } = await database.log.begin(bounds);
    const account = fresh();
    await store(database, account);
    const { id } = account.user;
    const rename = (name: string) => change(database, id, { name });
    const check = async (last?: Snapshot) => {
      const asked = { id: 'reader', beat: 1, answeredBeat: 0, boundMs: 2_000, last };
      return database.log.check(asked);
    };
    const name = async () => (await database.users.find({ kind: 'id', value: id }))?.name;
    const pass = (ms: number) => {
      nowMs += ms;
    };
    return { database, identity, id, rename, check, name, pass };
  };

  it('loses in a crash what is unlogged and in progress, and gives out its ids again', async () => {
    const { database, identity, id, rename, check, name } = await opened();
    await rename('before');
    const before = await check();
    const { promise: crashed, resolve: crash } = Promise.withResolvers<void>();
    let lost = 0;
    const running = database.transactions.run(async (transaction) => {
      await namedUpdate(id, 'lost')(transaction);
      lost = await transaction.xid();
      await crashed;
    });
    await expect.poll(() => lost).toBeGreaterThan(0);
    database.server.crash();
    crash();
    await expect(running).rejects.toThrow(DatabaseSilent);
    expect(await name()).toBe('before');
    expect((await check()).identity).toBeUndefined();
    expect(await database.reads.proof()).toBeUndefined();
    expect((await database.log.begin(bounds)).identity).not.toBe(identity);
    await rename('after');
    const after = await check(before.snapshot);
    expect(after.rows).not.toContainEqual(expect.objectContaining({ xid: lost + 1 }));
    expect(after.snapshot.xmax).toBeLessThanOrEqual(lost + 2);
  });

  it('is an older copy of itself when that is put back, with its epoch, its ids and its log', async () => {
    const { database, identity, rename, check, name } = await opened();
    await rename('old');
    const putBack = database.server.copy();
    const copied = await check();
    for (let n = 0; n < 5; n++) await rename(`new ${n}`);
    const lost = await check(copied.snapshot);
    expect(lost.rows).toHaveLength(5);
    putBack();
    expect(await name()).toBe('old');
    const again = await check(copied.snapshot);
    expect(again).toMatchObject({ identity, rows: [], snapshot: copied.snapshot });
    expect(hasSeenAllOf(again.snapshot, lost.snapshot)).toBe(false);
    await rename('another');
    putBack();
    expect(await name()).toBe('old');
  });

  it('says of a table that was emptied that it was everything', async () => {
    const { database, check, name } = await opened();
    const { snapshot } = await check();
    database.server.truncate();
    expect(await name()).toBeUndefined();
    expect((await check(snapshot)).rows).toMatchObject([
      { source: 'users', key: null },
      { source: 'contacts', key: null },
    ]);
    const heard = { source: 'users', key: 'any' };
    expect((await database.reads.isChanged(snapshot, heard)).value).toBe(true);
  });

  it('deletes rows once they were visible for the retention, and says what it has swept', async () => {
    const { database, rename, check, pass } = await opened();
    await rename('old');
    const early = await check();
    const sweep = async (ms: number) => {
      pass(ms);
      return database.log.sweep(bounds.retentionMs);
    };
    expect(await sweep(0)).toBe(0);
    const late = await check();
    await rename('young');
    expect(await sweep(60_000)).toBe(0);
    expect((await database.log.startingPoints(100)).notes).toHaveLength(2);
    expect(await sweep(600_001)).toBe(1);
    expect(await database.log.size()).toBe(1);
    const { swept } = await check();
    expect(hasSeenAllOf(early.snapshot, swept)).toBe(false);
    expect(hasSeenAllOf(late.snapshot, swept)).toBe(true);
    expect(await sweep(60_000)).toBe(1);
    expect(hasSeenAllOf(late.snapshot, (await check()).swept)).toBe(false);
  });

  it('tells of more than 20,000 rows only that they are too many', async () => {
    const { database, id, check } = await opened();
    const { snapshot } = await check();
    await database.transactions.run(async (transaction) => {
      await transaction.users.lock(id);
      for (let n = 0; n <= 20_000; n++) await transaction.contacts.insert(contact(n, id));
    });
    expect((await check(snapshot)).rows).toBe('too-many');
  });
});
