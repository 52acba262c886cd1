import type { Snapshot, Xid } from '../../domain/snapshot.ts';

/** The first that PostgreSQL gives out; those before it have other meanings. */
const firstXid: Xid = 3;

/** Transaction ids and snapshots as PostgreSQL has them (manual, 74.1 and 9.27.8). */
export class MemoryXids {
  #last: Xid;
  #latestEnded: Xid;
  readonly #running = new Set<Xid>();

  /** `last`: the one before the next, with nothing in progress, as after a start of the server. */
  constructor(last: Xid = 0) {
    this.#last = Math.max(last, firstXid - 1);
    this.#latestEnded = this.#last;
  }

  begin(): Xid {
    this.#running.add(++this.#last);
    return this.#last;
  }

  /** Committed or rolled back: a snapshot makes no difference. */
  end(xid: Xid): void {
    if (this.#running.delete(xid)) this.#latestEnded = Math.max(this.#latestEnded, xid);
  }

  snapshot(): Snapshot {
    const xmax = this.#latestEnded + 1;
    // In the order in which they were given out.
    const inProgress = [...this.#running].filter((xid) => xid < xmax);
    return { xmin: inProgress[0] ?? xmax, xmax, inProgress };
  }
}
