/**
 * A small world in which the real protocol code runs: one database, one Redis key space with its bus, and instances that
 * reach them by messages. Every message is a step of fast-check's scheduler, so a property over schedules is a property
 * over all orders of arrival; time is a step as well. A run has at most one fault, which strikes at its n-th opportunity.
 */
import type { Scheduler } from 'fast-check';
import { memoryDatabase } from '../../adapters/memory/memory-database.ts';
import { DatabaseUnavailable, OutcomeUnknown } from '../../domain/faults.ts';
import type { Database, Transaction } from '../../domain/ports/persistence.ts';
import type { Clock, Ids, Timer } from '../../domain/ports/runtime.ts';
import { History } from './history.ts';

export const maxStalenessMs = 500;
export const journalBoundMs = 2_000;
export const tickMs = 100;

/** Where a fault can strike. */
export type FaultKind =
  | 'none'
  | 'lost-request'
  | 'lost-reply'
  | 'late-request'
  | 'crash-in-transaction'
  | 'crash-after-commit'
  | 'unknown-commit'
  | 'redis-restart'
  | 'fence-lost'
  | 'redis-read-only'
  | 'half-open-bus'
  | 'bus-reset'
  | 'bus-delay'
  | 'cut-from-redis'
  | 'journal-unreachable';

export const faultKinds: readonly FaultKind[] = [
  'none',
  'lost-request',
  'lost-reply',
  'late-request',
  'crash-in-transaction',
  'crash-after-commit',
  'unknown-commit',
  'redis-restart',
  'fence-lost',
  'redis-read-only',
  'half-open-bus',
  'bus-reset',
  'bus-delay',
  'cut-from-redis',
  'journal-unreachable',
];

export type Fault = { readonly kind: FaultKind; readonly at: number; readonly instance: number };

/** Kinds whose opportunities come often: a fault among the first few would strike before anything is cached. */
const opportunitiesPer: { readonly [K in FaultKind]?: number } = {
  'lost-request': 3,
  'lost-reply': 3,
  'late-request': 3,
  'redis-restart': 4,
  'redis-read-only': 4,
  'cut-from-redis': 4,
  'half-open-bus': 4,
  'bus-reset': 4,
  'bus-delay': 6,
};

/** Waits that a step of the scheduler ends: time moves when the scheduler says so. */
export class SimulatedClock implements Clock, Timer {
  #nowMs = 0;
  readonly #due = new Set<{ atMs: number; fire: () => void }>();

  nowMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const due = {
        atMs: this.#nowMs + ms,
        fire: () => {
          this.#due.delete(due);
          resolve();
        },
      };
      this.#due.add(due);
    });
  }

  every(ms: number, work: () => Promise<void>): Disposable {
    let isRunning = false;
    const due = {
      atMs: this.#nowMs + ms,
      fire: () => {
        due.atMs += ms;
        if (isRunning) return;
        isRunning = true;
        void work().finally(() => {
          isRunning = false;
        });
      },
    };
    this.#due.add(due);
    return { [Symbol.dispose]: () => void this.#due.delete(due) };
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    for (const due of [...this.#due].sort((a, b) => a.atMs - b.atMs)) if (due.atMs <= this.#nowMs) due.fire();
  }
}

/** A list whose contacts are only added to has a version: how many there are, from 1 on. */
export const listVersion = (contacts: number): number => contacts + 1;

/** A process died: whoever waits for it waits for ever. */
const never = <T>(): Promise<T> => new Promise(() => {});

class Crash extends Error {}

export class World {
  readonly clock: SimulatedClock = new SimulatedClock();
  readonly history: History;
  readonly listHistory: History;
  readonly database: Database;
  /** How often each kind of fault could have struck. */
  readonly #opportunities = new Map<FaultKind, number>();
  /** Ends of faults that last. */
  readonly #lasting = new Map<string, number>();
  readonly scheduler: Scheduler;
  readonly fault: Fault;
  /** How many contacts were made up so far. */
  contacts = 0;
  #tokens = 0;

  constructor(scheduler: Scheduler, fault: Fault) {
    this.scheduler = scheduler;
    this.fault = fault;
    const seenCounts = fault.kind !== 'fence-lost' && fault.kind !== 'redis-restart';
    this.history = new History(seenCounts);
    this.listHistory = new History(seenCounts);
    this.database = memoryDatabase();
  }

  readonly ids: Ids = {
    uuid: () => `00000000-0000-7000-8000-${String(++this.#tokens).padStart(12, '0')}`,
    token: () => `t${++this.#tokens}`,
  };

  step(label: string): Promise<void> {
    return this.scheduler.schedule(Promise.resolve(), label);
  }

  /** Whether the run's fault strikes here; `instance` for faults of one instance. */
  strikes(kind: FaultKind, instance?: number): boolean {
    if (this.fault.kind !== kind) return false;
    if (instance !== undefined && instance !== this.fault.instance) return false;
    const count = (this.#opportunities.get(kind) ?? 0) + 1;
    this.#opportunities.set(kind, count);
    return count === this.fault.at * (opportunitiesPer[kind] ?? 1);
  }

  begin(what: string, forMs: number): void {
    this.#lasting.set(what, this.clock.monotonicMs() + forMs);
  }

  lasts(what: string): boolean {
    return this.clock.monotonicMs() < (this.#lasting.get(what) ?? 0);
  }

  healEverything(): void {
    this.#lasting.clear();
  }

  /** The database as one instance reaches it: each command a message there and one back. */
  databaseOf(instance: number): Database {
    const { users, contacts, journal } = this.database;
    const remote = async <T>(label: string, work: () => Promise<T>): Promise<T> => {
      await this.step(`${instance} > ${label}`);
      const value = await work();
      await this.step(`${instance} < ${label}`);
      return value;
    };
    const checked = <T>(label: string, work: () => Promise<T>): Promise<T> =>
      remote(label, () => {
        if (this.strikes('journal-unreachable', instance)) this.begin(`journal ${instance}`, 1_500);
        if (this.lasts(`journal ${instance}`)) throw new DatabaseUnavailable();
        return work();
      });
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
        search: (owner, text, request) => contacts.search(owner, text, request),
      },
      journal: {
        pending: (max) => checked('journal', () => journal.pending(max)),
        remove: (ids) => checked('remove', () => journal.remove(ids)),
        append: (changes) => remote('append', () => journal.append(changes)),
        count: () => journal.count(),
        listen: (wake) => journal.listen(wake),
      },
      transactions: { run: (work) => this.#transact(instance, work, remote) },
    };
  }

  async #transact<T>(
    instance: number,
    work: (transaction: Transaction) => Promise<T>,
    remote: <R>(label: string, work: () => Promise<R>) => Promise<R>,
  ): Promise<T> {
    const within = async <R>(label: string, command: () => Promise<R>): Promise<R> => {
      if (this.strikes('crash-in-transaction')) throw new Crash();
      return remote(label, command);
    };
    let isUnknown = false;
    let isFenced = false;
    const versions: number[] = [];
    const listVersions: number[] = [];
    const write = async <R>(label: string, version: number, command: () => Promise<R>): Promise<R> => {
      versions.push(version);
      return within(label, command);
    };
    let result: T;
    try {
      result = await this.database.transactions.run(async ({ users, contacts, ...rest }) => {
        const value = await work({
          users: {
            lock: (id) => within('lock', () => users.lock(id)),
            lockAdmins: () => within('lock admins', () => users.lockAdmins()),
            insert: (account) => within('insert', () => users.insert(account)),
            update: (account) => write('update', account.user.version, () => users.update(account)),
          },
          contacts: {
            find: (owner, id) => within('find', () => contacts.find(owner, id)),
            count: (owner) => within('count', () => contacts.count(owner)),
            insert: async (contact) => {
              await within('insert', () => contacts.insert(contact));
              listVersions.push(listVersion(await contacts.count(contact.ownerId)));
            },
            update: (contact) => within('update', () => contacts.update(contact)),
            delete: (owner, id) => within('delete', () => contacts.delete(owner, id)),
          },
          confirmFences: () => {
            isFenced = true;
            return within('confirm', () => rest.confirmFences());
          },
        });
        await within('commit', async () => {});
        if (!isFenced) {
          for (const version of versions) this.history.journaled(version);
          for (const version of listVersions) this.listHistory.journaled(version);
        }
        isUnknown = this.strikes('unknown-commit');
        // With an even instance the unknown commit did not happen.
        if (isUnknown && instance % 2 === 0) throw new OutcomeUnknown();
        return value;
      });
    } catch (error) {
      if (error instanceof Crash) return never();
      throw error;
    }
    if (isUnknown) throw new OutcomeUnknown();
    if (this.strikes('crash-after-commit')) return never();
    await this.step(`${instance} < committed`);
    return result;
  }
}
