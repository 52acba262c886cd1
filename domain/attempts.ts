import type { Brand } from './identifiers.ts';

/**
 * How guessing at passwords is slowed down.
 *
 * Failures are counted twice: for each origin at each account, and for each account over all origins. Five failures of one
 * origin delay that origin and nobody else, so a stranger cannot lock anybody out. Against guesses spread over many
 * addresses the account's own count delays all origins *but those from which somebody has logged in before*, so that its
 * owner at home notices nothing. Only an owner at a new place, during such an attack, has to wait like the attackers.
 *
 * A delay and never a lock-out: otherwise whoever knows a name could lock its owner out.
 *
 * The count decides whether anybody waits, and a clock only for how long: below the free number nobody does. The clock is
 * that of the database, for those of processes differ. It too may be set back; then a last failure is in the future, and
 * counts as one of now.
 */
export const attemptLimits = {
  /** Failures of one origin at one account that cost nothing. */
  freeOfOrigin: 5,
  /** The same over all unfamiliar origins; NIST SP 800-63B-4, 3.2.2 allows at most 100. */
  freeOfAccount: 50,
  firstDelayMs: 5_000,
  /** A quarter of an hour. */
  maxDelayMs: 900_000,
  /** A count whose last failure is older (a day) is forgotten. */
  forgottenAfterMs: 86_400_000,
  /** How long an origin stays familiar after a log-in: 90 days. */
  familiarForMs: 7_776_000_000,
};

/** The name of a counter: a keyed hash, from which nobody learns whose failures it counts. */
export type CounterKey = Brand<string, 'CounterKey'>;

/** Makes the name of a counter of a digest. The caller must have made the digest with a secret key. */
export const counterKey = (digest: string): CounterKey => digest as CounterKey;

/** The two counters of a guess at one name: of this origin at the account, and of the account over all origins. */
export type Counters = { readonly origin: CounterKey; readonly account: CounterKey };

/** What a counter remembers. */
export type Count = {
  readonly failures: number;
  readonly lastAtMs: number;
  /** Until when the origin counts as familiar; 0 for never, and for the count of an account. */
  readonly familiarUntilMs: number;
};

export const noCount: Count = { failures: 0, lastAtMs: 0, familiarUntilMs: 0 };

/** How long after its last failure a counter refuses, in milliseconds: 5 s at the limit, then twice as long each time. */
export const delayMs = (failures: number, free: number): number =>
  failures < free
    ? 0
    : Math.min(attemptLimits.firstDelayMs * 2 ** Math.min(failures - free, 20), attemptLimits.maxDelayMs);

/** How long a counter refuses from now on, in milliseconds: 0 if it does not, and never longer than its delay. */
export const waitMs = ({ failures, lastAtMs }: Count, free: number, nowMs: number): number =>
  Math.max(0, Math.min(lastAtMs, nowMs) + delayMs(failures, free) - nowMs);

/**
 * A count that refuses, as it is to be kept. One whose last failure is in the future failed now: a wait that was said
 * would otherwise begin anew with each guess, until the clock is again where it was before it was set back.
 */
export const refusedOnce = (count: Count, nowMs: number): Count => ({
  ...count,
  lastAtMs: Math.min(count.lastAtMs, nowMs),
});

export const isFamiliar = ({ familiarUntilMs }: Count, nowMs: number): boolean => familiarUntilMs > nowMs;

export const failedOnce = (count: Count, nowMs: number): Count => ({
  ...count,
  failures: nowMs - count.lastAtMs > attemptLimits.forgottenAfterMs ? 1 : count.failures + 1,
  lastAtMs: nowMs,
});

/** A count without some of its failures. */
export const without = (count: Count, failures: number): Count => ({
  ...count,
  failures: Math.max(0, count.failures - failures),
});
