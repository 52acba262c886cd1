/**
 * What this process knows of changes, and so which cached values it believes.
 *
 * A value carries the snapshot of the statement that read it. It is believed if that snapshot has seen everything that
 * FLOOR has seen, and every transaction that HEARD holds for the value's key:
 *
 * HEARD  for each key all transactions of the last check that brought rows of it, not only the greatest: ids are not in
 *        the order of commits. Those of earlier checks need not be kept, for whoever has seen a transaction that was
 *        invisible to a check has seen all that was visible to it (snapshots of one primary are ordered by inclusion).
 * OWN    the transactions that this process committed and no check has brought yet. They are not replaced or forgotten
 *        before that, so that its callers read their writes.
 * FLOOR  a whole snapshot (never a bounded one). Where HEARD is full, the rows of its oldest check are forgotten and
 *        FLOOR becomes that check's snapshot: it asks of every value what HEARD asked of these keys. It only rises.
 *
 * All of this is of one identity of the database; with another one a new `Heard` begins.
 */
import { hasSeen, hasSeenAllOf, type Snapshot, type Xid } from '../../domain/snapshot.ts';

/** The transactions that changed each key, or that there were too many, or of an unknown kind, to tell. */
export type Rows = ReadonlyMap<string, readonly Xid[]> | 'everything';

/** The rows of a key in the last check that brought any. */
type Last = {
  /** `undefined`: more than `maxXids`; then the snapshot of the check has to be seen. */
  readonly xids: readonly Xid[] | undefined;
  readonly check: Snapshot;
};

/** Of one key in one check. Beyond, a look at the snapshot is cheaper and costs a key that is always written little. */
const maxXids = 8;

export class Heard {
  readonly #maxKeys: number;
  /** In the order of the checks that brought their last rows. */
  readonly #last = new Map<string, Last>();
  readonly #own = new Map<string, Xid[]>();
  #ownNotes = 0;
  /** For so many checks nothing is believed: there were more own notes than can be kept. */
  #blindChecks = 0;
  #floor: Snapshot;
  #read: Snapshot;

  /** `floor`: whatever became visible later will be brought by checks. `maxKeys` bounds HEARD and OWN each. */
  constructor(floor: Snapshot, maxKeys: number) {
    this.#maxKeys = maxKeys;
    this.#floor = floor;
    this.#read = floor;
  }

  get floor(): Snapshot {
    return this.#floor;
  }

  /** How many keys are known. */
  get size(): number {
    return this.#last.size;
  }

  /** Takes in a check: the rows that `snapshot` sees and the snapshot of the check before does not. */
  apply(snapshot: Snapshot, rows: Rows): void {
    if (!hasSeenAllOf(snapshot, this.#read)) throw new RangeError('a check went back');
    this.#read = snapshot;
    if (rows === 'everything') {
      this.#last.clear();
      this.#floor = snapshot;
    } else {
      for (const [key, xids] of rows) {
        this.#last.delete(key);
        this.#last.set(key, { xids: xids.length > maxXids ? undefined : xids, check: snapshot });
      }
      this.#forget();
    }
    this.#settleOwn();
  }

  /** To be called with the transaction of an own write when its COMMIT was answered, before it is acknowledged. */
  noteOwn(xid: Xid, keys: readonly string[]): void {
    // A check was faster.
    if (hasSeen(this.#read, xid)) return;
    for (const key of keys) {
      const xids = this.#own.get(key);
      if (xids === undefined) this.#own.set(key, [xid]);
      else xids.push(xid);
    }
    this.#ownNotes += keys.length;
    if (this.#ownNotes <= this.#maxKeys) return;
    this.#own.clear();
    this.#ownNotes = 0;
    // Checks are made one at a time: the second from now begins after all of these were committed, and brings them.
    this.#blindChecks = 2;
  }

  /**
   * Whether a value of this key, read by a statement with this snapshot, holds every change that is known of. `nameKey` is
   * asked for the key only where something is known: most values are read while nothing is being changed.
   */
  believes(nameKey: () => string, snapshot: Snapshot): boolean {
    if (this.#blindChecks > 0 || !hasSeenAllOf(snapshot, this.#floor)) return false;
    if (this.#last.size === 0 && this.#own.size === 0) return true;
    const key = nameKey();
    const last = this.#last.get(key);
    if (last !== undefined && !hasSeenLast(snapshot, last)) return false;
    const own = this.#own.get(key);
    return own === undefined || own.every((xid) => hasSeen(snapshot, xid));
  }

  /** A whole check at a time: once FLOOR is its snapshot, its other rows ask for nothing more. */
  #forget(): void {
    for (const [key, { check }] of this.#last) {
      if (check !== this.#floor && this.#last.size <= this.#maxKeys) return;
      this.#floor = check;
      this.#last.delete(key);
    }
  }

  /** What the last check has seen was among its rows, or is below FLOOR. */
  #settleOwn(): void {
    if (this.#blindChecks > 0) this.#blindChecks--;
    this.#ownNotes = 0;
    for (const [key, xids] of this.#own) {
      const unheard = xids.filter((xid) => !hasSeen(this.#read, xid));
      this.#ownNotes += unheard.length;
      if (unheard.length === 0) this.#own.delete(key);
      else this.#own.set(key, unheard);
    }
  }
}

const hasSeenLast = (snapshot: Snapshot, { xids, check }: Last): boolean =>
  xids === undefined ? hasSeenAllOf(snapshot, check) : xids.every((xid) => hasSeen(snapshot, xid));
