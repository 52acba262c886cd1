import { expect } from 'vitest';
import type { BusListener, InvalidationBus } from '../../domain/ports/cache.ts';
import type { Clock } from '../../domain/ports/runtime.ts';
import { type Contract, describeContract, type Open } from './contract.ts';

/** What is told of: a kind of record, or `everything`. */
type What = Parameters<BusListener['invalidated']>[0];

/** A bus to be tested, and those with whom it is connected. */
export interface BusUnderTest extends AsyncDisposable {
  readonly bus: InvalidationBus;
  /** That of another process, which hears the same. */
  readonly another: InvalidationBus;
  /** Whose monotonic time the proofs tell. */
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Publishes as a third process does; resolves when it is published. */
  publish(what: What, key: string): Promise<void>;
  /** Breaks the connection of `bus`, which comes back by itself. */
  interrupt(): void;
  /** Lets a moment pass, in which what is under way gets on: some milliseconds, or a step. */
  pass(): Promise<void>;
}

/** Moments until something that happens by itself must have happened. */
const maxMoments = 1000;

/** Everything that a listener is told, with its time. */
type Told = { readonly atMs: number } & (
  | { readonly is: 'invalidated'; readonly what: What; readonly key: string }
  | { readonly is: 'proved'; readonly sentAtMs: number }
  | { readonly is: 'interrupted' }
);

const recorder = ({ clock, pass }: BusUnderTest) => {
  const told: Told[] = [];
  const note = (is: 'interrupted') => told.push({ atMs: clock.monotonicMs(), is });
  const listener: BusListener = {
    invalidated: (what, key) => void told.push({ atMs: clock.monotonicMs(), is: 'invalidated', what, key }),
    proved: ({ monotonicMs: sentAtMs }) =>
      void told.push({ atMs: clock.monotonicMs(), is: 'proved', sentAtMs }),
    interrupted: () => void note('interrupted'),
  };
  const until = async (holds: () => boolean): Promise<void> => {
    for (let moment = 0; !holds(); moment++) {
      if (moment === maxMoments) throw new Error('it did not come about');
      await pass();
    }
  };
  return {
    listener,
    told,
    until,
    keys: () => told.flatMap((each) => (each.is === 'invalidated' ? [each.key] : [])),
    /** Waits for a proof of all that was published until now. */
    proof: () => {
      const sinceMs = clock.monotonicMs();
      return until(() => told.some((each) => each.is === 'proved' && each.sentAtMs > sinceMs));
    },
  };
};

const listening = async (under: BusUnderTest) => {
  const recording = recorder(under);
  under.bus.listen(recording.listener);
  await recording.proof();
  return recording;
};

const publishMany = async (under: BusUnderTest, count: number): Promise<readonly string[]> => {
  const keys = Array.from({ length: count }, () => crypto.randomUUID());
  for (const key of keys) await under.publish('users', key);
  return keys;
};

