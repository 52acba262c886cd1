import { afterAll, beforeAll, expect, it } from 'vitest';
import { RedisBus } from '../../../adapters/redis/bus.ts';
import { openClient } from '../../../adapters/redis/client.ts';
import { receiptChannel } from '../../../adapters/redis/keys.ts';
import { systemTimer } from '../../../adapters/system/clock.ts';
import type { ReceiptBus } from '../../../domain/ports/change-log.ts';
import { brokenSentences } from '../../contracts/contract.ts';
import {
  describeReceiptBus,
  type ReceiptBusUnderTest,
  receiptBusContract,
} from '../../contracts/receipt-bus.ts';
import { MemoryReceiptBuses } from '../../support/memory-receipt-bus.ts';
import { openRedis, type RedisServer } from '../../support/redis-server.ts';
import { runtime, until } from './fixture.ts';

const keyPrefix = 'kith:';

let server: RedisServer;
beforeAll(async () => {
  server = await openRedis();
});
afterAll(() => server[Symbol.asyncDispose]());

/** Connected when it resolves. */
const connect = async (): Promise<RedisBus> => {
  const bus = new RedisBus(
    { open: () => openClient(server.address), keyPrefix, maxStalenessMs: 100 },
    runtime(),
  );
  let proofs = 0;
  bus.listen({ invalidated: () => {}, proved: () => void proofs++, interrupted: () => {} });
  await until(() => proofs > 0, 2000);
  return bus;
};

const openThree = async () => {
  const buses = [await connect(), await connect(), await connect()] as const;
  return {
    buses,
    pass: () => systemTimer.sleep(5),
    [Symbol.asyncDispose]: async () => {
      for (const bus of buses) await bus[Symbol.asyncDispose]();
    },
  };
};

describeReceiptBus('RedisBus', openThree);

const openInMemory = (spoil: (bus: ReceiptBus) => Partial<ReceiptBus> = () => ({})): ReceiptBusUnderTest => {
  const all = new MemoryReceiptBuses();
  const open = (): ReceiptBus => {
    const right = all.open();
    return { ...right, ...spoil(right) };
  };
  return { buses: [open(), open(), open()], pass: () => new Promise((resolve) => setImmediate(resolve)) };
};

describeReceiptBus('that of the tests', () => openInMemory());

it.each<readonly [what: string, spoil: (bus: ReceiptBus) => Partial<ReceiptBus>]>([
  [
    'cuts snapshots',
    (bus) => ({
      answer: (asker, said) => bus.answer(asker, { ...said, snapshot: { ...said.snapshot, inProgress: [] } }),
    }),
  ],
  [
    'forgets who asks',
    (bus) => ({ hear: (listener) => bus.hear({ ...listener, asked: (xids) => listener.asked(xids, '') }) }),
  ],
  ['keeps questions', () => ({ ask: () => {} })],
])('the contract finds one that %s', async (_what, spoil) => {
  expect(await brokenSentences(receiptBusContract, () => openInMemory(spoil))).not.toEqual([]);
});

it('takes what it cannot read for no question and no answer', async () => {
  await using three = await openThree();
  const [bus, other] = three.buses;
  const told: unknown[] = [];
  bus.hear({ asked: (...asked) => void told.push(asked), answered: (said) => void told.push(said) });
  for (const message of ['', 'someone', 'someone 0', 'someone 1,x', 'someone -1', `a ${'9'.repeat(30)}`])
    await server.command('PUBLISH', receiptChannel(keyPrefix), message);
  other.ask([4]);
  await until(() => told.length > 0, 2000);
  expect(told).toEqual([[[4], expect.any(String)]]);
});

it('says nothing while it is not connected, and does not fail', async () => {
  const bus = new RedisBus(
    { open: () => openClient(server.address), keyPrefix, maxStalenessMs: 100 },
    runtime(),
  );
  bus.ask([1]);
  bus.answer('nobody', { id: 'x', identity: 'y', snapshot: { xmin: 1, xmax: 1, inProgress: [] } });
  await bus[Symbol.asyncDispose]();
});
