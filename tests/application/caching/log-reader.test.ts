import { describe, expect, it } from 'vitest';
import { type MemoryDatabase, memoryDatabase } from '../../../adapters/memory/memory-database.ts';
import { Belief } from '../../../application/caching/belief.ts';
import { epochIn, LogReader } from '../../../application/caching/log-reader.ts';
import { StatisticsCounter } from '../../../application/caching/statistics.ts';
import { heardOf, recordKinds } from '../../../application/records/kinds.ts';
import { users } from '../../../application/records/user.ts';
import { DatabaseSilent, DatabaseUnavailable } from '../../../domain/faults.ts';
import type { Cache, Cacheable, CheckOutcome, RecordKind } from '../../../domain/ports/cache.ts';
import type { Applied, ChangeLog, Proof, ReceiptBus } from '../../../domain/ports/change-log.ts';
import { hasSeen, type Xid } from '../../../domain/snapshot.ts';
import { change, store } from '../../contracts/persistence-support.ts';
import { account, userId } from '../../support/fixtures.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryReceiptBuses } from '../../support/memory-receipt-bus.ts';

const boundMs = 2_000;
const id = userId(1);

/** A cache that only says what it was told, in order. */
const recordingCache = (steps: string[]): Cache => {
  const kinds = recordKinds();
  const port = (kind: RecordKind<Cacheable>) => ({
    drop: (key: string) => void steps.push(`drop ${kind.name} ${key}`),
  });
  const cache: Pick<Cache, 'kinds' | 'checked' | 'forget'> & { readonly of: typeof port } = {
    kinds,
    of: port,
    checked: (outcome: CheckOutcome, { monotonicMs }) => void steps.push(`${outcome} ${monotonicMs}`),
    forget: () => void steps.push('forget'),
  };
  return cache as unknown as Cache;
};

/** A belief that says when it was told. */
class RecordingBelief extends Belief {
  readonly #steps: string[];
  constructor(steps: string[]) {
    super();
    this.#steps = steps;
  }
  override apply(...told: Parameters<Belief['apply']>): void {
    this.#steps.push('apply');
    super.apply(...told);
  }
  override forget(): void {
    this.#steps.push('believe nothing');
    super.forget();
  }
}

type Spoil = (log: ChangeLog) => Partial<ChangeLog>;

const open = async (spoil: Spoil = () => ({}), receiptBus?: ReceiptBus) => {
  const clock = new ManualClock();
  const database = memoryDatabase({ nowMs: () => clock.nowMs() });
  await store(database, account(1));
  const steps: string[] = [];
  const said: string[] = [];
  const say = (event: string, fields: object = {}) => void said.push(`${event} ${JSON.stringify(fields)}`);
  const belief = new RecordingBelief(steps);
  let ids = 0;
  const reader = new LogReader({
    changeLog: { ...database.log, ...spoil(database.log) },
    cache: recordingCache(steps),
    belief,
    clock,
    timer: clock,
    ids: { uuid: () => `id-${++ids}`, token: () => 'token' },
    log: { info: say, warn: say, error: say },
    statistics: new StatisticsCounter(),
    receiptBus,
    boundMs,
    retentionMs: 600_000,
  });
  /** What was told since the last look. */
  const told = () => steps.splice(0);
  const proof = async (): Promise<Proof> => {
    const read = await database.reads.proof();
    if (read === undefined) throw new Error('the log is there');
    return read;
  };
  const isBelieved = (read: Proof) => belief.doubt(users, id, read) === undefined;
  return { clock, database, reader, belief, said, told, proof, isBelieved };
};

const rename = (database: MemoryDatabase, name: string) => change(database, id, { name });
/** The transaction of a change. */
const renamedBy = async (database: MemoryDatabase): Promise<Xid> => {
  let xid: Xid | undefined;
  await change(database, id, { name: 'changed' }, async (transaction) => {
    xid = await transaction.xid();
  });
  if (xid === undefined) throw new Error('it was changed');
  return xid;
};
const idsOf = async ({ log }: MemoryDatabase) => (await log.instances()).map((instance) => instance.id);
const outcomes = (steps: readonly string[]) =>
  steps.filter((step) => /^(answered|refused|silent|anew)/.test(step));

