/**
 * Wrong protocols, as in variants.ts: those that differ in how the log is read, and in what is waited for. Most of them are
 * refuted where each instance has a Redis of its own: fences would hide them, as they are meant to.
 */
import { momentOn, never } from '../../application/caching/ages.ts';
import { Gate, type GateOptions } from '../../application/caching/gate.ts';
import { FencedWrites, type FencedWritesNeeds } from '../../application/caching/protocol.ts';
import { Receipts, type ReceiptsNeeds } from '../../application/caching/receipts.ts';
import type { Writes } from '../../application/writes.ts';
import type { ChangeLog, LogInstance, WhoReads } from '../../domain/ports/change-log.ts';
import type { Clock, Moment } from '../../domain/ports/runtime.ts';
import type { Xid } from '../../domain/snapshot.ts';
import { on0, on1, type PlantedVariant } from './planted.ts';
import type { Action } from './run.ts';
import type { World } from './world.ts';

/** Open from the start on, until the first check. */
class OpenAtOnce extends Gate {
  #isNew = true;

  override answered(began: Moment): void {
    this.#isNew = false;
    super.answered(began);
  }
  override isOpen(now?: Moment): boolean {
    return this.#isNew || super.isOpen(now);
  }
}

/** SERVE lasts from the first silence on, not from the last answered check. */
class FromFirstSilence extends Gate {
  readonly #clock: Clock;
  #isSilent = false;

  constructor(options: GateOptions) {
    super(options);
    this.#clock = options.clock;
  }

