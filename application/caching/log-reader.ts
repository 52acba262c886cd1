/**
 * CHECK: how a process keeps knowing of every change, whoever made it. It reads the log of the database exactly, for
 * itself, at least four times within the bound: what became visible since its last answered check. Then, in one turn of the
 * event loop, it drops those records from its memory, believes no cached value any more that has not seen the change
 * (belief.ts), and opens the gate for the time from the beginning of this check (gate.ts).
 *
 * A process whose last check does not belong to what it reads now starts anew: another database or epoch, a database that
 * went back, or a log that was swept meanwhile (read-log.ts).
 */
import { DatabaseSilent, DatabaseUnavailable, nameOfThrown } from '../../domain/faults.ts';
import type { Cache, CheckOutcome } from '../../domain/ports/cache.ts';
import type { Applied, ChangeLog, LogPosition, ReceiptBus, WhoReads } from '../../domain/ports/change-log.ts';
import type { Clock, Ids, Log, Moment, Timer } from '../../domain/ports/runtime.ts';
import { hasSeen, type Snapshot, type Xid } from '../../domain/snapshot.ts';
import { recordsHeardAs } from '../records/kinds.ts';
import { longestMs, momentOn } from './ages.ts';
import type { Belief } from './belief.ts';
import type { Rows } from './heard.ts';
import { maxRowsAtStart, sweepEveryMs } from './limits.ts';
import { chooseFloor, judge, type WhyAnew } from './read-log.ts';
import type { OwnReading, Standing } from './receipts.ts';
import type { StatisticsCounter } from './statistics.ts';

export type LogReaderNeeds = {
  readonly changeLog: ChangeLog;
  readonly cache: Cache;
  readonly belief: Belief;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly ids: Ids;
  readonly log: Log;
  readonly statistics: StatisticsCounter;
  readonly receiptBus?: ReceiptBus | undefined;
  /** J: within which every change is seen everywhere. */
  readonly boundMs: number;
  readonly retentionMs: number;
};

/** Which rules this version follows; another one may tell them apart. */
export const protocol = 1;

/** So much later each check comes for each process that reads the log. */
const pausePerInstanceMs = 10;
/** The same for those that others ask for. */
const askedPausePerInstanceMs = 1;
/** One check applies what somebody asked for, and the beat of the next one says so. */
const checksPerWakeUp = 2;

/** What is known of the log between two checks. */
type Reading = {
  /** Of this start, or of the last time that everything began anew. */
  readonly id: string;
  readonly identity: string;
  /** When that was first known. */
  readonly since: Moment;
  beat: number;
  answeredBeat: number;
  last: LogPosition | undefined;
  /** What the last beat said that this process has applied. */
  said: Snapshot | undefined;
  /** Who else reads the log, where the last check asked for it. */
  who: WhoReads | undefined;
  /** Whether the triggers were seen to be right since the tables last changed. */
  hasTriggers: boolean;
};

type Question = { readonly xids: readonly Xid[]; readonly asker: string; checks: number };

/** The first one that begins after the question knows of what is visible. */
const maxChecksPerQuestion = 3;

export class LogReader implements OwnReading, AsyncDisposable {
  readonly #needs: LogReaderNeeds;
  readonly #running: Disposable[] = [];
  #listener: AsyncDisposable | undefined;
  #reading: Reading | undefined;
  /** The identity of a database that went back, until that has a new epoch. */
  #wentBack: string | undefined;
  #checking: Promise<void> | undefined;
  #again = false;
  /** It has left the list, and must not get back into it by a check that somebody asks for. */
  #isClosed = false;
  /** Who waits for a check that begins after they asked. */
  #askers: ((standing: Standing | undefined) => void)[] = [];
  /** How many checks others still wait for. */
  #owed = 0;
  /** Whether somebody else asked for the next check. */
  #isWoken = false;
  /** Who is to be answered once these transactions are known. */
  #questions: Question[] = [];
  /** What came of the last check, for the log of the process. */
  #said: string | undefined;
  #heardReceipt: (applied: Applied) => void = () => {};
  /** How many processes read the log. */
  #instances = 1;
  #isListDue = true;
  #beganAtMs = Number.NEGATIVE_INFINITY;
  /** The beginning of the last answered check. */
  #answered: Moment | undefined;

  constructor(needs: LogReaderNeeds) {
    this.#needs = needs;
  }

