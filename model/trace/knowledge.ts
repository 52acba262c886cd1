/** What one process may do by the steps that came so far: BELIEVE, the gate, and what its memory may hold. */
import type { Proof, Snapshot, StepOf } from './steps.ts';

export const sees = ({ xmin, xmax, inProgress }: Snapshot, xid: number): boolean =>
  xid < xmin || (xid < xmax && !inProgress.includes(xid));

const isSame = (one: Snapshot, other: Snapshot): boolean =>
  one.xmin === other.xmin && one.xmax === other.xmax && one.inProgress.join() === other.inProgress.join();

export const isSameSnapshot = (one: Snapshot | undefined, other: Snapshot | undefined): boolean =>
  one === undefined || other === undefined ? one === other : isSame(one, other);

/** A change that is visible. */
export type Commit = StepOf<'commits'> & { readonly order: number };

/** A value that its memory may hold. */
type Kept = {
  readonly key: string;
  readonly row: string | undefined;
  readonly stamp: string | undefined;
  readonly proof: Proof | undefined;
  /** When the read that brought it was sent. */
  readonly sentAtMs: number;
  readonly order: number;
  /** It came through Redis, so that the bus vouches for it. */
  isProvable: boolean;
};

/** `opens`: it comes in time after one that was answered, so that its answer opens the gate. */
type Check = {
  readonly askedAtMs: number;
  readonly snapshot: Snapshot | undefined;
  /** The step in which the database executed it. */
  readonly readAt: number;
  readonly opens: boolean;
};

export class Knowledge {
  readonly limits: StepOf<'starts'>;
  epoch: string | undefined;
  #applied: Snapshot | undefined;
  /** What is visible from this step on was not in it, whatever its number: after a crash numbers are given out again. */
  #appliedAt = 0;
  #asked: Check | undefined;
  /** Those that the database executed and that may hold the gate open. */
  #read: Check[] = [];
  #answeredAtMs: number | undefined;
  #isInARow = false;
  #isSilent = false;
  /** Own commits that it was told of. */
  readonly #own: Commit[] = [];
  #kept: Kept[] = [];
  readonly #heard = new Map<string, number>();
  #interrupted = 0;
  readonly #pings = new Map<number, number>();
  #provedAtMs = Number.NEGATIVE_INFINITY;

  constructor(limits: StepOf<'starts'>) {
    this.limits = limits;
  }

  asksLog(atMs: number): void {
    const { boundMs } = this.limits;
    const opens = this.#answeredAtMs !== undefined && atMs - this.#answeredAtMs <= boundMs;
    this.#asked = { askedAtMs: atMs, snapshot: undefined, readAt: 0, opens };
  }

  logIsRead(snapshot: Snapshot, order: number): void {
    if (this.#asked === undefined) return;
    this.#asked = { ...this.#asked, snapshot, readAt: order };
    this.#read.push(this.#asked);
  }

  get applied(): Snapshot | undefined {
    return this.#applied;
  }

  /** When the last check was executed. */
  get readAt(): number {
    return this.#asked?.readAt ?? 0;
  }

  applies(snapshot: Snapshot | undefined, readAt: number): void {
    this.#applied = snapshot;
    this.#appliedAt = readAt;
  }

  /** Whether it knows of the change by what it has applied. */
  hasApplied({ xid, order }: Commit): boolean {
    return this.#applied !== undefined && sees(this.#applied, xid) && order < this.#appliedAt;
  }

  /** Whether a check that the database executed may let it serve at this time what was there before this change. */
  mayServeBefore(xid: number, atMs: number): boolean {
    if (this.applied !== undefined && sees(this.applied, xid)) return false;
    return this.#read.some(
      ({ askedAtMs, snapshot, opens }) =>
        opens && atMs - askedAtMs < this.limits.boundMs && snapshot !== undefined && !sees(snapshot, xid),
    );
  }