describe('a reader of the log', () => {
  it('makes two checks at once, and then four in each bound', async () => {
    const { clock, reader, told } = await open();
    await reader.start();
    expect(told()).toEqual(['answered 0', 'apply', 'answered 0']);
    await clock.advance(boundMs);
    expect(outcomes(told())).toEqual(['answered 500', 'answered 1000', 'answered 1500', 'answered 2000']);
    await reader[Symbol.asyncDispose]();
  });

  it('drops what a check brought and believes no older value of it before the gate counts from the check', async () => {
    const { database, reader, told, proof, isBelieved } = await open();
    await reader.start();
    const before = await proof();
    await rename(database, 'changed');
    expect(isBelieved(before)).toBe(true);
    told();
    await reader.check();
    expect(told()).toEqual([`drop users ${id}`, `drop profiles ${id}`, 'apply', 'answered 0']);
    expect(isBelieved(before)).toBe(false);
    expect(isBelieved(await proof())).toBe(true);
    await reader[Symbol.asyncDispose]();
  });

  it('counts from the beginning of a check, however long that took, and tells of the silence at half the bound', async () => {
    let answer = (): void => {};
    const late = Promise.withResolvers<void>();
    const { clock, reader, told } = await open((log) => ({
      check: async (asked) => {
        if (asked.beat === 3) await late.promise;
        return log.check(asked);
      },
    }));
    answer = late.resolve;
    await reader.start();
    told();
    await clock.advance(500);
    expect(told()).toEqual([]);
    await clock.advance(boundMs / 2);
    expect(told()).toEqual(['silent 500']);
    answer();
    await clock.advance(0);
    expect(outcomes(told())[0]).toBe('answered 500');
    await clock.advance(boundMs);
    expect(outcomes(told())).not.toContain('silent 500');
    await reader[Symbol.asyncDispose]();
  });

  it.each([
    ['nobody answered', new DatabaseSilent(), 'silent 0'],
    ['somebody answered something else', new DatabaseUnavailable('denied'), 'refused 0'],
    ['the answer could not be read', new TypeError('a bug'), 'refused 0'],
  ])('tells apart that %s, and says it once', async (_what, error, outcome) => {
    const { reader, told, said } = await open(() => ({ check: () => Promise.reject(error) }));
    await reader.check();
    await reader.check();
    expect(told()).toEqual([outcome, outcome]);
    expect(said).toHaveLength(1);
  });

  it('checks once more when it is asked to during a check, and not more often', async () => {
    const { reader, told } = await open();
    await reader.check();
    told();
    await Promise.all([reader.check(), reader.check(), reader.check()]);
    expect(outcomes(told())).toHaveLength(2);
  });

  it('checks when somebody wakes it', async () => {
    const { clock, database, reader, told } = await open();
    await reader.start();
    told();
    await database.log.wakeOthers([]);
    await clock.advance(1);
    // The second one says what the first one brought.
    expect(outcomes(told())).toEqual(['answered 1', 'answered 1']);
    await reader[Symbol.asyncDispose]();
  });

  it('says in the list that it knows of a change, with the second check after it was woken for it', async () => {
    const { clock, database, reader, told } = await open();
    await reader.start();
    const xid = await renamedBy(database);
    const hasApplied = async () => {
      const [instance] = await database.log.instances();
      return instance?.applied !== undefined && hasSeen(instance.applied, xid);
    };
    await reader.check();
    expect(await hasApplied()).toBe(false);
    await database.log.wakeOthers([xid]);
    await clock.advance(1);
    expect(await hasApplied()).toBe(true);
    told();
    // It has said so.
    await database.log.wakeOthers([xid]);
    await clock.advance(1);
    expect(told()).toEqual([]);
    await reader[Symbol.asyncDispose]();
  });

  it('lets those whom others ask for lie a millisecond apart for each process', async () => {
    const { clock, database, reader, told } = await open((log) => ({
      check: async (asked) => {
        const answer = await log.check(asked);
        const [one] = answer.who?.instances ?? [];
        const instances = one === undefined ? [] : Array.from({ length: 20 }, () => one);
        return { ...answer, who: answer.who && { ...answer.who, instances } };
      },
    }));
    await reader.start();
    await clock.advance(10);
    told();
    const startMs = clock.monotonicMs();
    for (let n = 0; n < 60; n++) {
      await database.log.wakeOthers([]);
      await clock.advance(1);
    }
    const began = new Set(outcomes(told()).map((step) => Number(step.split(' ')[1]) - startMs));
    expect([...began].slice(0, 3)).toEqual([10, 30, 50]);
    await clock.advance(20);
    await reader[Symbol.asyncDispose]();
  });

  it('answers on the bus once it has dropped what it was asked about, and at once where it has already', async () => {
    const buses = new MemoryReceiptBuses();
    const { clock, database, reader, told } = await open(undefined, buses.open());
    const asker = buses.open();
    const answers: Applied[] = [];
    /** What was done before each answer. */
    const before: string[][] = [];
    asker.hear({
      asked: () => {},
      answered: (applied) => {
        answers.push(applied);
        before.push(told());
      },
    });
    await reader.start();
    told();
    const xid = await renamedBy(database);
    asker.ask([xid]);
    await clock.advance(1);
    const [instance] = await database.log.instances();
    expect(answers).toMatchObject([{ id: instance?.id, identity: expect.stringMatching(/^memory\./) }]);
    expect(answers.every(({ snapshot }) => hasSeen(snapshot, xid))).toBe(true);
    expect(before[0]).toContain(`drop users ${id}`);
    told();
    asker.ask([xid]);
    await clock.advance(1);
    expect(answers).toHaveLength(2);
    expect(told()).toEqual([]);
    // What is visible nowhere is given up after a few checks.
    asker.ask([2 ** 40]);
    await clock.advance(1);
    expect(outcomes(told()).length).toBeLessThanOrEqual(3);
    expect(answers).toHaveLength(2);
    await reader[Symbol.asyncDispose]();
  });

  it('tells who asks where it stands after a check that began after they asked, or that it was not answered', async () => {
    let isAway = false;
    const { database, reader } = await open((log) => ({
      check: (asked) => (isAway ? Promise.reject(new DatabaseSilent()) : log.check(asked)),
    }));
    await reader.start();
    const running = reader.check();
    const xid = await renamedBy(database);
    const standing = await reader.checked();
    await running;
    expect(standing && hasSeen(standing.applied, xid)).toBe(true);
    const [listed] = await database.log.instances();
    expect(standing).toMatchObject({
      id: listed?.id,
      beat: listed?.beat,
      since: { monotonicMs: 0 },
      boundMs,
    });
    expect(standing?.instances.map((instance) => instance.id)).toEqual([listed?.id]);
    isAway = true;
    expect(await reader.checked()).toBeUndefined();
    expect(await reader.checked()).toBeUndefined();
    await reader[Symbol.asyncDispose]();
  });

  it('takes a table that was emptied for everything', async () => {
    const { database, reader, told, proof, isBelieved } = await open();
    await reader.start();
    const before = await proof();
    database.server.truncate();
    told();
    await reader.check();
    expect(told()).toEqual(['forget', 'apply', 'answered 0']);
    expect(isBelieved(before)).toBe(false);
    await reader[Symbol.asyncDispose]();
  });

  it('closes the gate while triggers are missing, and looks at them again where the tables changed', async () => {
    let [missing, shape, looks] = [['kith_log on users'], 'first', 0];
    const { reader, told, said } = await open((log) => ({
      missingTriggers: async () => {
        looks++;
        return missing;
      },
      check: async (asked) => ({ ...(await log.check(asked)), shape }),
      startingPoints: async (max) => ({ ...(await log.startingPoints(max)), shape }),
    }));
    await reader.check();
    await reader.check();
    expect(outcomes(told())).toEqual(['anew 0', 'anew 0']);
    expect(said.join()).toContain('kith_log on users');
    missing = [];
    // The second one, which opens the gate, comes by itself.
    await reader.check();
    expect(outcomes(told())).toEqual(['answered 0', 'answered 0']);
    expect(looks).toBe(3);
    [missing, shape] = [['kith_log on contacts'], 'second'];
    await reader.check();
    expect(told()).toEqual(['forget', 'apply', 'anew 0']);
  });

  it('begins at a note, so that what was read before its start is believed unless it changed', async () => {
    const { database, reader, proof, isBelieved } = await open();
    await database.log.sweep(600_000);
    const unchanged = await proof();
    await reader.start();
    expect(isBelieved(unchanged)).toBe(true);
    await reader[Symbol.asyncDispose]();
    const next = await open();
    await next.database.log.sweep(600_000);
    const old = await next.proof();
    await rename(next.database, 'before the start');
    await next.reader.start();
    expect(next.isBelieved(old)).toBe(false);
    await next.reader[Symbol.asyncDispose]();
  });

  it('without a note believes nothing that was read before its first check', async () => {
    const { database, reader, proof, isBelieved } = await open();
    const before = await proof();
    await rename(database, 'meanwhile');
    await reader.check();
    expect(isBelieved(before)).toBe(false);
    expect(isBelieved(await proof())).toBe(true);
  });

  it('keeps the own writes of the time before its first check', async () => {
    const { database, reader, belief, proof, isBelieved } = await open((log) => ({
      check: async (asked) => {
        const answer = await log.check(asked);
        // Committed and acknowledged while the answer is under way.
        if (asked.beat === 1) {
          before = await proofOf();
          const xid = await database.transactions.run(async (transaction) => {
            await transaction.users.lock(id);
            await transaction.users.update(account(1, { name: 'own', version: 2 }));
            return transaction.xid();
          });
          belief.noteOwn(xid, heardOf({ kind: 'user', userId: id }));
        }
        return answer;
      },
    }));
    const proofOf = proof;
    let before: Proof | undefined;
    await reader.check();
    expect(before !== undefined && isBelieved(before)).toBe(false);
    expect(isBelieved(await proof())).toBe(true);
  });
});