  async start(): Promise<void> {
    const { changeLog, timer, boundMs } = this.#needs;
    this.#running.push(
      timer.every(boundMs / 4, () => this.#checkIfDue()),
      timer.every(sweepEveryMs, () => this.#sweep()),
    );
    this.#needs.receiptBus?.hear({
      asked: (xids, asker) => this.#ask({ xids, asker, checks: 0 }),
      answered: (applied) => this.#heardReceipt(applied),
    });
    this.#listener = await changeLog.listen((xids) => this.#wake(xids));
    await this.check();
  }

  /** The more processes there are, the less often each of them asks, up to twice in the bound. */
  async #checkIfDue(): Promise<void> {
    const { clock, boundMs } = this.#needs;
    const pauseMs = Math.min(boundMs / 2, this.#instances * pausePerInstanceMs);
    // Timers are late by a little.
    if (clock.monotonicMs() - this.#beganAtMs >= pauseMs - boundMs / 8) await this.check();
  }

  /** One check; a call during a check asks for another one after it. Never rejects. */
  check(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    if (this.#checking !== undefined) {
      this.#again = true;
      return this.#checking;
    }
    this.#checking = this.#checkUntilQuiet().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  onReceipt(listener: (applied: Applied) => void): void {
    this.#heardReceipt = listener;
  }

  checked(): Promise<Standing | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined);
    const { promise, resolve } = Promise.withResolvers<Standing | undefined>();
    this.#askers.push(resolve);
    void this.check();
    return promise;
  }

  /** Somebody waits until this process has said that it knows of these transactions. */
  #wake(xids: readonly Xid[]): void {
    const said = this.#reading?.said;
    if (said !== undefined && xids.length > 0 && xids.every((xid) => hasSeen(said, xid))) return;
    this.#owed = checksPerWakeUp;
    this.#isWoken = true;
    void this.check();
  }

  #ask(question: Question): void {
    this.#questions.push(question);
    if (this.#reading !== undefined) this.#answerQuestions(this.#reading);
    if (!this.#questions.includes(question)) return;
    this.#isWoken = true;
    void this.check();
  }

  /** After what a check brought is dropped: first that, then say so. */
  #answerQuestions({ id, identity, last }: Reading): void {
    const snapshot = last?.snapshot;
    if (snapshot === undefined) return;
    this.#questions = this.#questions.filter(({ xids, asker }) => {
      if (!xids.every((xid) => hasSeen(snapshot, xid))) return true;
      this.#needs.receiptBus?.answer(asker, { id, identity, snapshot });
      return false;
    });
  }

  async #checkUntilQuiet(): Promise<void> {
    do {
      if (this.#isWoken) await this.#pauseBeforeAsked();
      this.#again = false;
      await this.#checkOnce();
    } while ((this.#again && this.#said === undefined && !this.#isClosed) || this.#askers.length > 0);
  }

  /** However many ask: the more processes there are, the more of these checks there are too. */
  async #pauseBeforeAsked(): Promise<void> {
    const { clock, timer } = this.#needs;
    const passedMs = clock.monotonicMs() - this.#beganAtMs;
    const leftMs = this.#instances * askedPausePerInstanceMs - passedMs;
    if (leftMs > 0) await timer.sleep(leftMs);
    this.#isWoken = false;
  }

  async #checkOnce(): Promise<void> {
    const { clock, cache } = this.#needs;
    const began = momentOn(clock);
    this.#beganAtMs = began.monotonicMs;
    const askers = this.#askers.splice(0);
    this.#owed = Math.max(0, this.#owed - 1);
    let outcome: CheckOutcome;
    try {
      // The cache is told of a silence before it is too long for the gate, and not only at its end.
      using _silence = this.#needs.timer.every(this.#needs.boundMs / 2, async () =>
        cache.checked('silent', began),
      );
      this.#reading ??= await this.#begin();
      outcome = await this.#read(this.#reading, askers.length > 0 || this.#isListDue);
      if (outcome === 'answered') this.#say(undefined);
    } catch (error) {
      outcome = error instanceof DatabaseSilent ? 'silent' : 'refused';
      this.#say(error instanceof DatabaseUnavailable ? outcome : nameOfThrown(error));
    }
    cache.checked(outcome, began);
    if (outcome === 'answered') this.#goOnAfter(began);
    else if (outcome === 'anew') this.#answered = undefined;
    const standing = outcome === 'answered' ? this.#standing() : undefined;
    for (const answer of askers) answer(standing);
    if (this.#reading !== undefined && outcome === 'answered') this.#answerQuestions(this.#reading);
    // What is asked about belongs to another database, or was lost with a crash.
    this.#questions = this.#questions.filter((question) => ++question.checks < maxChecksPerQuestion);
    if (this.#questions.length > 0) this.#again = true;
  }

  #standing(): Standing | undefined {
    const { last, who } = this.#reading ?? {};
    if (this.#reading === undefined || last === undefined || who === undefined) return undefined;
    const { id, identity, answeredBeat: beat, since } = this.#reading;
    return { id, identity, beat, since, applied: last.snapshot, ...who };
  }

  /** Two in a row open the gate: after a pause the second one comes at once. */
  #goOnAfter(began: Moment): void {
    const before = this.#answered;
    this.#answered = began;
    const isFirst = before === undefined || longestMs(before, began) > this.#needs.boundMs;
    if (isFirst || this.#owed > 0) this.#again = true;
  }

  async #begin(): Promise<Reading> {
    const { changeLog, belief, ids, clock, boundMs, retentionMs } = this.#needs;
    if (this.#wentBack !== undefined) await changeLog.renewEpoch(this.#wentBack);
    this.#wentBack = undefined;
    const { identity } = await changeLog.begin({ boundMs, retentionMs });
    const since = momentOn(clock);
    const last = chooseFloor(await changeLog.startingPoints(maxRowsAtStart));
    if (last !== undefined) belief.begin(epochIn(identity), last.snapshot);
    return {
      id: ids.uuid(),
      identity,
      since,
      beat: 0,
      answeredBeat: 0,
      last,
      said: undefined,
      who: undefined,
      hasTriggers: false,
    };
  }

  async #read(reading: Reading, asksWho: boolean): Promise<CheckOutcome> {
    const { changeLog, belief, boundMs } = this.#needs;
    const { id, identity, answeredBeat, last } = reading;
    const beat = ++reading.beat;
    const answer = await changeLog.check({ id, beat, answeredBeat, boundMs, last: last?.snapshot, asksWho });
    reading.answeredBeat = beat;
    reading.said = last?.snapshot;
    reading.who = answer.who;
    if (answer.who !== undefined) {
      this.#isListDue = false;
      this.#instances = Math.max(1, answer.who.instances.length);
    }
    if (last === undefined) {
      if (answer.identity !== identity) return this.#startAnew('other-identity', identity);
      belief.begin(epochIn(identity), answer.snapshot);
    } else {
      const verdict = judge(last, identity, answer);
      if (verdict.kind === 'start-anew') return this.#startAnew(verdict.why, identity);
      if (verdict.why === 'tables-changed') reading.hasTriggers = false;
      if (verdict.why !== undefined) this.#needs.log.warn('log-is-everything', { why: verdict.why });
      this.#drop(verdict.rows);
      belief.apply(answer.snapshot, verdict.rows);
    }
    reading.last = { snapshot: answer.snapshot, shape: answer.shape };
    return (await this.#hasTriggers(reading)) ? 'answered' : 'anew';
  }

  /** What a check brought goes from the memory of this process, before the gate counts from the check. */
  #drop(rows: Rows): void {
    const { cache, statistics } = this.#needs;
    if (rows === 'everything') {
      cache.forget();
      return;
    }
    statistics.invalidated(rows.size);
    for (const name of rows.keys()) {
      const space = name.indexOf(' ');
      const heard = { source: name.slice(0, space), key: name.slice(space + 1) };
      for (const { kind, key } of recordsHeardAs(cache.kinds, heard)) cache.of(kind).drop(key);
    }
  }

  /** Without the triggers changes would leave no rows: no cache may be read. */
  async #hasTriggers(reading: Reading): Promise<boolean> {
    if (reading.hasTriggers) return true;
    const missing = await this.#needs.changeLog.missingTriggers();
    reading.hasTriggers = missing.length === 0;
    if (!reading.hasTriggers) this.#say(`missing triggers: ${missing.join(', ')}`);
    return reading.hasTriggers;
  }

  #startAnew(why: WhyAnew, identity: string): CheckOutcome {
    const { cache, belief, log } = this.#needs;
    log.warn('log-starts-anew', { why });
    this.#reading = undefined;
    belief.forget();
    cache.forget();
    this.#again = true;
    // Before anything is read of it, however many attempts that takes: its ids are given out again.
    if (why === 'went-back') this.#wentBack = identity;
    return 'anew';
  }

  async #sweep(): Promise<void> {
    const { changeLog, retentionMs, log } = this.#needs;
    if (this.#reading === undefined) return;
    try {
      await changeLog.sweep(retentionMs);
      this.#isListDue = true;
    } catch (error) {
      log.warn('log-not-swept', { error: nameOfThrown(error) });
    }
  }

  #say(said: string | undefined): void {
    if (said === this.#said) return;
    this.#said = said;
    if (said === undefined) this.#needs.log.info('log-checked');
    else this.#needs.log.warn('log-not-checked', { why: said });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of this.#running) each[Symbol.dispose]();
    await this.#listener?.[Symbol.asyncDispose]();
    this.#isClosed = true;
    await this.#checking;
    const { cache, changeLog, clock } = this.#needs;
    cache.checked('anew', momentOn(clock));
    const { id } = this.#reading ?? {};
    // After the last answer from a cache. Who cannot say so is taken for living for a while.
    if (id !== undefined) await changeLog.leave(id).catch(() => undefined);
  }
}

/** Eight characters of the epoch, which is the last part of an identity: a random UUID. */
export const epochIn = (identity: string): string =>
  identity.slice(identity.lastIndexOf('.') + 1).slice(0, 8);
