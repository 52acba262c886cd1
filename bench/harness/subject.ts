import process from 'node:process';

/** Where the servers of a run are, and how large its population is. Plain data: it travels to the subjects' processes. */
export type Settings = {
  readonly redisPort: number;
  /** A connection URL of a database of this run. */
  readonly postgresUrl: string;
  readonly people: number;
  readonly workload?: Workload;
};

/** What one of several processes does: reads and writes of people after Zipf's law. */
export type Workload = {
  readonly seed: number;
  readonly readShare: number;
  /** How many callers there are in each process. */
  readonly width: number;
  /** It ends after so many operations, or so much time. */
  readonly operations: number;
  readonly durationMs: number;
  /** The mean pause of a caller between two operations. */
  readonly thinkMs: number;
};

/** What can be asked of a thing under test. Arguments and answers travel between processes as JSON. */
export type Subject = { readonly [command: string]: (argument: number) => Promise<unknown> };

/** Opens a thing under test, in a process of its own. */
export type OpenSubject = (settings: Settings) => Promise<Subject>;

/** A thing under test by its place: a file in bench/subjects/ and the name of an `OpenSubject` in it. */
export type SubjectName = { readonly file: string; readonly name: string };

/** The answer to a command with what it cost the process. */
export type Answer = {
  readonly value: unknown;
  /** CPU of the whole process (user and system, all threads) since its start, before and after, in microseconds. */
  readonly cpuBeforeUs: number;
  readonly cpuAfterUs: number;
};

/** CPU of this process since its start, in microseconds. */
export const cpuUs = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

/**
 * A clock that all processes of a run share, in milliseconds. Node's high-resolution time is the machine's monotonic clock;
 * Deno's counts from the start of each process, so there it is the wall clock at that start.
 */
export const sharedNowMs: () => number =
  'Deno' in globalThis
    ? () => performance.timeOrigin + performance.now()
    : () => Number(process.hrtime.bigint()) / 1e6;
