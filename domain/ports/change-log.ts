import type { Snapshot, Xid } from '../snapshot.ts';

/**
 * The log of every change, written by the database's triggers in the transaction of the change, whoever made it. Each
 * process reads all of it for itself (application/caching/log-reader.ts). Every method throws `DatabaseSilent` if nobody
 * answered, and another error if somebody did and it was not what was asked for.
 */
export interface ChangeLog {
  /**
   * To be called once before checks. Makes the state of the log if a crash took it, with a new epoch; empties a log that
   * came with a copy of another database; raises the noted bounds to one's own.
   */
  begin(bounds: LogBounds): Promise<LogBeginning>;
  /** What became visible since the last answered check, and this process's next beat. One at a time. */
  check(asked: LogCheck): Promise<CheckAnswer>;
  /** From where a new process may begin to read, so that what is cached need not be read again. */
  startingPoints(maxRows: number): Promise<StartingPoints>;
  /** What is wrong with the triggers, in words for an operator; without those changes stay unseen. */
  missingTriggers(): Promise<readonly string[]>;
  /** A new epoch, if the identity is still that one: the database went back to an older copy of its files. */
  renewEpoch(seen: string): Promise<void>;
  /** Notes the present moment, if nobody has in the last minute, and deletes what is older than the retention. */
  sweep(retentionMs: number): Promise<number>;
  /** How many rows it holds, about. */
  size(): Promise<number>;
  /**
   * The largest bounds that any process uses or used, of now: whoever begins with larger ones later begins to read later,
   * too.
   */
  bounds(): Promise<LogBounds>;
  /** Every process that reads the log. */
  instances(): Promise<readonly LogInstance[]>;
  /** A process that ends leaves the list, after its last answer from a cache. */
  leave(id: string): Promise<void>;
  /**
   * Calls `wake` when somebody says that these transactions became visible; without any, that there may be news. A hint that
   * may be lost, or come twice. Stops when disposed.
   */
  listen(wake: (xids: readonly Xid[]) => void): Promise<AsyncDisposable>;
  /** Says so to everybody. */
  wakeOthers(xids: readonly Xid[]): Promise<void>;
}

/**
 * Questions and answers between processes, faster than the list of instances. Hints: each may be lost, late, come twice, or
 * be of another database.
 */
export interface ReceiptBus {
  hear(listener: ReceiptListener): void;
  /** Asks everybody to say when they know of these transactions. */
  ask(xids: readonly Xid[]): void;
  /** Says it to the one who asked. */
  answer(asker: string, applied: Applied): void;
}

export type ReceiptListener = {
  asked(xids: readonly Xid[], asker: string): void;
  answered(applied: Applied): void;
};

/** What a process has applied, under an identity of the database; that never becomes untrue. */
export type Applied = { readonly id: string; readonly identity: string; readonly snapshot: Snapshot };

/** The largest that any process uses or used, in milliseconds. */
export type LogBounds = {
  /** Within which every change is seen. */
  readonly boundMs: number;
  /** For how long rows are kept after they became visible. */
  readonly retentionMs: number;
};

export type LogBeginning = { readonly identity: string };

export type LogCheck = {
  /** Of this start of the process: a UUID. */
  readonly id: string;
  /** One more each time, whatever became of the check before. */
  readonly beat: number;
  /** The last beat that was answered; 0 at first. */
  readonly answeredBeat: number;
  readonly boundMs: number;
  /** The snapshot of the last answer, which has been applied; `undefined`: this is the first, and brings no rows. */
  readonly last: Snapshot | undefined;
  /** Whether the answer says who reads the log, too. */
  readonly asksWho?: boolean;
};

/** A change: `key` says which row of `source`, `null` that it may be any. */
export type LogRow = { readonly xid: Xid; readonly source: string; readonly key: string | null };

/** A moment of the log: what a check saw, or what somebody noted. */
export type LogPosition = {
  readonly snapshot: Snapshot;
  /** What the tables were made of: their files and their triggers. Another one says that rows may be missing. */
  readonly shape: string;
};

export type CheckAnswer = LogPosition & {
  /** System, database and epoch. `undefined`: the log was made for another database, or a crash took its state. */
  readonly identity: string | undefined;
  /** Rows that this one has seen may be gone. */
  readonly swept: Snapshot;
  readonly rows: readonly LogRow[] | 'too-many';
  /** Names a row that could not be read, for the log of the process. */
  readonly unreadable: string | undefined;
  /** Where it was asked for: all of the moment of the snapshot, so that it is a list of this identity. */
  readonly who: WhoReads | undefined;
};

/** Every process that reads the log, and the largest bound that any uses or used, in milliseconds. */
export type WhoReads = { readonly instances: readonly LogInstance[]; readonly boundMs: number };

export type StartingPoints = {
  readonly notes: readonly LogPosition[];
  readonly shape: string;
  readonly swept: Snapshot;
  /** From this transaction on the log has more rows than a new process reads; `undefined`: it has fewer in all. */
  readonly crowdedFrom: Xid | undefined;
};

/** A process that reads the log. */
export type LogInstance = {
  /** Made anew at each start. */
  readonly id: string;
  /** Its own count of its checks. */
  readonly beat: number;
  readonly boundMs: number;
  /** What it has applied; `undefined`: nothing yet, or nothing that can be read. */
  readonly applied: Snapshot | undefined;
  /** Which rules it follows; a higher number is a later version. */
  readonly protocol: number;
};

/** What the statement that read a row had seen. With it a cached value proves by itself which changes it holds. */
export type Proof = {
  /** Eight characters that name the epoch of the log, and so the database and its history. */
  readonly epoch: string;
  readonly snapshot: Snapshot;
};

/** Something read from the primary database, with its proof; without one (read on a standby) it is cached nowhere. */
export type Proved<T> = { readonly value: T; readonly proof: Proof | undefined };