export const invalidationBusContract: Contract<BusUnderTest> = [
  [
    'tells of each invalidation by kind and key, in the order in which they were published',
    async (under) => {
      const { until, keys, told } = await listening(under);
      const published = await publishMany(under, 50);
      await under.publish('contacts', 'a key:with any-thing in it');
      await until(() => keys().length > published.length);
      expect(keys()).toEqual([...published, 'a key:with any-thing in it']);
      expect(told.flatMap((each) => (each.is === 'invalidated' ? [each.what] : []))).toEqual([
        ...published.map(() => 'users'),
        'contacts',
      ]);
    },
  ],
  [
    'tells of everything at once',
    async (under) => {
      const { until, told } = await listening(under);
      await under.publish('everything', '*');
      await until(() => told.some((each) => each.is === 'invalidated' && each.what === 'everything'));
    },
  ],
  [
    'tells every listener everything, from when it began to listen',
    async (under) => {
      const first = await listening(under);
      const before = await publishMany(under, 3);
      await first.until(() => first.keys().length === 3);
      const second = await listening(under);
      const after = await publishMany(under, 3);
      await second.until(() => second.keys().length === 3 && first.keys().length === 6);
      expect(first.keys()).toEqual([...before, ...after]);
      expect(second.keys()).toEqual(after);
    },
  ],
  [
    'proves no more than it has told: whatever was published before the time of a proof',
    async (under) => {
      const { told, proof } = await listening(under);
      const published: { readonly key: string; readonly atMs: number }[] = [];
      for (let round = 0; round < 20; round++) {
        for (const key of await publishMany(under, 5))
          published.push({ key, atMs: under.clock.monotonicMs() });
        await under.pass();
      }
      await proof();
      const heard = new Set<string>();
      for (const each of told) {
        if (each.is === 'invalidated') heard.add(each.key);
        if (each.is === 'proved')
          expect(published.filter(({ key, atMs }) => atMs < each.sentAtMs && !heard.has(key))).toEqual([]);
      }
    },
  ],
  [
    'proves by what was sent in the past, and goes on proving',
    async (under) => {
      const { told, proof } = await listening(under);
      for (let n = 0; n < 5; n++) await proof();
      for (const each of told) if (each.is === 'proved') expect(each.sentAtMs).toBeLessThanOrEqual(each.atMs);
    },
  ],
  [
    'tells of an interruption, and then hears and proves again',
    async (under) => {
      const { until, told, proof, keys } = await listening(under);
      const before = told.length;
      under.interrupt();
      await until(() => told.slice(before).some(({ is }) => is === 'interrupted'));
      await proof();
      const [key] = await publishMany(under, 1);
      await until(() => keys().includes(key ?? ''));
    },
  ],
  [
    'proves nothing by what was sent before an interruption',
    async (under) => {
      const { told, proof } = await listening(under);
      for (let n = 0; n < 3; n++) {
        await under.pass();
        under.interrupt();
        await proof();
      }
      let interruptedAtMs = Number.NEGATIVE_INFINITY;
      for (const each of told) {
        if (each.is === 'interrupted') interruptedAtMs = each.atMs;
        if (each.is === 'proved') expect(each.sentAtMs).toBeGreaterThanOrEqual(interruptedAtMs);
      }
    },
  ],
  [
    'loses no invalidation in silence: it is told of, or an interruption is told after it',
    async (under) => {
      const { told, proof, until } = await listening(under);
      const published: { readonly key: string; readonly atMs: number }[] = [];
      for (let n = 0; n < 60; n++) {
        const atMs = under.clock.monotonicMs();
        for (const key of await publishMany(under, 1)) published.push({ key, atMs });
        // What is under way to it is lost, and what comes before it is back.
        if (n % 20 === 5) under.interrupt();
        await under.pass();
      }
      await proof();
      await until(() => told.at(-1)?.is === 'proved');
      const heard = told.flatMap((each) => (each.is === 'invalidated' ? [each.key] : []));
      const lastInterruptionMs = told.findLast(({ is }) => is === 'interrupted')?.atMs ?? 0;
      for (const { key, atMs } of published)
        if (!heard.includes(key)) expect(atMs).toBeLessThanOrEqual(lastInterruptionMs);
      // Some were heard: the connection was not away all the time.
      expect(heard.length).toBeGreaterThan(0);
    },
  ],
  [
    'tells nothing more once it is disposed',
    async (under) => {
      const { told, proof } = await listening(under);
      const witness = recorder(under);
      under.another.listen(witness.listener);
      await witness.proof();
      await proof();
      await under.bus[Symbol.asyncDispose]();
      const before = told.length;
      const [key] = await publishMany(under, 1);
      await witness.until(() => witness.keys().includes(key ?? ''));
      await witness.proof();
      expect(told.slice(before)).toEqual([]);
    },
  ],
];

/** What InvalidationBus promises, for any adapter of it. */
export const describeInvalidationBus = (name: string, open: Open<BusUnderTest>): void =>
  describeContract(`${name} as a bus`, invalidationBusContract, open);
