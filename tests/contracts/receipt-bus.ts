import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { Applied, ReceiptBus, ReceiptListener } from '../../domain/ports/change-log.ts';
import type { Xid } from '../../domain/snapshot.ts';
import { type Contract, describeContract, type Open } from './contract.ts';

/** Three processes on one bus, which are connected. */
export interface ReceiptBusUnderTest {
  readonly buses: readonly [ReceiptBus, ReceiptBus, ReceiptBus];
  /** Lets a moment pass, in which what is under way gets on. */
  pass(): Promise<void>;
}

type Told = { readonly asked: [xids: readonly Xid[], asker: string][]; readonly answered: Applied[] };

const tellOf = (bus: ReceiptBus): Told => {
  const told: Told = { asked: [], answered: [] };
  const listener: ReceiptListener = {
    asked: (xids, asker) => void told.asked.push([xids, asker]),
    answered: (applied) => void told.answered.push(applied),
  };
  bus.hear(listener);
  return told;
};

const maxMoments = 400;

const until = async ({ pass }: ReceiptBusUnderTest, holds: () => boolean): Promise<void> => {
  for (let moment = 0; !holds(); moment++) {
    if (moment === maxMoments) throw new Error('it did not come about');
    await pass();
  }
};

const applied = (): Applied => ({
  id: randomUUID(),
  identity: `7423.16384.${randomUUID()}`,
  snapshot: { xmin: 7, xmax: 12, inProgress: [7, 9] },
});

export const receiptBusContract: Contract<ReceiptBusUnderTest> = [
  [
    'asks everybody else, and says who asks',
    async (under) => {
      const [asker, ...others] = under.buses;
      const own = tellOf(asker);
      const told = others.map(tellOf);
      asker.ask([5, 2 ** 40]);
      await until(under, () => told.every(({ asked }) => asked.length > 0));
      const [first, second] = told.map(({ asked }) => asked[0]);
      expect(first?.[0]).toEqual([5, 2 ** 40]);
      expect(second).toEqual(first);
      expect(own.asked).toEqual([]);
    },
  ],
  [
    'brings an answer as it is to the one who asked, and to nobody else',
    async (under) => {
      const [asker, other, third] = under.buses;
      const own = tellOf(asker);
      const [at, bystander] = [tellOf(other), tellOf(third)];
      asker.ask([5]);
      await until(under, () => at.asked.length > 0 && bystander.asked.length > 0);
      const said = [applied(), applied()];
      for (const each of said) other.answer(at.asked[0]?.[1] ?? '', each);
      await until(under, () => own.answered.length === 2);
      expect(own.answered).toEqual(said);
      // What the third asks is answered to it alone.
      third.ask([6]);
      await until(under, () => at.asked.length === 2);
      other.answer(at.asked[1]?.[1] ?? '', applied());
      await until(under, () => bystander.answered.length > 0);
      expect(bystander.answered).toHaveLength(1);
      expect(own.answered).toHaveLength(2);
    },
  ],
];

export const describeReceiptBus = (name: string, open: Open<ReceiptBusUnderTest>): void =>
  describeContract(`${name} as a receipt bus`, receiptBusContract, open);
