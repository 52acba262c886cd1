/**
 * Whether a run did only what the model can do. Each step is held against the state that the steps before it lead to, by
 * the rules of the model (log/): who may fence, commit, release, fill, believe, open a gate, answer from memory, give a
 * receipt, acknowledge. It judges steps, not answers: a wrong protocol is found out although nobody read anything old.
 */
import { type Commit, isSameSnapshot, Knowledge, sees } from './knowledge.ts';
import type { Held, Proof, Step, StepOf, Word } from './steps.ts';

/** The first step that the model cannot do. */
export type Refusal = { readonly index: number; readonly step: Step; readonly why: string };

type Sent = {
  readonly order: number;
  readonly atMs: number;
  readonly key: string;
  readonly row: string | undefined;
};

/** What was asked for, and what came of it. */
type Answered = { readonly sent: Sent; readonly stamp: string | undefined; readonly isHit: boolean };

/** Takes a step in; returns why the model cannot do it, if it cannot. */
type Rule<S> = (step: S, order: number) => string | undefined;

type Lock = { readonly transaction: number; readonly instance: number | undefined };

export const validate = (trace: readonly Step[]): Refusal | undefined => {
  // Without a read nothing was said about anything.
  if (!trace.some(({ word }) => word === 'reads end'))
    throw new RangeError('a trace without a read shows nothing');
  const validator = new Validator();
  for (const [index, step] of trace.entries()) {
    const why = validator.take(step, index + 1);
    if (why !== undefined) return { index, step, why };
  }
  return undefined;
};

const absent: Held = { state: 'absent' };

class Validator {
  readonly #processes = new Map<number, Knowledge>();
  #commits: Commit[] = [];
  #copiedUpTo = 0;
  readonly #locks = new Map<string, Lock>();
  /** What each transaction fenced, and what each fence is of. */
  readonly #fencedRows = new Map<number, Set<string>>();
  readonly #fenceOf = new Map<string, number>();
  readonly #ended = new Set<number>();
  readonly #servers = new Map<number, Map<string, Held>>();
  readonly #copies = new Map<number, ReadonlyMap<string, Held>>();
  /** What has to be published before anything else happens. */
  #owed: { readonly server: number; readonly key: string } | undefined;
  readonly #sent = new Map<string, Sent>();
  #answers: (Answered & { readonly instance: number })[] = [];

  take(step: Step, order: number): string | undefined {
    if (this.#owed !== undefined && step.word !== 'publishes' && step.word !== 'loses')
      return `${this.#owed.key} was fenced and nobody told of it`;
    const rule = this.#rules[step.word] as Rule<Step>;
    return rule(step, order);
  }

  readonly #rules: { readonly [W in Word]: Rule<StepOf<W>> } = {
    starts: (step) => void this.#processes.set(step.instance, new Knowledge(step)),
    // What it had sent may still be executed.
    ends: ({ instance }) => void this.#processes.get(instance)?.end(),

    'asks the log': ({ instance, applied, atMs }) => {
      const process = this.#process(instance);
      if (applied !== undefined && !isSameSnapshot(applied, process.applied))
        return 'it says that it knows what it has not applied';
      process.asksLog(atMs);
      return undefined;
    },
    'log is read': ({ instance, snapshot }, order) => void this.#process(instance).logIsRead(snapshot, order),
    'begins to hear': ({ instance, epoch, snapshot }, order) => {
      const process = this.#process(instance);
      process.epoch = epoch;
      process.applies(snapshot, order);
    },
    'forgets what it heard': ({ instance }) => {
      this.#process(instance).epoch = undefined;
      this.#process(instance).applies(undefined, 0);
    },
    applies: ({ instance, snapshot, rows }) => {
      const process = this.#process(instance);
      const { applied } = process;
      if (applied === undefined) return 'it applies a check before it has begun to hear';
      process.applies(snapshot, process.readAt);
      if (rows === 'everything') return undefined;
      const missing = this.#commits.find(
        (commit) =>
          process.hasApplied(commit) &&
          !sees(applied, commit.xid) &&
          !commit.rows.every((row) => rows.get(row)?.includes(commit.xid)),
      );
      return missing && `the check does not bring ${missing.rows.join(' and ')} of ${missing.xid}`;
    },
    'check ends': ({ instance, outcome, atMs }) => {
      const process = this.#process(instance);
      if (outcome === 'answered' && !process.wasRead)
        return 'a check is answered that nobody read the log for';
      process.checkEnds(outcome, atMs);
      return undefined;
    },

