/** What a run of the log model is about: who takes part, what may fail, which promise, and which rules are in force. */

/** Who writes or reads: an instance of Kith, or psql, which knows nothing of caches. */
export type Home = 'A' | 'B' | 'C' | 'psql';

/** What may go wrong. Each happens at most as often as the run allows, at any moment. */
export type Fault =
  /** FENCE is not answered; Redis did it, or did not. */
  | 'request lost'
  /** RELEASE is not executed. */
  | 'release lost'
  /** A fence is gone while its writer relies on it: eviction, FLUSHALL, a restart. */
  | 'fence lost'
  /** COMMIT is not answered, and becomes visible as late as it likes, or never. */
  | 'late commit'
  | 'rollback'
  /** The writer ends where it is; what it has not committed is rolled back at some time. */
  | 'writer dies'
  /** Y, a replica of X that lags, becomes the master. Each instance moves there when it likes; X stays alive. */
  | 'fail-over'
  /** An instance that has moved to Y goes back to X. */
  | 'moves back'
  /** Redis has an old state again: restored, or silently. */
  | 'Redis goes back'
  | 'read-only Redis'
  /** B does not reach the database until it does again. */
  | 'cut off'
  /** A check of B is answered by an error. */
  | 'error'
  /** B is not there at the beginning. */
  | 'starts'
  /** B is killed, and started anew at some time. */
  | 'killed'
  /** B ends in order, and is started anew at some time. */
  | 'ends'
  /** B's monotonic clock does not see a tick. */
  | 'suspended'
  | 'clock forward'
  | 'clock back'
  /** The server of the database is killed: what runs is rolled back, the list is empty, the epoch is new, ids repeat. */
  | 'database crashes'
  /** A standby is promoted that lacks the last commit. */
  | 'database goes back'
  /** Rows of the log that are in a noted snapshot are deleted. */
  | 'sweep';

export type Rules = {
  /** none: the key is deleted after the commit, as is usual. before the lock: FENCE is sent before the row is locked. */
  readonly fence: 'after the lock' | 'before the lock' | 'none';
  readonly release: 'own or none' | 'any';
  /** lease: only the holder of the lease fills. absent: SET NX. blind: SET. */
  readonly fill: 'lease' | 'absent' | 'blind';
  /** A reader may join the flight of another one that has already read the row. */
  readonly joinsAnyFlight: boolean;
  readonly log: 'every change' | 'what was not confirmed';
  /** The first who reads a row of the log deletes it. */
  readonly consumesRows: boolean;

  readonly belief: 'snapshot' | 'version' | 'none';
  readonly heard: 'all ids' | 'greatest id';
  readonly notesOwn: boolean;
  /** Whether a key may be forgotten, and what becomes of FLOOR. */
  readonly forgets: 'never' | 'FLOOR rises' | 'FLOOR stays' | 'own ids too';
  readonly identityOfValues: boolean;
  readonly identityOfChecks: boolean;
  readonly believesBeforeMemory: boolean;
  readonly pause: 'gate and belief' | 'skips the gate' | 'skips belief';

  readonly gate: 'two checks' | 'one check' | 'none';
  readonly gateCoversMemory: boolean;
  /** A check that is not answered counts as one that was. */
  readonly silenceOpens: boolean;
  readonly ages: 'larger' | 'monotonic';
  readonly waits: 'smaller' | 'larger';
  /** What a process knows when it starts. */
  readonly start: 'note and rows' | 'note alone' | 'nothing';
  /** When a new process serves: by its checks, or at once, after J, or after J and a check, whatever its checks say. */
  readonly newcomer: 'by its checks' | 'at once' | 'after J' | 'after J and a check';
  readonly goesOnWhenSwept: boolean;

  /** SERVE_WITHOUT_DATABASE in ticks; 0 refuses. */
  readonly serveTicks: number;
  readonly serveCountsFrom: 'last answered check' | 'first silence';
  readonly errorEndsServing: boolean;
  /** F0 is asked for with its exception for an instance that the database does not answer. */
  readonly serveIsExcused: boolean;

  readonly receipts: 'log' | 'fence message' | 'release message' | 'none';
  /** A receipt is given when the log is read, and not when its rows are applied. */
  readonly answersBeforeDropping: boolean;
  readonly list: 'read after the commit' | 'of the last check';
  /** An instance is listed while its beat is at most this many J old. */
  readonly listedForJ: number;
  readonly waitsAfterNewIdentity: boolean;
  readonly boundFrom: 'answer of COMMIT' | 'sending of COMMIT';
};

export const designed: Rules = {
  fence: 'after the lock',
  release: 'own or none',
  fill: 'lease',
  joinsAnyFlight: false,
  log: 'every change',
  consumesRows: false,
  belief: 'snapshot',
  heard: 'all ids',
  notesOwn: true,
  forgets: 'never',
  identityOfValues: true,
  identityOfChecks: true,
  believesBeforeMemory: true,
  pause: 'gate and belief',
  gate: 'two checks',
  gateCoversMemory: true,
  silenceOpens: false,
  ages: 'larger',
  waits: 'smaller',
  start: 'note and rows',
  newcomer: 'by its checks',
  goesOnWhenSwept: false,
  serveTicks: 0,
  serveCountsFrom: 'last answered check',
  errorEndsServing: true,
  serveIsExcused: true,
  receipts: 'log',
  answersBeforeDropping: false,
  list: 'read after the commit',
  listedForJ: 2,
  waitsAfterNewIdentity: true,
  boundFrom: 'answer of COMMIT',
};

/** F0, F1 and F2 of consistency.md; own: whoever asks the writing instance reads what was acknowledged. */
export type Promised = 'F0' | 'F1' | 'F2' | 'own';

export type Settings = {
  readonly promised: Promised;
  readonly writers: readonly Home[];
  readonly readers: readonly Home[];
  readonly faults: Readonly<Partial<Record<Fault, number>>>;
  /** J in ticks. */
  readonly j: number;
  /** How old a version F0 allows, in ticks. */
  readonly allowed: number;
  readonly memory: boolean;
  /** What a change does to the version: Kith and the trigger raise it, raw SQL may also lower it. */
  readonly versions: 'raised' | 'kept' | 'lowered';
  readonly rules: Rules;
};

export const usual: Settings = {
  promised: 'F0',
  writers: ['A'],
  readers: ['B'],
  faults: {},
  j: 1,
  allowed: 1,
  memory: true,
  versions: 'raised',
  rules: designed,
};
