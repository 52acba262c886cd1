/**
 * A small world in which the real protocol code runs: one database, a Redis or two with their buses, and instances that
 * reach them by messages. Every message is a step of fast-check's scheduler, so a property over schedules is a property
 * over all orders of arrival; time is a step as well. A run has at most one fault.
 */
import type { Scheduler } from 'fast-check';
import { type MemoryDatabase, memoryDatabase } from '../../adapters/memory/memory-database.ts';
import { DatabaseSilent, DatabaseUnavailable, OutcomeUnknown } from '../../domain/faults.ts';
import type { ChangeLog, CheckAnswer } from '../../domain/ports/change-log.ts';
import type { Database, Transaction } from '../../domain/ports/persistence.ts';
import type { Ids } from '../../domain/ports/runtime.ts';
import type { Xid } from '../../domain/snapshot.ts';
import type { Said, Step } from '../../model/trace/steps.ts';
import { ProcessClock, SimulatedClock, simulatedIds } from './clock.ts';
import { type Fate, type Fault, type FaultKind, Faults, fates } from './faults.ts';
import { History } from './history.ts';
import { Masters } from './masters.ts';
import { type Settings, settingsOf } from './settings.ts';

export const tickMs = 100;

/** A process died: whoever waits for it waits for ever. */
const never = <T>(): Promise<T> => new Promise(() => {});

class Crash extends Error {}

type Remote = <T>(label: string, work: () => Promise<T>) => Promise<T>;