describe('a reader starts anew', () => {
  it('when a crash took the state of the log: memory, beliefs, name and gate', async () => {
    const { database, reader, told, proof, isBelieved } = await open();
    await reader.start();
    const before = await proof();
    const [first] = await idsOf(database);
    told();
    database.server.crash();
    await reader.check();
    expect(told()).toEqual(['believe nothing', 'forget', 'anew 0', 'answered 0', 'apply', 'answered 0']);
    const { epoch } = await proof();
    expect(epoch).not.toBe(before.epoch);
    expect(isBelieved(before)).toBe(false);
    expect(await idsOf(database)).toEqual([expect.not.stringMatching(`^${first}$`)]);
    await reader[Symbol.asyncDispose]();
  });

  it('when the database went back, and gives that a new epoch, however often it has to ask', async () => {
    let failures = 2;
    const { database, reader, told, proof, isBelieved } = await open((log) => ({
      renewEpoch: async (seen) => {
        if (failures-- > 0) throw new DatabaseSilent();
        await log.renewEpoch(seen);
      },
    }));
    const putBack = database.server.copy();
    await reader.start();
    for (let n = 0; n < 5; n++) await rename(database, `${n}`);
    await reader.check();
    const lost = await proof();
    putBack();
    told();
    await reader.check();
    // The gate is closed first.
    expect(told()).toEqual(['believe nothing', 'forget', 'anew 0', 'silent 0']);
    expect(isBelieved(lost)).toBe(false);
    // Meanwhile the ids are given out again.
    for (let n = 0; n < 20; n++) await rename(database, `again ${n}`);
    await reader.check();
    expect(told()).toEqual(['silent 0']);
    expect(isBelieved(lost)).toBe(false);
    await reader.check();
    expect(told()).toEqual(['answered 0', 'apply', 'answered 0']);
    expect((await proof()).epoch).not.toBe(lost.epoch);
    expect(isBelieved(lost)).toBe(false);
    expect(isBelieved(await proof())).toBe(true);
    await reader[Symbol.asyncDispose]();
  });

  it('when rows were swept that it had not read', async () => {
    const { clock, database, reader, told, said } = await open();
    await reader.check();
    told();
    for (let minutes = 0; minutes < 25; minutes++) {
      await clock.advance(60_000);
      await database.log.sweep(60_000);
    }
    await reader.check();
    expect(told()).toContain('anew 1500000');
    expect(said.join()).toContain('slept-too-long');
  });

  it('and takes no part of another database for its own', async () => {
    const other = memoryDatabase();
    let isOther = false;
    const { reader, told, said } = await open((log) => ({
      check: (asked) => (isOther ? other.log : log).check(asked),
      begin: (bounds) => (isOther ? other.log : log).begin(bounds),
      startingPoints: (max) => (isOther ? other.log : log).startingPoints(max),
    }));
    await reader.check();
    isOther = true;
    told();
    await reader.check();
    expect(told()).toEqual(['believe nothing', 'forget', 'anew 0', 'answered 0', 'apply', 'answered 0']);
    expect(said.join()).toContain('other-identity');
  });
});

