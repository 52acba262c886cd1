/** Tells the time. */
export interface Clock {
  /** Milliseconds since the Unix epoch, UTC; may jump. */
  nowMs(): number;
  /** Milliseconds on a clock that never jumps; for ages and deadlines. */
  monotonicMs(): number;
}

/**
 * A moment on both clocks. Neither of them is enough for an age: the monotonic clock stands still while a machine is
 * suspended, and the wall clock is set by people and by NTP (application/caching/ages.ts).
 */
export type Moment = { readonly monotonicMs: number; readonly wallMs: number };

/** Lets time pass. */
export interface Timer {
  /** Resolves after `ms`; bounded waits only. */
  sleep(ms: number): Promise<void>;
  /** Calls `work` every `ms` until disposed, never twice at once. `work` must not reject. */
  every(ms: number, work: () => Promise<void>): Disposable;
}

/** Makes new names, each different from all others. */
export interface Ids {
  /** A UUIDv7 (RFC 9562): later ones are greater. */
  uuid(): string;
  /** At least 96 random bits, unguessable; for fences, leases and list generations. */
  token(): string;
}

export type LogFields = { readonly [field: string]: string | number | boolean | null };

/** Writes one line for each event. Fields are for operators: never a secret, never personal data. */
export interface Log {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}
