import { expect, it } from 'vitest';
import { Receipts, type Standing } from '../../../application/caching/receipts.ts';
import type { Confirmation } from '../../../application/writes.ts';
import { DatabaseSilent, OutcomeUnknown } from '../../../domain/faults.ts';
import type { LogInstance, ReceiptBus, WhoReads } from '../../../domain/ports/change-log.ts';
import type { Snapshot, Xid } from '../../../domain/snapshot.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryReceiptBuses } from '../../support/memory-receipt-bus.ts';

const boundMs = 2_000;
const xid = 100;
const upTo = (xmax: Xid): Snapshot => ({ xmin: xmax, xmax, inProgress: [] });
const [before, after] = [upTo(xid), upTo(xid + 1)];
const own = 'own';

/** A writer whose database says what it is told to say. It has known that database for long. */
class Writer {
  readonly clock = new ManualClock();
  readonly listed = new Map<string, LogInstance>();
  readonly woken: (readonly Xid[])[] = [];
  readonly receipts: Receipts;
  bounds = async () => ({ boundMs, retentionMs: 60_000 });
  /** Where it stands after a check, without the list that the check brings. */
  standing: Omit<Standing, keyof WhoReads> | undefined;
  lists = 0;

  constructor(receiptBus?: ReceiptBus) {
    const since = { monotonicMs: this.clock.monotonicMs(), wallMs: this.clock.nowMs() };
    this.standing = { id: own, identity: 'x', beat: 7, since, applied: after };
    this.say(own, after, 7);
    this.receipts = new Receipts({
      changeLog: {
        bounds: () => this.bounds(),
        instances: async () => {
          this.lists++;
          return [...this.listed.values()];
        },
        wakeOthers: async (xids) => void this.woken.push(xids),
      },
      reader: {
        checked: async () =>
          this.standing && {
            ...this.standing,
            instances: [...this.listed.values()],
            ...(await this.bounds()),
          },
        onReceipt: (answered) => receiptBus?.hear({ asked: () => {}, answered }),
      },
      clock: this.clock,
      timer: this.clock,
      log: { info: () => {}, warn: () => {}, error: () => {} },
      receiptBus,
    });
  }

  say(id: string, applied: Snapshot | undefined, beat = 1, jMs = boundMs): void {
    this.listed.set(id, { id, beat, boundMs: jMs, applied, protocol: 1 });
  }

  /** What comes of a write whose COMMIT was answered now. */
  write(): { done: Confirmation | undefined; failed: unknown } {
    const { clock } = this;
    const outcome: { done: Confirmation | undefined; failed: unknown } = {
      done: undefined,
      failed: undefined,
    };
    this.receipts.confirm(xid, { monotonicMs: clock.monotonicMs(), wallMs: clock.nowMs() }).then(
      (done) => {
        outcome.done = done;
      },
      (error: unknown) => {
        outcome.failed = error;
      },
    );
    return outcome;
  }
}

/** A writer that has known its database for longer than twice the bound. */
const open = async (receiptBus?: ReceiptBus): Promise<Writer> => {
  const writer = new Writer(receiptBus);
  await writer.clock.advance(2 * boundMs + 1);
  return writer;
};

it('is sure at once where every process has applied the change, and wakes them for it', async () => {
  const writer = await open();
  writer.say('other', after);
  const write = writer.write();
  await writer.clock.advance(0);
  expect(write.done).toMatchObject({ by: 'receipts', afterMs: 0, missing: [] });
  expect(write.done?.receipts.map(({ instance }) => instance).sort()).toEqual(['other', own]);
  expect(writer.woken).toEqual([[xid]]);
});

it.each([
  ['has applied what was before it', before],
  ['has applied nothing yet', undefined],
])('waits for one that %s, and says when its receipt came', async (_what, applied) => {
  const writer = await open();
  writer.say('other', applied);
  const write = writer.write();
  await writer.clock.advance(40);
  expect(write.done).toBeUndefined();
  writer.say('other', after, 2);
  await writer.clock.advance(64);
  expect(write.done?.by).toBe('receipts');
  const receipt = write.done?.receipts.find(({ instance }) => instance === 'other');
  expect(receipt?.afterMs).toBeGreaterThan(40);
});

it('waits for the longest bound of all for one that does not say so, and names it', async () => {
  const writer = await open();
  writer.say('silent', before, 1, 9_000);
  writer.bounds = async () => ({ boundMs: 9_000, retentionMs: 60_000 });
  // It has known its database for long enough also by that bound.
  await writer.clock.advance(18_000);
  const write = writer.write();
  await writer.clock.advance(8_999);
  expect(write.done).toBeUndefined();
  await writer.clock.advance(1);
  expect(write.done).toMatchObject({ by: 'bound', missing: ['silent'] });
});

