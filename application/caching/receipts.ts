/**
 * RECEIPTS: when a security write may be acknowledged, which is when no process can still serve the version before it.
 *
 * Every process that serves from a cache is in a list in the database, with its last beat and the snapshot that it has
 * *applied*: it believes nothing older than that any more (log-reader.ts). So after the COMMIT the writer wakes everybody,
 * checks the log itself, and reads the list until every living process has applied a snapshot that has seen the change;
 * or until the longest bound has passed, after which every gate is closed or opened by a later check. Where there is a bus,
 * it is asked and answers sooner than the list; where the answers do not come in time, everybody is woken by the database.
 * That somebody has applied a snapshot never becomes untrue under an identity of the database, so it does not matter which
 * message is lost, late, or comes twice.
 *
 * Four rules, each refuted without it (model/log/variants.ts):
 *
 * - The list is read after the COMMIT, in the statement of the writer's own check, which shows the identity too. Where it is
 *   read again it must hold the beat of that check: a list without it is of another epoch, after a crash of the database for
 *   example, and may be short.
 * - A process lives until its beat has stood still for twice its bound, by the writer's own watch: one that was seen for
 *   the first time counts as living.
 * - Who has known the present identity for less than twice the bound trusts no list, and waits.
 * - Waiting goes by the clock that says less (ages.ts), and the bound counts from the answer to COMMIT.
 */
import { OutcomeUnknown } from '../../domain/faults.ts';
import type { Applied, ChangeLog, LogInstance, ReceiptBus, WhoReads } from '../../domain/ports/change-log.ts';
import type { Clock, Log, Moment, Timer } from '../../domain/ports/runtime.ts';
import { hasSeen, type Snapshot, type Xid } from '../../domain/snapshot.ts';
import { inBackground } from '../background.ts';
import type { Confirmation, Receipt } from '../writes.ts';
import { momentOn, shortestMs } from './ages.ts';
import { sharing } from './sharing.ts';

/** Where a process stands in the log. */
export type Standing = {
  /** Of this start of the process. */
  readonly id: string;
  readonly identity: string;
  /** Its last beat that was answered. */
  readonly beat: number;
  /** Since when it has known the present identity of the database. */
  readonly since: Moment;
  readonly applied: Snapshot;
} & WhoReads;

/** The writer's own reading of the log. */
export interface OwnReading {
  /** Resolves when a check that began after the call is over: where this process stands then; `undefined`: not answered. */
  checked(): Promise<Standing | undefined>;
  /** Calls the listener, of which there is one, with what others answer. */
  onReceipt(listener: (applied: Applied) => void): void;
}

export type ReceiptsNeeds = {
  readonly changeLog: Pick<ChangeLog, 'bounds' | 'instances' | 'wakeOthers'>;
  readonly reader: OwnReading;
  readonly clock: Clock;
  readonly timer: Pick<Timer, 'sleep'>;
  readonly log: Log;
  readonly receiptBus?: ReceiptBus | undefined;
};

/** Says when nobody serves what was there before a transaction. */
export interface Confirmations {
  /**
   * `committed`: when the COMMIT was answered. Throws `OutcomeUnknown` if it cannot be told how long to wait: then it cannot
   * be told either that the version before is served nowhere.
   */
  confirm(xid: Xid, committed: Moment): Promise<Confirmation>;
}

/** For the only process: its own fence was exact. */
export const alone: Confirmations = {
  confirm: async () => ({ by: 'alone', afterMs: 0, receipts: [], missing: [] }),
};

/** Until the list is read again, twice as long each time. */
const firstPauseMs = 1;
const maxPauseMs = 64;
/** So long the bus may take before the database wakes everybody. */
const busMs = 16;

export class Receipts implements Confirmations {
  readonly #needs: ReceiptsNeeds;
  readonly #list: () => Promise<readonly LogInstance[]>;
  /** Each process's last beat, and when it was seen first. */
  #beats: ReadonlyMap<string, { readonly beat: number; readonly seen: Moment }> = new Map();
  /** What those who are listed answered last. */
  readonly #answers = new Map<string, Applied>();
  #answered = Promise.withResolvers<void>();

  constructor(needs: ReceiptsNeeds) {
    this.#needs = needs;
    this.#list = sharing(async () => this.#watch(await needs.changeLog.instances()));
    needs.reader.onReceipt((applied) => {
      this.#answers.set(applied.id, applied);
      this.#answered.resolve();
      this.#answered = Promise.withResolvers();
    });
  }

