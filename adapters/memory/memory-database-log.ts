import { protocol } from '../../application/caching/log-reader.ts';
import type {
  ChangeLog,
  CheckAnswer,
  LogBeginning,
  LogBounds,
  LogCheck,
  LogInstance,
  LogPosition,
  LogRow,
  Proof,
  StartingPoints,
} from '../../domain/ports/change-log.ts';
import { hasSeen, hasSeenAllOf, type Snapshot, type Xid } from '../../domain/snapshot.ts';
import { MemoryXids } from './memory-database-xids.ts';

/** What it takes to run within one turn of the event loop. */
type Now<T> = T extends (...args: infer A) => Promise<infer R> ? (...args: A) => R : never;

/** More are everything. */
const maxRowsOfCheck = 20_000;
/** More often than this nobody has to note a moment. */
const noteEveryMs = 55_000;
/** Notes that are older than the retention are there for the sweep. */
const marginMs = 600_000;

/** It stands in for the triggers' tables, which are what they were made as. */
const shape = 'in memory';
const nothingSeen: Snapshot = { xmin: 1, xmax: 1, inProgress: [] };

type Note = LogPosition & { readonly atMs: number };

/** The part that a crash of the server takes. */
type Unlogged = {
  readonly epoch: string;
  readonly swept: Snapshot;
  readonly notes: readonly Note[];
  readonly instances: ReadonlyMap<string, LogInstance>;
};

const newEpoch = (): Unlogged => ({
  epoch: crypto.randomUUID(),
  swept: nothingSeen,
  notes: [],
  instances: new Map(),
});

/** The log of changes, and who reads it. Each call is one turn: what it says is of one snapshot. */
export class MemoryLog {
  readonly #nowMs: () => number;
  readonly #listeners = new Set<(xids: readonly Xid[]) => void>();
  #xids = new MemoryXids();
  /** What is committed, in the order of the commits. */
  #rows: LogRow[] = [];
  #unlogged: Unlogged | undefined = newEpoch();
  #bounds: LogBounds = { boundMs: 0, retentionMs: 0 };

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get xids(): MemoryXids {
    return this.#xids;
  }