export class World {
  readonly clock: SimulatedClock = new SimulatedClock();
  /** Of the process that is at each place, or will be. */
  readonly #processes: [ProcessClock, ProcessClock] = [
    new ProcessClock(this.clock, 0),
    new ProcessClock(this.clock, 1),
  ];
  #lastProcess = 1;
  readonly ids: Ids = simulatedIds();
  readonly settingsOf = (instance: number): Settings => settingsOf(this.faults, instance);
  /** Of the user, and of the list of their contacts. */
  readonly history: History = new History(this.settingsOf);
  readonly listHistory: History = new History(this.settingsOf);
  readonly masters: Masters = new Masters();
  readonly database: MemoryDatabase = memoryDatabase({ nowMs: () => this.clock.nowMs() });
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  /** Fences of each instance that were not confirmed. */
  readonly unconfirmed: [number, number] = [0, 0];
  /** Transactions that were behind confirmed fences. */
  readonly fenced: Set<Xid> = new Set();
  /** Transactions that changed more rows than a check brings. */
  readonly #mass = new Set<Xid>();
  /** Ends processes, and starts others in their places. */
  onFate: (fate: Fate, instance: number) => void = () => {};
  /** What fences' time limits do in the end, in every Redis. */
  readonly endFences: (() => void)[] = [];
  /** Commits whose outcome nobody waits for. */
  readonly late: Promise<unknown>[] = [];
  /** Of the database, when the run began. */
  firstIdentity = '';
  /** How many names were made up so far. */
  stamps = 0;
  /** What happened, for the validator of the model. */
  readonly trace: Step[] = [];
  #numbers = 0;
  /** Ends of faults that last. */
  readonly #lasting = new Map<string, number>();

  constructor(scheduler: Scheduler, fault: Fault) {
    this.scheduler = scheduler;
    this.faults = new Faults(fault);
  }

  say(said: Said): void {
    this.trace.push({ ...said, atMs: this.clock.monotonicMs() });
  }

  /** Of a read, a command, a transaction. */
  number(): number {
    return ++this.#numbers;
  }

  step(label: string): Promise<void> {
    return this.scheduler.schedule(Promise.resolve(), label);
  }

  clockOf(instance: number): ProcessClock {
    return this.#processes[instance === 0 ? 0 : 1];
  }

  /** Nothing arrives there any more; the next process has a clock of its own. */
  endProcess(instance: number): void {
    this.clockOf(instance).end();
    this.say({ word: 'ends', instance: this.clockOf(instance).number });
    this.#processes[instance === 0 ? 0 : 1] = new ProcessClock(this.clock, ++this.#lastProcess, true);
  }

  /** A message that reaches a process; it waits for one that stands still, and for ever for one that is gone. */
  async arrive(
    instance: number,
    label: string,
    process: ProcessClock = this.clockOf(instance),
  ): Promise<void> {
    await this.step(label);
    for (const fate of fates) if (this.strikes(fate, instance)) this.onFate(fate, instance);
    if (this.strikes('wall-clock-forward', instance)) process.stepWallClock(5_000);
    if (this.strikes('wall-clock-back', instance)) process.stepWallClock(-5_000);
    // For longer than its gate may stay open, or not.
    if (this.strikes('stands-still', instance))
      process.standStill(this.faults.fault.at % 2 === 0 ? 3_000 : 1_500, false);
    if (this.strikes('suspended', instance)) process.standStill(3_000, true);
    await process.awake();
  }

  strikes(kind: FaultKind, instance?: number): boolean {
    return this.faults.strikes(kind, instance);
  }

  begin(what: string, forMs: number): void {
    this.#lasting.set(what, this.clock.monotonicMs() + forMs);
  }

  lasts(what: string): boolean {
    return this.clock.monotonicMs() < (this.#lasting.get(what) ?? 0);
  }

  async #end(what: string): Promise<void> {
    while (this.lasts(what)) await this.clock.sleep(tickMs);
  }

  healEverything(): void {
    this.#lasting.clear();
  }

  /** The database as one instance reaches it: each command a message there and one back. */
  databaseOf(instance: number): Database {
    const { users, contacts, reads, log } = this.database;
    const process = this.clockOf(instance);
    const remote: Remote = async (label, work) => {
      await this.step(`${instance} > ${label}`);
      this.#befall();
      try {
        return await work();
      } finally {
        await this.arrive(instance, `${instance} < ${label}`, process);
      }
    };
    return {
      ...this.database,
      users: {
        find: (key) => remote('select', () => users.find(key)),
        findMany: (keys) => remote('select', () => users.findMany(keys)),
        findAccount: (alias) => remote('select', () => users.findAccount(alias)),
        countAdmins: () => users.countAdmins(),
      },
      contacts: {
        find: (owner, id) => remote('select contact', () => contacts.find(owner, id)),
        page: (owner, request) => remote('select page', () => contacts.page(owner, request)),
        search: (owner, wanted, request) => contacts.search(owner, wanted, request),
      },
      reads: {
        user: async (key) => {
          const asked = { instance: process.number, number: this.number() };
          this.say({ word: 'selects', ...asked, key: `users ${key.value}`, row: `users ${key.value}` });
          const found = await remote('select', () => reads.user(key));
          this.say({
            word: 'is answered',
            ...asked,
            proof: found?.proof,
            stamp: found?.value.name ?? undefined,
          });
          return found;
        },
        users: (keys) => remote('select', () => reads.users(keys)),
        contact: (owner, id) => remote('select contact', () => reads.contact(owner, id)),
        page: (owner, request) => remote('select page', () => reads.page(owner, request)),
        proof: () => remote('snapshot', () => reads.proof()),
        isChanged: (since, heard) => remote('changed', () => reads.isChanged(since, heard)),
      },
      log: this.#logOf(instance, log, remote, process),
      transactions: { run: (work) => this.#transact(instance, work, remote, process) },
    };
  }

  /** Changes by somebody who knows nothing of caches, as one instance's operator makes them. */
  transactRaw(instance: number, work: (transaction: Transaction) => Promise<void>): Promise<void> {
    const remote: Remote = async (label, command) => {
      await this.step(`psql ${label}`);
      return command();
    };
    return this.#transact(instance, work, remote);
  }

  #logOf(instance: number, log: ChangeLog, remote: Remote, process: ProcessClock): ChangeLog {
    const asked: Remote = (label, work) =>
      remote(label, async () => {
        if (this.strikes('log-silent', instance)) {
          const isRefusedThen = this.faults.fault.at % 2 === 0;
          this.begin(`silent ${instance}`, isRefusedThen ? 1_500 : 8_000);
          if (isRefusedThen) this.begin(`refused ${instance}`, 8_000);
        }
        if (this.strikes('log-silent-for-all')) this.begin('silent', 8_000);
        if (this.lasts(`silent ${instance}`) || this.lasts('silent')) throw new DatabaseSilent();
        // A right that was taken away.
        if (this.strikes('log-refused', instance)) this.begin(`refused ${instance}`, 8_000);
        if (this.strikes('log-refused-for-all')) this.begin('refused', 8_000);
        if (this.lasts(`refused ${instance}`) || this.lasts('refused')) throw new DatabaseUnavailable();
        // A path that is full: the question is on its way for longer than a row counts in the list, or the answer.
        if (this.strikes('lapsed-beat', instance)) this.begin('held', 5_000);
        const isLate = this.faults.has('lapsed-beat', instance);
        if (isLate && this.faults.fault.at % 2 === 0) await this.#end('held');
        const answer = await work();
        if (isLate) await this.#end('held');
        return answer;
      });
    return {
      ...log,
      begin: (bounds) => asked('begin', () => log.begin(bounds)),
      check: (check) => {
        this.say({ word: 'asks the log', instance: process.number, applied: check.last });
        return asked<CheckAnswer>('check', async () => {
          // What the statement sees is of its beginning; others see its beat when it is committed.
          const answer = await log.check({ ...check, beat: 0 });
          this.say({ word: 'log is read', instance: process.number, snapshot: answer.snapshot });
          await this.step(`${instance} beats`);
          await log.check(check);
          return this.#limited(answer);
        });
      },
      startingPoints: (maxRows) => asked('notes', () => log.startingPoints(maxRows)),
      missingTriggers: () => asked('triggers', () => log.missingTriggers()),
      bounds: () => asked('bounds', () => log.bounds()),
      renewEpoch: (seen) => asked('renew', () => log.renewEpoch(seen)),
      wakeOthers: (xids) => remote('wake', () => log.wakeOthers(xids)),
      instances: () => asked('list', () => log.instances()),
      leave: (id) => asked('leave', () => log.leave(id)),
      listen: (wake) => log.listen((xids) => void process.awake().then(() => wake(xids))),
    };
  }

  /** The rows of other keys that came with a change of many are not made up: the statement would bring none of them. */
  #limited(answer: CheckAnswer): CheckAnswer {
    const isMass = answer.rows !== 'too-many' && answer.rows.some(({ xid }) => this.#mass.has(xid));
    return isMass ? { ...answer, rows: 'too-many' } : answer;
  }

  /** What befalls the database as a whole. */
  #befall(): void {
    if (this.strikes('database-crash')) this.database.server.crash();
    if (!this.strikes('database-goes-back')) return;
    const putBack = [this.history.copy(), this.listHistory.copy()];
    const putFilesBack = this.database.server.copy();
    this.say({ word: 'database is copied' });
    // As long as it takes to stop a server and to copy its files: several checks, which take ids.
    void this.clock.sleep(2_000).then(() => {
      putFilesBack();
      this.say({ word: 'database goes back' });
      for (const put of putBack) put(this.clock.monotonicMs());
    });
  }

  async #transact<T>(
    instance: number,
    work: (transaction: Transaction) => Promise<T>,
    remote: Remote,
    process?: ProcessClock,
  ): Promise<T> {
    const isRaw = process === undefined;
    const isOneRedis = !this.faults.has('key-changes-master') || this.masters.isOneAgain;
    /** Its connection ends with the process, and so the transaction. */
    const killed = process?.ended.then((): never => {
      throw new Crash();
    });
    const within: Remote = async (label, command) => {
      if (this.strikes('crash-in-transaction')) throw new Crash();
      return remote(label, command);
    };
    const at = instance === 0 ? 0 : 1;
    const transaction = this.number();
    const rows: string[] = [];
    const unconfirmedBefore = this.unconfirmed[at];
    const stamps: { readonly history: History; readonly stamp: string }[] = [];
    const { promise: told, reject: tell } = Promise.withResolvers<never>();
    let isUnknown = false;
    const committing = this.database.transactions.run(async ({ users, contacts, ...rest }) => {
      const working = work({
        users: {
          lock: (id) =>
            within('lock', async () => {
              const account = await users.lock(id);
              this.say({ word: 'locks', transaction, instance: process?.number, row: `users ${id}` });
              return account;
            }),
          lockAdmins: (beside) => within('lock admins', () => users.lockAdmins(beside)),
          insert: (account) => within('insert', () => users.insert(account)),
          update: (account) => {
            stamps.push({ history: this.history, stamp: account.user.name ?? '' });
            rows.push(`users ${account.user.id}`);
            return within('update', () => users.update(account));
          },
        },
        contacts: {
          find: (owner, id) => within('find', () => contacts.find(owner, id)),
          count: (owner) => within('count', () => contacts.count(owner)),
          insert: (contact) => {
            stamps.push({ history: this.listHistory, stamp: contact.id });
            rows.push(`contacts ${contact.ownerId}:${contact.id}`, `contacts ${contact.ownerId}`);
            return within('insert', () => contacts.insert(contact));
          },
          update: (contact) => within('update', () => contacts.update(contact)),
          delete: (owner, id) => within('delete', () => contacts.delete(owner, id)),
        },
        idempotencyKeys: rest.idempotencyKeys,
        xid: () => within('xid', () => rest.xid()),
      });
      const value = await (killed === undefined ? working : Promise.race([working, killed]));
      await within('commit', async () => {});
      isUnknown = this.strikes('unknown-commit');
      // With an even instance the unknown commit did not happen.
      if (isUnknown && instance % 2 === 0) throw new OutcomeUnknown();
      const isConfirmed = !isRaw && this.unconfirmed[at] === unconfirmedBefore;
      if (isConfirmed) this.fenced.add(await rest.xid());
      if (isRaw && this.faults.has('mass-update')) this.#mass.add(await rest.xid());
      const isLate = this.strikes('late-commit');
      if (isLate) {
        tell(new OutcomeUnknown());
        await this.clock.sleep(3_000);
        for (const end of this.endFences) end();
        await this.clock.sleep(500);
      }
      const isFenced = isConfirmed && !isLate && isOneRedis && !this.faults.loseInRedis;
      for (const { history, stamp } of stamps) history.commit(stamp, instance, isFenced);
      const xid = await rest.xid();
      const home = process?.number;
      this.say({
        word: 'commits',
        transaction,
        instance: home,
        xid,
        rows,
        stamps: stamps.map(({ stamp }) => stamp),
      });
      return value;
    });
    void committing.catch(() => this.say({ word: 'rolls back', transaction }));
    const committed = committing.then((value) => {
      for (const { history, stamp } of stamps)
        history.landmark('visible', stamp, this.clock.monotonicMs(), instance);
      return value;
    });
    this.late.push(Promise.race([committed.catch(() => {}), told.catch(() => committed.catch(() => {}))]));
    let result: T;
    try {
      result = await Promise.race([committed, told]);
    } catch (error) {
      if (error instanceof Crash) return never();
      throw error;
    }
    if (isUnknown) throw new OutcomeUnknown();
    if (this.strikes('crash-after-commit')) return never();
    await (isRaw ? this.step('psql committed') : this.arrive(instance, `${instance} < committed`, process));
    return result;
  }
}