  async confirm(xid: Xid, committed: Moment): Promise<Confirmation> {
    const { changeLog, clock, reader, receiptBus } = this.#needs;
    if (receiptBus === undefined) this.#wakeOthers(xid);
    else receiptBus.ask([xid]);
    const own = await reader.checked();
    const boundMs = own?.boundMs ?? (await changeLog.bounds().catch(unknowable)).boundMs;
    const afterMs = (): number => Math.max(0, shortestMs(committed, momentOn(clock)));
    const isTrusted =
      own !== undefined && hasSeen(own.applied, xid) && shortestMs(own.since, momentOn(clock)) > 2 * boundMs;
    return isTrusted ? this.#collect(own, xid, afterMs) : this.#waitFor(boundMs, afterMs);
  }

  /** Where nobody's answer could be trusted. In a loop: timers may fire early, and a clock may be set back. */
  async #waitFor(boundMs: number, afterMs: () => number): Promise<Confirmation> {
    for (let ms = boundMs - afterMs(); ms > 0; ms = boundMs - afterMs()) await this.#needs.timer.sleep(ms);
    return { by: 'bound', afterMs: afterMs(), receipts: [], missing: [] };
  }

  async #collect(own: Standing, xid: Xid, afterMs: () => number): Promise<Confirmation> {
    const { clock, timer, receiptBus } = this.#needs;
    const { boundMs } = own;
    const receipts = new Map<string, Receipt>();
    let areAllWoken = receiptBus === undefined;
    let pauseMs = areAllWoken ? firstPauseMs : busMs;
    let living: readonly LogInstance[] | undefined = this.#livingAmong(this.#watch(own.instances));
    // By a clock that nobody sets.
    let lookAtMs = clock.monotonicMs() + pauseMs;
    for (;;) {
      const [said, silent] = split(living ?? [], (each) => this.#hasApplied(own, each, xid));
      for (const { id } of said)
        if (!receipts.has(id)) receipts.set(id, { instance: id, afterMs: afterMs() });
      const found = {
        afterMs: afterMs(),
        receipts: [...receipts.values()],
        missing: silent.map(({ id }) => id),
      };
      if (living !== undefined && silent.length === 0) return { by: 'receipts', ...found };
      if (found.afterMs >= boundMs) return { by: 'bound', ...found };
      const waitMs = Math.min(lookAtMs - clock.monotonicMs(), boundMs - found.afterMs);
      if (waitMs > 0) await Promise.race([timer.sleep(waitMs), this.#answered.promise]);
      if (clock.monotonicMs() < lookAtMs) continue;
      pauseMs = areAllWoken ? Math.min(2 * pauseMs, maxPauseMs) : firstPauseMs;
      if (!areAllWoken) this.#wakeOthers(xid);
      areAllWoken = true;
      living = await this.#living(own);
      lookAtMs = clock.monotonicMs() + pauseMs;
    }
  }

  #wakeOthers(xid: Xid): void {
    inBackground(this.#needs.log, 'wake-others', () => this.#needs.changeLog.wakeOthers([xid]));
  }

  #hasApplied(own: Standing, { id, applied }: LogInstance, xid: Xid): boolean {
    if (id === own.id || (applied !== undefined && hasSeen(applied, xid))) return true;
    const answer = this.#answers.get(id);
    return answer !== undefined && answer.identity === own.identity && hasSeen(answer.snapshot, xid);
  }

  /** Who may serve from a cache by now; `undefined`: the list is not to be trusted, or there is none. */
  async #living(own: Standing): Promise<readonly LogInstance[] | undefined> {
    const listed = await this.#list().catch(() => []);
    return listed.some(({ id, beat }) => id === own.id && beat >= own.beat)
      ? this.#livingAmong(listed)
      : undefined;
  }

  #livingAmong(listed: readonly LogInstance[]): readonly LogInstance[] {
    const now = momentOn(this.#needs.clock);
    return listed.filter(({ id, boundMs }) => {
      const seen = this.#beats.get(id)?.seen;
      return seen === undefined || shortestMs(seen, now) <= 2 * boundMs;
    });
  }

  /** Notes when each beat was seen first. */
  #watch(listed: readonly LogInstance[]): readonly LogInstance[] {
    const now = momentOn(this.#needs.clock);
    const before = this.#beats;
    this.#beats = new Map(
      listed.map(({ id, beat }) => {
        const known = before.get(id);
        return [id, known?.beat === beat ? known : { beat, seen: now }];
      }),
    );
    for (const id of this.#answers.keys()) if (!this.#beats.has(id)) this.#answers.delete(id);
    return listed;
  }
}

const unknowable = (error: unknown): never => {
  throw new OutcomeUnknown('committed, and not known to be seen everywhere', { cause: error });
};

const split = <T>(items: readonly T[], test: (item: T) => boolean): readonly [T[], T[]] => {
  const [yes, no]: [T[], T[]] = [[], []];
  for (const item of items) (test(item) ? yes : no).push(item);
  return [yes, no];
};