    locks: ({ transaction, instance, row }) => void this.#locks.set(row, { transaction, instance }),
    'sends fence': ({ instance, key, row, token }) => {
      const lock = row === undefined ? undefined : this.#locks.get(lockOf(row));
      if (
        row === undefined ||
        lock === undefined ||
        lock.instance !== instance ||
        this.#ended.has(lock.transaction)
      )
        return `${key} is fenced by who has not locked its row`;
      this.#fenceOf.set(`${token} ${key}`, lock.transaction);
      const fenced = this.#fencedRows.get(lock.transaction) ?? new Set();
      this.#fencedRows.set(lock.transaction, fenced.add(row));
      return undefined;
    },
    commits: (step, order) => {
      const { transaction, instance, rows } = step;
      this.#ended.add(transaction);
      this.#commits.push({ ...step, order });
      const fenced = this.#fencedRows.get(transaction);
      const bare = rows.find((row) => fenced?.has(row) !== true);
      // psql knows nothing of caches, and who has no Redis has no fence there.
      const isFencing = instance !== undefined && this.#process(instance).limits.hasRedis;
      return isFencing && bare !== undefined ? `${bare} is changed without a fence` : undefined;
    },
    'rolls back': ({ transaction }) => {
      this.#ended.add(transaction);
      this.#commits = this.#commits.filter((commit) => commit.transaction !== transaction);
    },
    acknowledges: ({ instance, stamp, isSecurity, atMs }) => {
      const commit = this.#commits.find(({ stamps }) => stamps.includes(stamp));
      // The database lost it meanwhile.
      if (commit === undefined) return undefined;
      this.#process(instance).acknowledges(commit);
      if (!isSecurity) return undefined;
      const late = [...this.#processes].find(([, each]) => each.mayServeBefore(commit.xid, atMs));
      return late && `${late[0]} may still serve what was before ${stamp}`;
    },
    'gives a receipt': ({ instance, snapshot }) =>
      isSameSnapshot(this.#process(instance).applied, snapshot)
        ? undefined
        : 'it gives a receipt for what it has not applied',
    'sends release': ({ key, token }) => {
      const transaction = this.#fenceOf.get(`${token} ${key}`);
      if (transaction === undefined) return `${key} is released by who has not fenced it`;
      return this.#ended.has(transaction) ? undefined : `${key} is released before its transaction ended`;
    },

    redis: (step) => {
      const { server, key, instance, command, before, after } = step;
      const keys = this.#server(server);
      if (!isSameHeld(before, keys.get(key) ?? absent)) return `${key} is not what the steps before made it`;
      keys.set(key, after);
      if (command === 'fill' && after.state === 'value') this.#process(instance).isFilled(key, after.proof);
      // A release finds its own fence gone: some memory may have taken an old value since.
      if (command === 'fence' || command === 'drop' || (command === 'release' && !isOwnFence(step)))
        this.#owed = { server, key };
      return commands[command](step)
        ? undefined
        : `Redis may not ${command} ${key} where it holds a ${before.state}`;
    },
    publishes: ({ server, key }) => {
      if (this.#owed?.server === server && this.#owed.key === key) this.#owed = undefined;
    },
    loses: ({ server, key }) => {
      if (key === undefined) this.#server(server).clear();
      else this.#server(server).delete(key);
    },
    'ends fences': ({ server }) => {
      const keys = this.#server(server);
      for (const [key, { state }] of keys) if (state !== 'value') keys.delete(key);
    },
    'is copied': ({ server }) => void this.#copies.set(server, new Map(this.#server(server))),
    'becomes a copy': ({ server, of }) => void this.#servers.set(server, new Map(this.#server(of))),
    'goes back': ({ server }) => void this.#servers.set(server, new Map(this.#copies.get(server))),

    hears: ({ instance, key }, order) => void this.#process(instance).hears(key, order),
    'is interrupted': ({ instance }, order) => void this.#process(instance).isInterrupted(order),
    pings: ({ instance, number, atMs }) => void this.#process(instance).pings(number, atMs),
    'is ponged': ({ instance, number }) =>
      this.#process(instance).isPonged(number) ? undefined : 'a pong without a ping',

    'reads begin': (step, order) => void this.#send('read', step, order),
    'asks Redis': (step, order) => {
      this.#send('look', step, order);
      return this.#process(step.instance).isOpen(step.atMs)
        ? undefined
        : 'Redis is read though the gate is closed';
    },
    hits: ({ instance, number, key, row, proof, stamp }) => {
      const sent = this.#sentAs('look', instance, number);
      if (sent === undefined) return 'Redis answers what nobody asked';
      this.#answers.push({ sent, instance, stamp, isHit: true });
      this.#keep(instance, sent, proof, stamp, true);
      return this.#process(instance).believes(row, proof, this.#commits)
        ? undefined
        : `a value of ${key} is believed that is not to be believed`;
    },
    selects: (step, order) => void this.#send('select', step, order),
    'is answered': ({ instance, number, proof, stamp }) => {
      const sent = this.#sentAs('select', instance, number);
      if (sent === undefined) return 'the database answers what nobody asked';
      this.#answers.push({ sent, instance, stamp, isHit: false });
      this.#keep(instance, sent, proof, stamp, false);
      return undefined;
    },
    'reads end': ({ instance, number, stamp, source, atMs }) => {
      const began = this.#sentAs('read', instance, number);
      if (began === undefined) return 'a read ends that never began';
      if (source === 'memory')
        return this.#process(instance).doubtMemory(began.key, stamp, atMs, this.#commits);
      const isFrom = this.#answers.some(
        (answer) =>
          answer.instance === instance &&
          answer.sent.key === began.key &&
          answer.stamp === stamp &&
          answer.isHit === (source === 'redis') &&
          answer.sent.order > began.order,
      );
      return isFrom ? undefined : `a read returns ${stamp}, which was asked for before it began`;
    },

    'database is copied': (_step, order) => {
      this.#copiedUpTo = order;
    },
    'database goes back': () => {
      this.#commits = this.#commits.filter(({ order }) => order < this.#copiedUpTo);
    },
  };

  #process(instance: number): Knowledge {
    const process = this.#processes.get(instance);
    if (process === undefined) throw new RangeError(`${instance} does something before it starts`);
    return process;
  }