it('does not wait for one whose beat has stood still for twice its own bound since it was seen', async () => {
  const writer = await open();
  writer.say('dead', before, 3, 500);
  // Seen for the first time it counts as living.
  const first = writer.write();
  await writer.clock.advance(1_000);
  expect(first.done).toBeUndefined();
  await writer.clock.advance(64);
  expect(first.done).toMatchObject({ by: 'receipts', missing: [] });
  const second = writer.write();
  await writer.clock.advance(0);
  expect(second.done).toMatchObject({ by: 'receipts', afterMs: 0 });
  // It lives again.
  writer.say('dead', before, 4, 500);
  const third = writer.write();
  await writer.clock.advance(900);
  expect(third.done).toBeUndefined();
});

it.each([
  ['is not in it', (writer: Writer) => void writer.listed.delete(own)],
  ['has an older beat in it', (writer: Writer) => writer.say(own, after, 6)],
])('trusts no list that is read later where the writer itself %s', async (_what, spoil) => {
  const writer = await open();
  writer.say('other', before);
  const write = writer.write();
  await writer.clock.advance(0);
  // As after a crash of the database: the other one has not come back to it yet.
  writer.listed.delete('other');
  spoil(writer);
  await writer.clock.advance(boundMs - 1);
  expect(write.done).toBeUndefined();
  await writer.clock.advance(1);
  expect(write.done).toMatchObject({ by: 'bound' });
});

it('trusts no list before it has known the database for twice the bound', async () => {
  const writer = new Writer();
  await writer.clock.advance(2 * boundMs);
  const write = writer.write();
  await writer.clock.advance(boundMs - 1);
  expect(write.done).toBeUndefined();
  await writer.clock.advance(1);
  expect(write.done).toMatchObject({ by: 'bound' });
});

it.each([
  ['was not answered', () => undefined],
  ['did not see the change', (standing: Writer['standing']) => standing && { ...standing, applied: before }],
])('waits for the bound where its own check %s', async (_what, spoil) => {
  const writer = await open();
  writer.standing = spoil(writer.standing);
  const write = writer.write();
  await writer.clock.advance(boundMs - 1);
  expect(write.done).toBeUndefined();
  await writer.clock.advance(1);
  expect(write.done).toMatchObject({ by: 'bound' });
});

it('is not sure the sooner because a clock was set forward', async () => {
  const writer = await open();
  writer.say('silent', before);
  const write = writer.write();
  writer.clock.jump(3_600_000);
  await writer.clock.advance(boundMs - 1);
  expect(write.done).toBeUndefined();
  await writer.clock.advance(1);
  expect(write.done).toMatchObject({ by: 'bound', missing: ['silent'] });
});

it('finds receipts in the list also while a clock is set back', async () => {
  const writer = await open();
  writer.say('late', before);
  const write = writer.write();
  await writer.clock.advance(0);
  writer.clock.jump(-3_600_000);
  await writer.clock.advance(100);
  expect(write.done).toBeUndefined();
  writer.say('late', after, 2);
  await writer.clock.advance(64);
  expect(write.done?.by).toBe('receipts');
});

it('does not know the outcome where it cannot be told how long to wait', async () => {
  const writer = await open();
  writer.standing = undefined;
  writer.bounds = () => Promise.reject(new DatabaseSilent('hangs'));
  const write = writer.write();
  await writer.clock.advance(0);
  expect(write.failed).toBeInstanceOf(OutcomeUnknown);
});

it('takes an answer from the bus, and wakes nobody by the database', async () => {
  const buses = new MemoryReceiptBuses();
  const writer = await open(buses.open());
  const other = buses.open();
  writer.say('other', before);
  const write = writer.write();
  await writer.clock.advance(0);
  expect(write.done).toBeUndefined();
  expect(buses.asked).toEqual([[xid]]);
  other.answer('process-0', { id: 'other', identity: 'x', snapshot: after });
  await writer.clock.advance(0);
  expect(write.done).toMatchObject({ by: 'receipts', afterMs: 0, missing: [] });
  expect(writer.woken).toEqual([]);
  expect(writer.lists).toBe(0);
});

it.each([
  ['of another database', { id: 'other', identity: 'y', snapshot: after }],
  ['of somebody else', { id: 'another', identity: 'x', snapshot: after }],
  ['that came too early', { id: 'other', identity: 'x', snapshot: before }],
])('takes no answer %s, and wakes everybody by the database a little later', async (_what, answer) => {
  const buses = new MemoryReceiptBuses();
  const writer = await open(buses.open());
  writer.say('other', before);
  const write = writer.write();
  buses.open().answer('process-0', answer);
  await writer.clock.advance(15);
  expect(writer.woken).toEqual([]);
  await writer.clock.advance(1);
  expect(writer.woken).toEqual([[xid]]);
  await writer.clock.advance(100);
  expect(write.done).toBeUndefined();
  writer.say('other', after, 2);
  await writer.clock.advance(64);
  expect(write.done?.by).toBe('receipts');
  expect(writer.woken).toHaveLength(1);
});