  get #identity(): string | undefined {
    return this.#unlogged && `memory.1.${this.#unlogged.epoch}`;
  }

  /** Of what is read in this turn. */
  proof(): Proof | undefined {
    const epoch = this.#unlogged?.epoch.slice(0, 8);
    return epoch === undefined ? undefined : { epoch, snapshot: this.#xids.snapshot() };
  }

  /** The end of a transaction that commits: its rows become visible with it. */
  commit(xid: Xid, changed: readonly Omit<LogRow, 'xid'>[]): void {
    this.#xids.end(xid);
    for (const row of changed) this.#rows.push({ xid, ...row });
  }

  readonly begin = ({ boundMs, retentionMs }: LogBounds): LogBeginning => {
    this.#unlogged ??= newEpoch();
    this.#bounds = {
      boundMs: Math.max(boundMs, this.#bounds.boundMs),
      retentionMs: Math.max(retentionMs, this.#bounds.retentionMs),
    };
    return { identity: this.#identity ?? '' };
  };

  readonly bounds: Now<ChangeLog['bounds']> = () => this.#bounds;

  readonly check: Now<ChangeLog['check']> = ({ id, beat, boundMs, last, asksWho }: LogCheck): CheckAnswer => {
    const snapshot = this.#xids.snapshot();
    // The beat takes an id of its own, after the snapshot.
    this.#xids.end(this.#xids.begin());
    const instances = new Map(this.#unlogged?.instances);
    if (beat > (instances.get(id)?.beat ?? 0))
      instances.set(id, { id, beat, boundMs, applied: last, protocol });
    if (this.#unlogged !== undefined) this.#unlogged = { ...this.#unlogged, instances };
    const rows =
      last === undefined ? [] : this.#rows.filter(({ xid }) => hasSeen(snapshot, xid) && !hasSeen(last, xid));
    return {
      snapshot,
      shape,
      identity: this.#identity,
      swept: this.#unlogged?.swept ?? nothingSeen,
      rows: rows.length > maxRowsOfCheck ? 'too-many' : rows,
      unreadable: undefined,
      who:
        asksWho === true ? { instances: [...instances.values()], boundMs: this.#bounds.boundMs } : undefined,
    };
  };

  isChanged(since: Snapshot, { source, key }: { readonly source: string; readonly key: string }): boolean {
    return this.#rows.some(
      (row) =>
        row.source === source &&
        !hasSeen(since, row.xid) &&
        (row.key === null || row.key === key || row.key.startsWith(`${key}:`)),
    );
  }

  readonly startingPoints = (maxRows: number): StartingPoints => {
    const { notes, swept } = this.#unlogged ?? newEpoch();
    const newestFirst = this.#rows.map(({ xid }) => xid).sort((a, b) => b - a);
    return { notes, shape, swept, crowdedFrom: newestFirst[maxRows] };
  };

  readonly renewEpoch = (seen: string): void => {
    if (this.#unlogged !== undefined && seen === this.#identity)
      this.#unlogged = { ...this.#unlogged, epoch: crypto.randomUUID() };
  };

  readonly sweep = (retentionMs: number): number => {
    if (this.#unlogged === undefined) return 0;
    const nowMs = this.#nowMs();
    const notes = this.#unlogged.notes.filter(
      ({ atMs }) => atMs <= nowMs && nowMs - atMs <= retentionMs + 2 * marginMs,
    );
    if (notes.every(({ atMs }) => nowMs - atMs >= noteEveryMs))
      notes.push({ snapshot: this.#xids.snapshot(), shape, atMs: nowMs });
    const old = notes.findLast(({ atMs }) => nowMs - atMs > retentionMs + marginMs)?.snapshot;
    const swept = old !== undefined && hasSeenAllOf(old, this.#unlogged.swept) ? old : this.#unlogged.swept;
    this.#unlogged = { ...this.#unlogged, notes, swept };
    const before = this.#rows.length;
    this.#rows = this.#rows.filter(({ xid }) => !hasSeen(swept, xid));
    return before - this.#rows.length;
  };

  readonly size = (): number => this.#rows.length;

  readonly instances = (): readonly LogInstance[] => [...(this.#unlogged?.instances.values() ?? [])];

  readonly leave = (id: string): void => {
    if (this.#unlogged === undefined) return;
    const instances = new Map(this.#unlogged.instances);
    instances.delete(id);
    this.#unlogged = { ...this.#unlogged, instances };
  };

  readonly listen = (wake: (xids: readonly Xid[]) => void): AsyncDisposable => {
    // A function of its own, so that one who listens twice can stop once.
    const listener = (xids: readonly Xid[]): void => wake(xids);
    this.#listeners.add(listener);
    return { [Symbol.asyncDispose]: async () => void this.#listeners.delete(listener) };
  };

  readonly wakeOthers = (xids: readonly Xid[]): void => {
    for (const wake of this.#listeners) queueMicrotask(() => wake(xids));
  };

  /** Nobody is woken any more. */
  stop(): void {
    this.#listeners.clear();
  }

  /** What was not yet written to the disk for good is gone, and its transaction ids are given out again. */
  crash(): void {
    this.#unlogged = undefined;
    this.#xids = new MemoryXids(this.#rows.reduce((last, { xid }) => Math.max(last, xid), 0));
  }

  /** Takes a copy, with nothing in progress; what is returned puts it back. */
  copy(): () => void {
    const [rows, unlogged, bounds] = [[...this.#rows], this.#unlogged, this.#bounds];
    const { xmax } = this.#xids.snapshot();
    return () => {
      [this.#rows, this.#unlogged, this.#bounds] = [[...rows], unlogged, bounds];
      this.#xids = new MemoryXids(xmax - 1);
    };
  }
}