  #server(number: number): Map<string, Held> {
    const keys = this.#servers.get(number) ?? new Map();
    this.#servers.set(number, keys);
    return keys;
  }

  #send(
    what: string,
    step: {
      readonly instance: number;
      readonly number: number;
      readonly key: string;
      readonly atMs: number;
    } & {
      readonly row?: string | undefined;
    },
    order: number,
  ): void {
    const { instance, number, key, row, atMs } = step;
    this.#sent.set(`${what} ${instance} ${number}`, { order, atMs, key, row });
  }

  #sentAs(what: string, instance: number, number: number): Sent | undefined {
    return this.#sent.get(`${what} ${instance} ${number}`);
  }

  #keep(
    instance: number,
    { key, row, atMs, order }: Sent,
    proof: Proof | undefined,
    stamp: string | undefined,
    isProvable: boolean,
  ): void {
    this.#process(instance).mayKeep({ key, row, proof, stamp, sentAtMs: atMs, order, isProvable });
  }
}

/** Contacts are changed under the lock of their owner. */
const lockOf = (row: string): string => `users ${row.slice(row.indexOf(' ') + 1).split(':', 1)[0]}`;

const isSameHeld = (one: Held, other: Held): boolean => {
  if (one.state !== other.state) return false;
  if (one.state === 'value' && other.state === 'value')
    return (
      one.proof?.epoch === other.proof?.epoch && isSameSnapshot(one.proof?.snapshot, other.proof?.snapshot)
    );
  return !('token' in one && 'token' in other) || one.token === other.token;
};

type OfRedis = Pick<StepOf<'redis'>, 'before' | 'after' | 'token'>;

const isHeldBy = (held: Held, state: 'fence' | 'lease', token: string | undefined): boolean =>
  held.state === state && held.token === token;

const isOwnFence = ({ before, token }: OfRedis): boolean => isHeldBy(before, 'fence', token);

/** A fence of another writer stays; whatever else is there goes. */
const removes = (step: OfRedis): boolean =>
  step.before.state === 'fence' && !isOwnFence(step)
    ? isSameHeld(step.before, step.after)
    : step.after.state === 'absent';

const commands: { readonly [C in StepOf<'redis'>['command']]: (step: OfRedis) => boolean } = {
  lease: ({ before, after, token }) => before.state === 'absent' && isHeldBy(after, 'lease', token),
  // What is not believed. A fence and the lease of another stay.
  replace: ({ before, after, token }) => before.state === 'value' && isHeldBy(after, 'lease', token),
  fill: ({ before, after, token }) =>
    isHeldBy(before, 'lease', token) && (after.state === 'value' || after.state === 'absent'),
  fence: ({ after, token }) => isHeldBy(after, 'fence', token),
  release: removes,
  drop: removes,
};