  /** Whether the last check was executed: otherwise it cannot have been answered. */
  get wasRead(): boolean {
    return this.#asked?.snapshot !== undefined;
  }

  checkEnds(outcome: StepOf<'check ends'>['outcome'], atMs: number): void {
    if (outcome === 'silent') {
      this.#isSilent ||= this.isOpen(atMs);
      return;
    }
    this.#isSilent = false;
    if (outcome === 'refused') return;
    this.#isInARow = false;
    if (outcome === 'anew') {
      this.#read = [];
      return;
    }
    const before = this.#answeredAtMs;
    this.#answeredAtMs = this.#asked?.askedAtMs;
    if (before === undefined || this.#answeredAtMs === undefined) return;
    this.#isInARow = this.#answeredAtMs - before <= this.limits.boundMs;
  }

  end(): void {
    this.#answeredAtMs = undefined;
    this.#read = [];
  }

  isOpen(atMs: number): boolean {
    if (this.#answeredAtMs === undefined || !this.#isInARow) return false;
    const { boundMs, silentBoundMs } = this.limits;
    return atMs - this.#answeredAtMs <= (this.#isSilent ? Math.max(boundMs, silentBoundMs) : boundMs);
  }

  acknowledges(commit: Commit): void {
    this.#own.push(commit);
  }

  /** Of its own epoch, and of a statement that saw every change of the row that this process knows of. */
  believes(row: string | undefined, proof: Proof | undefined, commits: readonly Commit[]): boolean {
    if (row === undefined) return true;
    if (proof === undefined || this.applied === undefined || proof.epoch !== this.epoch) return false;
    const known = commits.filter(
      (commit) => commit.rows.includes(row) && (this.hasApplied(commit) || this.#own.includes(commit)),
    );
    return known.every(({ xid }) => sees(proof.snapshot, xid));
  }

  mayKeep(value: Kept): void {
    this.#kept.push(value);
  }

  /** Redis took it as well. */
  isFilled(key: string, proof: Proof | undefined): void {
    for (const value of this.#kept)
      if (
        value.key === key &&
        value.proof?.epoch === proof?.epoch &&
        isSameSnapshot(value.proof?.snapshot, proof?.snapshot)
      )
        value.isProvable = true;
  }

  hears(key: string, order: number): void {
    this.#heard.set(key, order);
  }

  isInterrupted(order: number): void {
    this.#interrupted = order;
    this.#provedAtMs = Number.NEGATIVE_INFINITY;
  }

  pings(number: number, atMs: number): void {
    this.#pings.set(number, atMs);
  }

  isPonged(number: number): boolean {
    const sentAtMs = this.#pings.get(number);
    if (sentAtMs === undefined) return false;
    this.#provedAtMs = Math.max(this.#provedAtMs, sentAtMs);
    return true;
  }

  /** Why its memory may not return this; `undefined`: it may. */
  doubtMemory(key: string, stamp: string, atMs: number, commits: readonly Commit[]): string | undefined {
    if (!this.isOpen(atMs)) return 'memory is served though the gate is closed';
    const { maxStalenessMs } = this.limits;
    const isProved = atMs - this.#provedAtMs < maxStalenessMs;
    const heardAt = Math.max(this.#heard.get(key) ?? 0, this.#interrupted);
    const same = this.#kept.filter((kept) => kept.key === key && kept.stamp === stamp);
    if (same.length === 0) return 'memory has what was never read';
    const unheard = same.filter(({ order }) => order > heardAt);
    if (unheard.length === 0) return 'memory has what was read before its key was heard of';
    const young = unheard.filter(
      ({ sentAtMs, isProvable }) => atMs - sentAtMs < maxStalenessMs || (isProvable && isProved),
    );
    if (young.length === 0) return 'memory has what is older than its bound, and nothing proves it';
    return young.some(({ row, proof }) => this.believes(row, proof, commits))
      ? undefined
      : 'memory has what is not to be believed';
  }
}
