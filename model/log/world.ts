/**
 * The state of the log model. There is one cached key, and each writer changes its row once. A set of transactions is a
 * mask, bit w for the one of writer w: a snapshot is the set that it has seen, and a version of the row is the snapshot
 * that read it. Writers get their ids in the order of their numbers and commit in any order.
 */
import { type Bytes, type Fields, Layout, recordOf } from '../record.ts';
import type { Fault, Home, Settings } from './settings.ts';

export const Key = { absent: 0, fence: 1, lease: 2, value: 3 } as const;

export const Writing = {
  idle: 0,
  /** It holds the row lock. */
  locked: 1,
  /** The fence is confirmed; before the lock only in a variant. */
  fencedFirst: 2,
  fenced: 3,
  unfenced: 4,
  /** COMMIT was sent, and nobody knows. */
  inFlight: 5,
  releasing: 6,
  noting: 7,
  listing: 8,
  waiting: 9,
  rollingBack: 10,
  /** Its process is dead, its transaction not yet. */
  orphan: 11,
  done: 12,
} as const;

export const Reading = {
  idle: 0,
  /** Nothing was there: it asks for the lease. */
  leasing: 1,
  /** What was there is not believed: it asks to replace it by a lease. */
  replacing: 2,
  selecting: 3,
  filling: 4,
  /** It may not use Redis: it reads the row. */
  bypassing: 5,
  /** A fence or the lease of another. */
  pausing: 6,
  remembering: 7,
} as const;

export const Checking = { no: 0, asked: 1, answered: 2 } as const;

const databaseFields = [
  /** The visible transactions; the rows of the log that are there; the last commit, as writer + 1. */
  'committed',
  'log',
  'last',
  'lock',
  'epoch',
  /** A noted snapshot; the one up to which the log is swept. */
  'note',
  'swept',
  /** What a promotion lost, and the ticks since. */
  'lost',
  'sinceLoss',
] as const;
const serverFields = ['key', 'argument', 'epoch'] as const;
const writerFields = [
  'at',
  'confirmed',
  'waited',
  'waitedWall',
  /** The instances that a receipt is missing of; those that a message is under way to; those that answered it. */
  'waitsFor',
  'messages',
  'answers',
] as const;
/** What it has in its hand, and what it has to have seen: `strict`, nothing that a promotion lost. */
const readerFields = ['at', 'value', 'epoch', 'floor', 'strict'] as const;
const instanceFields = [
  'running',
  'server',
  'cut',
  'epoch',
  /** The snapshot of the last answered check, and the age of its beginning by each clock. */
  'seen',
  'age',
  'wall',
  'opened',
  'check',
  'checkSeen',
  'checkRows',
  'checkEpoch',
  'checkAge',
  'checkWall',
  'inRow',
  /** HEARD of the key; its own ids that no check has brought; the snapshot that brought the last row; FLOOR. */
  'heard',
  'own',
  'brought',
  'floor',
  'remembers',
  'memory',
  'memoryEpoch',
  /** Ages of its row in the list and of its knowledge of the identity; the list of its last check. */
  'beat',
  'known',
  'listed',
  'newFor',
  /** SERVE: it goes on serving; the age that counts; nobody has answered since the last answered check (the truth). */
  'serving',
  'serveAge',
  'unanswered',
] as const;
const environmentFields = ['promoted', 'readOnly', 'acknowledged', 'wrong'] as const;

export type Database = Fields<(typeof databaseFields)[number]>;
export type Server = Fields<(typeof serverFields)[number]>;
export type Writer = Fields<(typeof writerFields)[number]>;
export type Reader = Fields<(typeof readerFields)[number]>;
export type Instance = Fields<(typeof instanceFields)[number]>;
export type Environment = Fields<(typeof environmentFields)[number]>;

