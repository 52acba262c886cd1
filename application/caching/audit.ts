/**
 * The audit: a few of the answers that a process gives from its caches are held against the database, in production and for
 * as long as it runs. It finds what no test thought of: a trigger that was replaced, a fault of the machine, a bug of ours.
 *
 * After a hit of a record the database is read (`before`). When J has passed since that read was answered, READ is asked for
 * the record again, as callers ask it. If a cache answers, the database is read once more (`after`), and the log is asked
 * whether the record was changed since the first read began. If it was not, the record was the same all the while, and so
 * the cache had to say the same: an answer that is neither `before` nor `after` is older than J. There is no other way to it.
 *
 * It raises no false alarm:
 * - A record that was changed meanwhile is not judged, whatever its content: somebody may have changed it and changed it
 *   back, and what lay between was right for a while. The log tells, since versions may be lowered and rows come back.
 * - What the log does not tell is the INSERT of a user. So one who was not there `before` may be there `after`; who was new
 *   and is gone again was deleted, which it tells.
 * - Nothing is judged between two histories of a database, nor by what a standby says, nor while the process serves without
 *   the database (gate.ts): what it then serves has another bound. A database that went back is given another history
 *   within J, so a finding is held back for so long.
 * - J is waited for by the clock on which it is the longest, as the gate closes by the one on which it is the shortest.
 *
 * What it does not see: a record that is changed again and again within J, before it rests; an answer that is younger than J
 * and yet older than F1 allows; a database that answers wrongly. Hints are not audited: they are verified at each use.
 */
import { DatabaseUnavailable, nameOfThrown, Overloaded } from '../../domain/faults.ts';
import type { Cache, Cacheable, RecordKind } from '../../domain/ports/cache.ts';
import type { Proof, Proved } from '../../domain/ports/change-log.ts';
import type { ProvedReads } from '../../domain/ports/persistence.ts';
import type { Clock, Log, Moment, Timer } from '../../domain/ports/runtime.ts';
import { hasSeenAllOf } from '../../domain/snapshot.ts';
import type { AuditCounts } from '../operations/live-state.ts';
import type { Read, Source } from '../read.ts';
import { longestMs, momentOn, shortestMs } from './ages.ts';
import { versionOf } from './values.ts';

/** Which answers are audited, and the audit of those. */
export interface Auditing {
  /** For one kind of record; no hint. */
  of<V extends Cacheable>(kind: RecordKind<V>): AuditOf<V>;
}

export interface AuditOf<V extends Cacheable> {
  /** Whether an answer from there is to be audited. To be asked once for each answer: it counts. */
  isDue(source: Source): boolean;
  /** Audits a record in the background, unless too many are being audited. Never throws. */
  begin(record: Audited<V>): void;
}

export type Audited<V extends Cacheable> = {
  /** Under which it is cached, or would be: changes are heard by it. */
  readonly key: string;
  /** READ, as it answers callers. */
  readonly read: () => Promise<Read<V> | undefined>;
  /** From the primary database. */
  readonly load: () => Promise<Proved<V> | undefined>;
};

/** Where nothing is audited. */
export const unaudited: Auditing = { of: () => ({ isDue: () => false, begin: () => {} }) };

export type ConsistencyAuditNeeds = {
  readonly reads: Pick<ProvedReads, 'proof' | 'isChanged'>;
  readonly cache: Pick<Cache, 'health'>;
  readonly clock: Clock;
  readonly timer: Pick<Timer, 'every'>;
  readonly log: Pick<Log, 'warn' | 'error'>;
  /** What is found, by the name of the kind. */
  readonly counts: { of(kind: string): AuditCounts };
  /** In [0, 1), another one each time. */
  readonly chance: () => number;
  /** The part of the hits that is audited: above 0, and 1 for all of them. */
  readonly share: number;
  /** J: within which every change is seen. */
  readonly boundMs: number;
};

/** So many are under way at most for each kind, so that none keeps another from being audited. */
export const maxAuditsOfKind = 2;
/**
 * How often it is seen whose J has passed. An audit takes 1.5 ms of CPU, so that those of four kinds never take more than
 * 0.6 % of a core, however many hits there are and however short J is.
 */
const lookEveryMs = 2_000;
/** After a pause of the process, or a step of a clock, an audit is given up. */
const maxDelayMs = 60_000;

type Wait = { readonly from: Moment; readonly end: (isOver: boolean) => void };

export class ConsistencyAudit implements Auditing, AsyncDisposable {
  readonly #needs: ConsistencyAuditNeeds;
  readonly #looking: Disposable;
  readonly #running = new Set<Promise<void>>();
  readonly #waits = new Set<Wait>();
  #isClosed = false;

  constructor(needs: ConsistencyAuditNeeds) {
    this.#needs = needs;
    this.#looking = needs.timer.every(lookEveryMs, async () => this.#look());
  }

