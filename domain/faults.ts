/** An exception that only the edge and whoever runs transactions may catch. Its message has no data of users in it. */
export abstract class Fault extends Error {
  abstract readonly code: FaultCode;
}

export type FaultCode =
  | 'database-unavailable'
  | 'closed'
  | 'outcome-unknown'
  | 'write-conflict'
  | 'overloaded';

/** The database cannot be reached or did not answer in time; nothing was written. */
export class DatabaseUnavailable extends Fault {
  readonly code: FaultCode = 'database-unavailable';
}

/** The host closed it and went on using it. */
export class Closed extends DatabaseUnavailable {
  override readonly code = 'closed';

  constructor() {
    super(
      'it was closed before it was used: close it at the end of the program, and `await using` in a block that lasts',
    );
  }
}

/** Nobody answered at all: no connection, no answer in time, or a server that says that it is going, coming or full. */
export class DatabaseSilent extends DatabaseUnavailable {}

/** The connection was lost at COMMIT: the change may or may not be there. */
export class OutcomeUnknown extends Fault {
  readonly code = 'outcome-unknown';
}

/** The transaction lost against another (serialisation failure, deadlock) and was rolled back; it may be run again. */
export class WriteConflict extends Fault {
  readonly code = 'write-conflict';
}

/** A bounded queue is full, or the wait in it, for a lock, or for a busy connection was too long; nothing was done. */
export class Overloaded extends Fault {
  readonly code = 'overloaded';
}

/**
 * A short name for whatever was thrown, for logs and counters: the code of a fault, the class of another error, the type
 * of anything else. Never its message, which may hold what somebody typed.
 */
export const nameOfThrown = (thrown: unknown): string => {
  if (thrown instanceof Fault) return thrown.code;
  return thrown instanceof Error ? thrown.constructor.name : typeof thrown;
};