export type World = {
  readonly database: Database;
  /** What was visible 0, 1, ... ticks ago. */
  readonly history: readonly Fields<'committed'>[];
  /** X and Y. */
  readonly servers: readonly Server[];
  /** What Redis may go back to. */
  readonly backup: Server;
  readonly writers: readonly Writer[];
  readonly readers: readonly Reader[];
  readonly instances: readonly Instance[];
  readonly environment: Environment;
  readonly budgets: readonly Fields<'left'>[];
};

/** The numbers that follow from the settings. */
export type Context = Settings & {
  readonly size: number;
  view(bytes: Bytes): World;
  /** The instance of each writer and reader; -1 for psql. */
  readonly writerHomes: readonly number[];
  readonly readerHomes: readonly number[];
  readonly writerNames: readonly string[];
  readonly readerNames: readonly string[];
  readonly faultNames: readonly Fault[];
  /**
   * Those that serve somebody, and those that check. Knowledge of an instance without readers can change no answer: it
   * only writes, and does not check.
   */
  readonly serving: readonly number[];
  /** Ages stop here: beyond it nothing differs any more. */
  readonly oldest: number;
};

const homeNames: readonly Home[] = ['A', 'B', 'C'];
export const nameOf = (instanceIndex: number): string => homeNames[instanceIndex] ?? 'psql';

const readerType = recordOf(...readerFields);
const instanceType = recordOf(...instanceFields);

export const clearReader = (record: Reader): void => readerType.clear(record);
export const clearInstance = (record: Instance): void => instanceType.clear(record);

export const contextOf = (settings: Settings): Context => {
  const writerHomes = settings.writers.map((home) => homeNames.indexOf(home));
  const readerHomes = settings.readers.map((home) => homeNames.indexOf(home));
  const longest = Math.max(settings.allowed, settings.rules.serveTicks);
  const faultNames = faultsOf(settings);
  const layout = new Layout();
  const places = {
    database: layout.one(recordOf(...databaseFields)),
    history: layout.many(recordOf('committed'), longest + 1),
    servers: layout.many(recordOf(...serverFields), 2),
    backup: layout.one(recordOf(...serverFields)),
    writers: layout.many(recordOf(...writerFields), writerHomes.length),
    readers: layout.many(readerType, readerHomes.length),
    instances: layout.many(instanceType, Math.max(...writerHomes, ...readerHomes) + 1),
    environment: layout.one(recordOf(...environmentFields)),
    budgets: layout.many(recordOf('left'), faultNames.length),
  };
  return {
    ...settings,
    size: layout.size,
    view: (bytes) => ({
      database: places.database(bytes),
      history: places.history(bytes),
      servers: places.servers(bytes),
      backup: places.backup(bytes),
      writers: places.writers(bytes),
      readers: places.readers(bytes),
      instances: places.instances(bytes),
      environment: places.environment(bytes),
      budgets: places.budgets(bytes),
    }),
    writerHomes,
    readerHomes,
    writerNames: settings.writers.map((home, index) => `w${index} at ${home}`),
    readerNames: settings.readers.map((home, index) => `r${index} at ${home}`),
    faultNames,
    serving: [...new Set(readerHomes)].sort(),
    oldest: Math.max(settings.j, settings.rules.serveTicks) + 1,
  };
};

const faultsOf = ({ faults }: Settings): readonly Fault[] => {
  const all: Readonly<Record<Fault, true>> = {
    'request lost': true,
    'release lost': true,
    'fence lost': true,
    'late commit': true,
    rollback: true,
    'writer dies': true,
    'fail-over': true,
    'moves back': true,
    'Redis goes back': true,
    'read-only Redis': true,
    'cut off': true,
    error: true,
    starts: true,
    killed: true,
    ends: true,
    suspended: true,
    'clock forward': true,
    'clock back': true,
    'database crashes': true,
    'database goes back': true,
    sweep: true,
  };
  const isFault = (name: string): name is Fault => Object.hasOwn(all, name);
  return Object.keys(faults).filter(isFault);
};
