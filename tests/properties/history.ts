import type { Source } from '../../application/read.ts';
import type { Settings } from './settings.ts';

/** One change of the record, named by a stamp that the record carries. */
type Commit = {
  readonly stamp: string;
  /** Later ones have greater ranks. */
  readonly rank: number;
  /** When the database went back behind it. */
  lostAt?: number;
  readonly instance: number;
  /** Whether it was made behind a confirmed fence, in a Redis that lost nothing. */
  readonly isFenced: boolean;
};

/** From when on a commit has to be seen, by somebody, in some tier. */
type Landmark = {
  readonly commit: Commit;
  readonly atMs: number;
  readonly order: number;
  readonly instance: number;
  readonly as: 'visible' | 'acknowledged' | 'security-acknowledged' | 'seen';
};

export type ReadStart = {
  readonly atMs: number;
  readonly order: number;
  readonly instance: number;
  /** SERVE: the log is silent for this instance, and was so before its gate had to close. */
  readonly isWithoutDatabase: boolean;
};

/** What was promised, as a checker on one clock (F0-F2 and own writes); it knows nothing of how it is done. */
export class History {
  readonly violations: string[] = [];
  readonly #settingsOf: (instance: number) => Settings;
  readonly #commits = new Map<string, Commit>();
  #landmarks: Landmark[] = [];
  #rank = 0;
  #order = 0;

  constructor(settingsOf: (instance: number) => Settings) {
    this.#settingsOf = settingsOf;
  }

  /** Before it becomes visible. */
  commit(stamp: string, instance: number, isFenced: boolean): void {
    this.#commits.set(stamp, { stamp, rank: ++this.#rank, instance, isFenced });
  }

  landmark(as: Landmark['as'], stamp: string, atMs: number, instance: number): void {
    const commit = this.#commits.get(stamp);
    // What the database lost need not be seen.
    if (commit === undefined || commit.lostAt !== undefined) return;
    this.#landmarks.push({ commit, atMs, order: ++this.#order, instance, as });
  }

  startRead(atMs: number, instance: number, isWithoutDatabase: boolean): ReadStart {
    return { atMs, order: ++this.#order, instance, isWithoutDatabase };
  }

  /** How many reads were answered. */
  reads = 0;

  finishRead(start: ReadStart, stamp: string, source: Source, atMs: number): void {
    this.reads++;
    const got = this.#commits.get(stamp);
    for (const landmark of this.#landmarks) {
      if (landmark.order > start.order || hasSeen(got, landmark)) continue;
      const ageMs = start.atMs - landmark.atMs;
      const allowedMs = allowed(landmark, start, source, this.#settingsOf(start.instance));
      if (allowedMs > 0 && ageMs <= allowedMs) continue;
      this.violations.push(
        `read on ${start.instance} from ${source} got ${stamp}, but ${landmark.commit.stamp} was ${landmark.as} on ` +
          `${landmark.instance} ${ageMs} ms before it (allowed ${allowedMs})`,
      );
    }
    this.landmark('seen', stamp, atMs, start.instance);
  }

  /** Takes a copy; what is returned makes it the truth again, and all that came after it never happened. */
  copy(): (atMs: number) => void {
    const rank = this.#rank;
    return (atMs) => {
      const commits = [...this.#commits.values()];
      for (const commit of commits) if (commit.rank > rank) commit.lostAt ??= this.#order;
      this.#landmarks = this.#landmarks.filter(({ commit }) => commit.lostAt === undefined);
      const last = commits.findLast(({ lostAt }) => lostAt === undefined);
      if (last !== undefined) this.landmark('visible', last.stamp, atMs, -1);
    };
  }
}

/** What was lost is older than everything that comes after the loss. */
const hasSeen = (got: Commit | undefined, { commit, order }: Landmark): boolean =>
  got !== undefined && got.rank >= commit.rank && !(got.lostAt !== undefined && got.lostAt < order);

/** How old a read may be that has not seen it, in milliseconds; by the settings of the instance that reads. */
const allowed = (
  { as, commit, instance }: Landmark,
  start: ReadStart,
  source: Source,
  { boundMs, maxStalenessMs, silentBoundMs }: Settings,
): number => {
  if (source !== 'memory' && source !== 'redis') return 0;
  // Its own callers read their writes, whatever became of the fence.
  if (as === 'acknowledged' && instance === start.instance) return 0;
  if (as === 'security-acknowledged') return start.isWithoutDatabase ? silentBoundMs : 0;
  if (as === 'visible') return start.isWithoutDatabase ? silentBoundMs : boundMs;
  // F1. Without a confirmed fence it is F0 that counts.
  if (!commit.isFenced) return Number.POSITIVE_INFINITY;
  return source === 'memory' ? maxStalenessMs : 0;
};