describe('a reader that ends', () => {
  it('closes its gate, then leaves the list, and checks no more', async () => {
    const order: string[] = [];
    const { clock, database, reader, told } = await open((log) => ({
      leave: async (gone) => {
        order.push(...told(), 'leave');
        await log.leave(gone);
      },
    }));
    await reader.start();
    expect(await idsOf(database)).toHaveLength(1);
    told();
    await reader[Symbol.asyncDispose]();
    expect(order).toEqual(['anew 0', 'leave']);
    expect(await idsOf(database)).toEqual([]);
    await database.log.wakeOthers([]);
    await clock.advance(10 * boundMs);
    expect(told()).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('does not come back to the list when somebody asks it for a check', async () => {
    let ask = (_xids: readonly Xid[]): void => {};
    const receiptBus: ReceiptBus = {
      hear: (listener) => {
        ask = (xids) => listener.asked(xids, 'another');
      },
      ask: () => {},
      answer: () => {},
    };
    const { database, reader } = await open(undefined, receiptBus);
    await reader.start();
    await reader[Symbol.asyncDispose]();
    ask([await renamedBy(database)]);
    expect(await reader.checked()).toBeUndefined();
    await reader.check();
    expect(await idsOf(database)).toEqual([]);
  });

  it('ends where it cannot say so', async () => {
    const { reader } = await open(() => ({ leave: () => Promise.reject(new DatabaseSilent()) }));
    await reader.start();
    await reader[Symbol.asyncDispose]();
  });
});

it('the epoch in a value is of eight characters of the last part of an identity', () => {
  expect(epochIn('7423.16384.0b7e3c1a-1111-4222-8333-444455556666')).toBe('0b7e3c1a');
});
