import type { Judge } from '../../application/caching/belief.ts';
import type { Proof } from '../../domain/ports/change-log.ts';
import type { Snapshot, Xid } from '../../domain/snapshot.ts';

/** For tests about something else. */
export const believesAll: Judge = { doubt: () => undefined };

/** The epoch of the tests. */
export const epoch = '0123abcd';

/** The snapshot before this transaction, with some in progress. */
export const before = (xmax: Xid, ...inProgress: readonly Xid[]): Snapshot => ({
  xmin: inProgress[0] ?? xmax,
  xmax,
  inProgress,
});

/** What was read when all transactions before 100 had ended. */
export const proof: Proof = { epoch, snapshot: before(100) };
