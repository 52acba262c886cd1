/** Time as two readings. */
export interface Clock {
  /** Milliseconds since the Unix epoch, UTC; may jump. */
  nowMs(): number;
  /** Milliseconds on a clock that never jumps; for ages and deadlines. */
  monotonicMs(): number;
}

/** Time as something to wait for. */
export interface Timer {
  /** Resolves after `ms`; bounded waits only. */
  sleep(ms: number): Promise<void>;
  /** Calls `work` every `ms` until disposed, never twice at once. `work` must not reject. */
  every(ms: number, work: () => Promise<void>): Disposable;
}

/** Chance as two kinds of names. */
export interface Ids {
  /** A UUIDv7 (RFC 9562): its order follows the time of its making. */
  uuid(): string;
  /** At least 96 random bits, unguessable; for fences, leases and list generations. */
  token(): string;
}

export type LogFields = { readonly [field: string]: string | number | boolean | null };

/** One line an event. Fields are for operators: never a secret, never personal data. */
export interface Log {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}
