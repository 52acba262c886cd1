import { expect, it } from 'vitest';
import { MemoryCache } from '../../../adapters/memory/memory-cache.ts';
import { memoryDatabase } from '../../../adapters/memory/memory-database.ts';
import { systemIds } from '../../../adapters/system/ids.ts';
import { Belief } from '../../../application/caching/belief.ts';
import { FencedWrites } from '../../../application/caching/protocol.ts';
import type { Confirmations } from '../../../application/caching/receipts.ts';
import { StatisticsCounter } from '../../../application/caching/statistics.ts';
import { recordKinds } from '../../../application/records/kinds.ts';
import type { Confirmation, Work } from '../../../application/writes.ts';
import { OutcomeUnknown } from '../../../domain/faults.ts';
import type { Moment } from '../../../domain/ports/runtime.ts';
import { fail, ok } from '../../../domain/result.ts';
import { account, user, userId } from '../../support/fixtures.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const confirmation: Confirmation = {
  by: 'receipts',
  afterMs: 3,
  receipts: [{ instance: 'a', afterMs: 3 }],
  missing: [],
};

const open = async (confirm: Confirmations['confirm'] = async () => confirmation) => {
  const clock = new ManualClock();
  const database = memoryDatabase();
  const said: string[] = [];
  const asked: Moment[] = [];
  const say = (event: string, fields: object = {}) => void said.push(`${event} ${JSON.stringify(fields)}`);
  const turns: (string | undefined)[] = [];
  const writes = new FencedWrites({
    transactions: {
      run: (work, turn) => {
        turns.push(turn);
        return database.transactions.run(work);
      },
    },
    changeLog: database.log,
    cache: new MemoryCache({ kinds: recordKinds(), clock, ids: systemIds, maxEntries: 10 }),
    belief: new Belief(),
    clock,
    timer: clock,
    ids: systemIds,
    log: { info: say, warn: say, error: say },
    statistics: new StatisticsCounter(),
    confirmations: {
      confirm: (xid, committed) => {
        asked.push(committed);
        return confirm(xid, committed);
      },
    },
  });
  await database.transactions.run(async ({ users }) => void (await users.insert(account(1))));
  const work: Work<string, never> = async ({ users }, raiseFences) => {
    const locked = await users.lock(userId(1));
    await raiseFences([{ kind: 'user', userId: userId(1) }]);
    // The change takes a while; the bound counts from its COMMIT.
    await clock.advance(700);
    if (locked !== undefined)
      await users.update({ ...locked, user: user(1, { tokenVersion: 7, version: 2 }) });
    return ok('done');
  };
  return { writes, work, database, said, asked, clock, turns };
};

it('a security write says who confirmed it, also in the log', async () => {
  const { writes, work, said, asked, clock } = await open();
  expect(await writes.runSecurely(work, userId(1))).toEqual(ok({ value: 'done', confirmation }));
  expect(asked).toEqual([{ monotonicMs: clock.monotonicMs(), wallMs: clock.nowMs() }]);
  expect(said).toEqual(['change-confirmed {"by":"receipts","ms":3,"instances":1,"missing":""}']);
});

it('writes of one user take turns, and a security write does not stand behind the others', async () => {
  const { writes, work, turns } = await open();
  await writes.run(work, userId(1));
  await writes.runSecurely(work, userId(1));
  await writes.run(work, userId(2));
  await writes.run(work, 'admins');
  await writes.runSecurely(work, 'admins');
  await writes.run(work, 'nobody');
  expect(turns).toEqual([userId(1), `security ${userId(1)}`, userId(2), 'admins', 'admins', undefined]);
});

it('an ordinary write asks nobody', async () => {
  const { writes, work, asked } = await open();
  expect(await writes.run(work, userId(1))).toEqual(ok('done'));
  expect(asked).toEqual([]);
});

it('a security write that is refused asks nobody', async () => {
  const { writes, asked } = await open();
  expect(await writes.runSecurely(async () => fail('refused'), userId(1))).toEqual(fail('refused'));
  expect(asked).toEqual([]);
});

it('a security write that cannot be confirmed is made, and not said to be seen everywhere', async () => {
  const { writes, work, database } = await open(() => Promise.reject(new OutcomeUnknown('hangs')));
  await expect(writes.runSecurely(work, userId(1))).rejects.toBeInstanceOf(OutcomeUnknown);
  expect(await database.users.find({ kind: 'id', value: userId(1) })).toMatchObject({ tokenVersion: 7 });
});

it('a security write without a fence is a mistake', async () => {
  const { writes } = await open();
  await expect(writes.runSecurely(async () => ok(1), userId(1))).rejects.toThrow('raised no fence');
});
