/** A fault is an exception: nobody but the edge and the transaction runner catches one. Messages carry no data of users. */
export abstract class Fault extends Error {
  abstract readonly code: FaultCode;
}

export type FaultCode = 'database-unavailable' | 'outcome-unknown' | 'write-conflict' | 'overloaded';

/** The database cannot be reached or did not answer in time; nothing was written. */
export class DatabaseUnavailable extends Fault {
  readonly code = 'database-unavailable';
}

/** The connection was lost at COMMIT: the change may or may not be there. */
export class OutcomeUnknown extends Fault {
  readonly code = 'outcome-unknown';
}

/** The transaction lost against another (serialisation failure, deadlock) and was rolled back; it may be run again. */
export class WriteConflict extends Fault {
  readonly code = 'write-conflict';
}

/** A bounded queue is full, or the wait in it was too long; nothing was done. */
export class Overloaded extends Fault {
  readonly code = 'overloaded';
}