  of<V extends Cacheable>(kind: RecordKind<V>): AuditOf<V> {
    const { chance, share, counts } = this.#needs;
    // From now on there is a number, if only a 0: what rises later is seen to rise.
    counts.of(kind.name);
    let left = hitsUntilNext(share, chance());
    let underWay = 0;
    return {
      isDue: (source) => {
        if (!isFromCache(source) || --left > 0) return false;
        left = hitsUntilNext(share, chance());
        return true;
      },
      begin: (record) => {
        if (this.#isClosed || underWay >= maxAuditsOfKind) return;
        underWay++;
        this.#run(kind, record, () => underWay--);
      },
    };
  }

  #run<V extends Cacheable>(kind: RecordKind<V>, record: Audited<V>, end: () => void): void {
    const running = this.#audit(kind, record)
      .catch((error: unknown) => {
        // Others tell of a database that does not answer, or is busy.
        if (error instanceof DatabaseUnavailable || error instanceof Overloaded || this.#isClosed) return;
        this.#needs.log.warn('audit-failed', { kind: kind.name, error: nameOfThrown(error) });
      })
      .finally(() => {
        this.#running.delete(running);
        end();
      });
    this.#running.add(running);
  }

  async #audit<V extends Cacheable>(kind: RecordKind<V>, { key, read, load }: Audited<V>): Promise<void> {
    const { reads, cache, clock } = this.#needs;
    const { origin } = kind;
    const first = await reads.proof();
    if (first === undefined || origin === undefined) return;
    const before = await load();
    const known = momentOn(clock);
    if (!(await this.#untilBoundPassed(known))) return;
    if ((await cache.health()).gate === 'without-database') return;
    const asked = momentOn(clock);
    const answer = await read();
    if (answer === undefined || !isFromCache(answer.source)) return;
    const after = await load();
    const heard = { source: origin.source, key: origin.heardAs(key) };
    const { value: isChanged, proof: last } = await reads.isChanged(first.snapshot, heard);
    if (isChanged || !isOneHistory(first, last) || isUnproved(after)) return;
    const asText = (read: { readonly value: V } | undefined) =>
      read === undefined ? undefined : kind.codec.encode(read.value, key);
    const text = asText(answer);
    const isStale = text !== asText(before) && text !== asText(after);
    if (isStale && !(await this.#isStillOneHistory(first))) return;
    const counts = this.#needs.counts.of(kind.name);
    counts.audited++;
    if (!isStale) return;
    counts.stale++;
    // Without its key, which is a person's.
    this.#needs.log.error('stale-answer', {
      kind: kind.name,
      from: answer.source,
      staleForMs: Math.round(shortestMs(known, asked)),
      boundMs: this.#needs.boundMs,
      servedVersion: versionOf(answer.value),
      databaseVersion: before === undefined ? null : versionOf(before.value),
    });
  }

  /** Within J whoever reads the log has noticed if the database went back, and then it has another epoch. */
  async #isStillOneHistory(first: Proof): Promise<boolean> {
    const { reads, clock } = this.#needs;
    return (await this.#untilBoundPassed(momentOn(clock))) && isOneHistory(first, await reads.proof());
  }

  /** Resolves when more than J has passed; to whether it has. */
  #untilBoundPassed(from: Moment): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#waits.add({ from, end: resolve });
    });
  }

  #look(): void {
    const { clock, boundMs } = this.#needs;
    const now = momentOn(clock);
    for (const wait of this.#waits) {
      const isOver = shortestMs(wait.from, now) > boundMs;
      const isTooLate = longestMs(wait.from, now) > boundMs + maxDelayMs;
      if (isOver || isTooLate) this.#end(wait, !isTooLate);
    }
  }

  #end(wait: Wait, isOver: boolean): void {
    this.#waits.delete(wait);
    wait.end(isOver);
  }

  /** Ends when the reads that are under way do; what waits is given up. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#looking[Symbol.dispose]();
    for (const wait of this.#waits) this.#end(wait, false);
    await Promise.all(this.#running);
  }
}

const isFromCache = (source: Source): boolean => source === 'memory' || source === 'redis';

/** Drawn so that each hit has the same chance, whatever pattern they come in, and all but one in many cost a subtraction. */
const hitsUntilNext = (share: number, chance: number): number =>
  1 + Math.floor(Math.log1p(-chance) / Math.log1p(-share));

/** It may have been read on a standby, which is behind. */
const isUnproved = (row: Proved<unknown> | undefined): boolean =>
  row !== undefined && row.proof === undefined;

/** Whether what ended between the two is what the log tells of: the database is the same and did not go back. */
const isOneHistory = (first: Proof, last: Proof | undefined): boolean =>
  last !== undefined && first.epoch === last.epoch && hasSeenAllOf(last.snapshot, first.snapshot);
