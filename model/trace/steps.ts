/**
 * What a run of the protocol did, step by step, in the words of the model: what reached the database and each Redis, what
 * each process was told, and what its reads returned. Times are in milliseconds of a clock that never stands still.
 */

/** A `pg_snapshot`: below `xmin` everything is seen, from `xmax` on nothing, in between all but what was in progress. */
export type Snapshot = {
  readonly xmin: number;
  readonly xmax: number;
  readonly inProgress: readonly number[];
};

/** What a value proves itself with. */
export type Proof = { readonly epoch: string; readonly snapshot: Snapshot };

/** What a key of Redis holds. */
export type Held =
  | { readonly state: 'absent' }
  | { readonly state: 'fence' | 'lease'; readonly token: string }
  | { readonly state: 'value'; readonly proof: Proof | undefined };

/** A record, and the name under which the log tells of its changes; pointers have none. */
type OfRecord = { readonly key: string; readonly row: string | undefined };

/** Something that a process asks for; its answers carry the same number. */
type Asked = { readonly instance: number; readonly number: number };

type Words = {
  // A process.
  /** J, the bound of SERVE, and M. */
  starts: {
    readonly instance: number;
    readonly hasRedis: boolean;
    readonly boundMs: number;
    readonly silentBoundMs: number;
    readonly maxStalenessMs: number;
  };
  ends: { readonly instance: number };

  // CHECK. `applied`: what the process says that it knows.
  'asks the log': { readonly instance: number; readonly applied: Snapshot | undefined };
  /** The database executes it: from now on the process is in the list. */
  'log is read': { readonly instance: number; readonly snapshot: Snapshot };
  /** HEARD begins: everything that this snapshot sees has to be seen by a value. */
  'begins to hear': { readonly instance: number; readonly epoch: string; readonly snapshot: Snapshot };
  /** The rows of a check by their names; `everything`: there were too many. */
  applies: {
    readonly instance: number;
    readonly snapshot: Snapshot;
    readonly rows: ReadonlyMap<string, readonly number[]> | 'everything';
  };
  'forgets what it heard': { readonly instance: number };
  'check ends': {
    readonly instance: number;
    readonly outcome: 'answered' | 'refused' | 'silent' | 'anew';
  };

  // WRITE.
  /** Without an instance: somebody at psql. */
  locks: { readonly transaction: number; readonly instance: number | undefined; readonly row: string };
  /** It becomes visible. Without an instance: by somebody who knows nothing of caches. */
  commits: {
    readonly transaction: number;
    readonly instance: number | undefined;
    readonly xid: number;
    readonly rows: readonly string[];
    readonly stamps: readonly string[];
  };
  'rolls back': { readonly transaction: number };
  acknowledges: { readonly instance: number; readonly stamp: string; readonly isSecurity: boolean };
  'gives a receipt': { readonly instance: number; readonly snapshot: Snapshot };

  // What a process sends to Redis, and what Redis does.
  'sends fence': OfRecord & { readonly instance: number; readonly token: string };
  'sends release': OfRecord & { readonly instance: number; readonly token: string };
  redis: OfRecord & {
    readonly server: number;
    readonly instance: number;
    readonly command: 'lease' | 'replace' | 'fill' | 'fence' | 'release' | 'drop';
    readonly token: string | undefined;
    readonly before: Held;
    readonly after: Held;
  };
  publishes: { readonly server: number; readonly key: string };
  /** What befalls a Redis, or its clock. `loses`: everything, or that key. */
  loses: { readonly server: number; readonly key: string | undefined };
  'ends fences': { readonly server: number };
  'is copied': { readonly server: number };
  'goes back': { readonly server: number };
  /** A replica that caught up, when it takes over. */
  'becomes a copy': { readonly server: number; readonly of: number };

  // The bus.
  hears: { readonly instance: number; readonly key: string };
  'is interrupted': { readonly instance: number };
  pings: Asked;
  'is ponged': Asked;

  // READ.
  'reads begin': Asked & { readonly key: string };
  'asks Redis': Asked & OfRecord;
  /** Redis's value is believed. */
  hits: Asked & OfRecord & { readonly proof: Proof | undefined; readonly stamp: string | undefined };
  selects: Asked & OfRecord;
  'is answered': Asked & { readonly proof: Proof | undefined; readonly stamp: string | undefined };
  'reads end': Asked & {
    readonly stamp: string;
    readonly source: 'memory' | 'redis' | 'stored' | 'miss' | 'bypass';
  };

  // The database.
  'database is copied': Record<never, never>;
  /** It goes back to its copy. */
  'database goes back': Record<never, never>;
};

export type Word = keyof Words;
export type StepOf<W extends Word> = { readonly word: W; readonly atMs: number } & Words[W];
export type Step = { [W in Word]: StepOf<W> }[Word];
/** A step before somebody has put the time on it. */
export type Said = { [W in Word]: { readonly word: W } & Words[W] }[Word];
