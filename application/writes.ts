import type { UserId } from '../domain/identifiers.ts';
import type { Changed, Transaction } from '../domain/ports/persistence.ts';
import type { Result } from '../domain/result.ts';

/** Changes users and contacts so that no cache serves the version before for longer than caching/protocol.ts promises. */
export interface Writes {
  /**
   * Runs `work` in a transaction: commits when it answers with a value, and rolls back when it answers with a failure.
   * `work` locks what it reads, raises the fences of what it is about to change, and changes it. It is run again, three
   * times at most, if the transaction loses against another. Throws the faults of `Transactions.run`.
   */
  run<T, F>(work: Work<T, F>, locked: Locked): Promise<Result<T, F>>;
  /**
   * The same, acknowledged only when nobody can be served the version before it any more. `work` raises a fence also where it
   * finds nothing to change: somebody else may have changed it a moment ago, which is not seen everywhere yet. Throws
   * `OutcomeUnknown` also if the change was committed, and it cannot be known that it is seen.
   */
  runSecurely<T, F>(work: Work<T, F>, locked: Locked): Promise<Result<Confirmed<T>, F>>;
}

/** Whose row a write locks first: one user's, that of all administrators, or nobody's, where the row is a new one. */
export type Locked = UserId | 'admins' | 'nobody';

export type Work<T, F> = (transaction: Transaction, raiseFences: RaiseFences) => Promise<Result<T, F>>;

export type Confirmed<T> = { readonly value: T; readonly confirmation: Confirmation };

/** How it is known that no process serves the version before a change any more. Times are from the answer to COMMIT. */
export type Confirmation = {
  /**
   * `receipts`: every living process said that it knows of the change. `bound`: not all did, and the longest bound had
   * passed. `alone`: there is no other process.
   */
  readonly by: 'receipts' | 'bound' | 'alone';
  readonly afterMs: number;
  readonly receipts: readonly Receipt[];
  /** The processes that did not say so. */
  readonly missing: readonly string[];
};

/** A process, by the id of its start, and when its receipt was found. */
export type Receipt = { readonly instance: string; readonly afterMs: number };

/** To be called once in a transaction, after its locks and before its first change. */
export type RaiseFences = (changes: readonly Changed[]) => Promise<void>;