  override answered(began: Moment): void {
    this.#isSilent = false;
    super.answered(began);
  }
  override silent(): void {
    if (!this.#isSilent && this.isOpen()) {
      super.answered(momentOn(this.#clock));
      this.#isSilent = true;
    }
    super.silent();
  }
}

class ErrorEndsNothing extends Gate {
  override refused(): void {}
}

/** Waits by the wall clock, which is the larger one where it steps forward. */
class WaitsByWallClock extends Receipts {
  constructor(needs: ReceiptsNeeds) {
    const { clock } = needs;
    super({ ...needs, clock: { nowMs: () => clock.nowMs(), monotonicMs: () => clock.nowMs() } });
  }
}

/** Counts the bound of a security write from the sending of COMMIT. */
const boundFromSending = (needs: FencedWritesNeeds): Writes => {
  const { clock, transactions, confirmations } = needs;
  let sent: Moment = never;
  return new FencedWrites({
    ...needs,
    transactions: {
      run: (work) =>
        transactions.run(async (transaction) => {
          const value = await work(transaction);
          sent = momentOn(clock);
          return value;
        }),
    },
    confirmations: { confirm: (xid) => confirmations.confirm(xid, sent) },
  });
};

/** Trusts a list of an identity that is new, too. */
class TrustsNewIdentity extends Receipts {
  constructor({ reader, ...needs }: ReceiptsNeeds) {
    super({
      ...needs,
      reader: {
        onReceipt: (listener) => reader.onReceipt(listener),
        async checked() {
          const standing = await reader.checked();
          return standing && { ...standing, since: never };
        },
      },
    });
  }
}

/** Who read which rows, in each world. */
const consumed = new WeakMap<World, Map<Xid, ChangeLog>>();

const consumesRows = (log: ChangeLog, world: World): ChangeLog => {
  const readers = consumed.get(world) ?? new Map<Xid, ChangeLog>();
  consumed.set(world, readers);
  return {
    ...log,
    check: async (asked) => {
      const answer = await log.check(asked);
      if (answer.rows === 'too-many') return answer;
      const rows = answer.rows.filter(({ xid }) => (readers.get(xid) ?? log) === log);
      for (const { xid } of rows) readers.set(xid, log);
      return { ...answer, rows };
    },
  };
};

/** Each check says who read the log at the check before it. */
const listOfLastCheck = (log: ChangeLog): ChangeLog => {
  let last: WhoReads | undefined;
  return {
    ...log,
    check: async (asked) => {
      const answer = await log.check({ ...asked, asksWho: true });
      const who = last ?? answer.who;
      last = answer.who;
      return { ...answer, who: asked.asksWho === true ? who : undefined };
    },
  };
};

/** Who does not beat is soon taken for dead: within a part of twice the bound. */
const listedFor =
  (part: number) =>
  (log: ChangeLog): ChangeLog => {
    const shorter = (listed: readonly LogInstance[]): readonly LogInstance[] =>
      listed.map((each) => ({ ...each, boundMs: each.boundMs * part }));
    return {
      ...log,
      check: async (asked) => {
        const answer = await log.check(asked);
        return {
          ...answer,
          who: answer.who && { ...answer.who, instances: shorter(answer.who.instances) },
        };
      },
      instances: async () => shorter(await log.instances()),
    };
  };

const reads: readonly Action[] = ['read', 'read', 'read', 'read', 'read', 'read', 'read', 'read'];
const looks: readonly Action[] = ['read', 'pause', 'read', 'pause', 'read', 'pause', 'read', 'pause', 'read'];
const rawOnce = [on0('read', 'raw', 'pause'), on1(...reads), on1(...reads)];
const silentFor = [
  on1(...looks, ...looks, ...looks, ...looks),
  on1(...looks, ...looks, ...looks, ...looks),
  on0('pause', 'raw', 'pause', 'raw', 'pause', 'raw'),
];
const securities: readonly Action[] = ['security', 'security', 'security', 'security', 'security'];
/** Hits take no time: without pauses they would be over before anything is written. */
const watchedOn1 = [on1(...looks, ...looks), on1('read', ...looks, ...looks), on1('pause', ...looks)];
const secured = [on0('read', ...securities), ...watchedOn1];
const securedBy1 = [
  on1('read', ...securities),
  on0(...looks, ...looks),
  on0('read', ...looks, ...looks),
  on0('pause', ...looks),
];

export const plantedInLog: readonly PlantedVariant[] = [
  {
    name: 'rows are consumed by who reads them first',
    variant: { log: consumesRows },
    fault: 'none',
    actors: silentFor,
  },
  { name: 'a newcomer serves at once', variant: { gate: OpenAtOnce }, fault: 'newcomer', actors: rawOnce },
  {
    name: 'serving lasts from the first silence on',
    variant: { gate: FromFirstSilence },
    fault: 'log-silent',
    actors: silentFor,
  },
  {
    name: 'an error does not end serving',
    variant: { gate: ErrorEndsNothing },
    fault: 'log-silent',
    actors: silentFor,
  },
  {
    name: 'waiting goes by the clock that says more',
    variant: { receipts: WaitsByWallClock },
    setUp: 'other-redis',
    fault: 'wall-clock-forward',
    actors: securedBy1,
    seed: 2,
  },
  {
    name: 'the bound is counted from the sending of COMMIT',
    variant: { writes: boundFromSending },
    setUp: 'other-redis',
    fault: 'lapsed-beat',
    actors: secured,
  },
  {
    name: 'a short list of a new identity is trusted',
    variant: { receipts: TrustsNewIdentity },
    setUp: 'other-redis',
    fault: 'database-crash',
    actors: secured,
    seed: 2,
  },
  {
    name: 'the list of the last check',
    variant: { log: listOfLastCheck },
    setUp: 'other-redis',
    fault: 'newcomer',
    actors: secured,
  },
  {
    name: 'listed for half of the bound',
    variant: { log: listedFor(1 / 4) },
    setUp: 'other-redis',
    fault: 'lapsed-beat',
    actors: secured,
  },
  {
    name: 'a new look in the pause skips belief',
    variant: { redis: { believes: 'after-a-pause' } },
    fault: 'redis-goes-back',
    actors: secured,
  },
];
