import type { UserId } from '../identifiers.ts';
import type { AccessToken, Password, PasswordHash } from '../secret.ts';

/**
 * Hashes passwords one way (Argon2id, RFC 9106), a bounded number at once. Throws `Overloaded` when its queue is full or
 * the wait in it too long.
 */
export interface PasswordHasher {
  hash(password: Password): Promise<PasswordHash>;
  /**
   * Whether the password is the one that was hashed. With `undefined` on either side it costs the same and is false:
   * every log-in path spends exactly one verification.
   */
  verify(hash: PasswordHash | undefined, password: Password | undefined): Promise<boolean>;
  /** Whether the hash was made with weaker parameters than today's. */
  needsRehash(hash: PasswordHash): boolean;
  /** How many hashes are being made and how many wait; an adapter that cannot tell leaves it out. */
  load?(): { readonly running: number; readonly waiting: number };
}

/** What a token says: whose it is, and the `tokenVersion` of that user when it was issued. */
export type TokenClaims = { readonly userId: UserId; readonly tokenVersion: number };

/** Signed, expiring access tokens (RFC 9068). */
export interface AccessTokens {
  issue(claims: TokenClaims): Promise<{ readonly token: AccessToken; readonly expiresInSeconds: number }>;
  /**
   * The claims of a token that is genuine and not expired, whatever became of its user since; `undefined` for any other
   * text, up to the length that a header may have. Never throws.
   */
  verify(token: string): Promise<TokenClaims | undefined>;
}

/**
 * The digest of a text, in base64url: the same for the same text on every instance, and nobody finds the text by it (SHA-256,
 * FIPS 180-4). For what has to be recognised and is no secret; passwords have a `PasswordHasher`.
 */
export type Digest = (text: string) => string;

/** A guess at a password: of which account, by all of its names that are known, and from where. */
export type Guess = {
  /** Canonical identifiers. A name that no account has is counted like any other, so that counting tells nothing. */
  readonly names: readonly string[];
  /** Where it comes from, canonical: an address, or an IPv6 /64. Hosts that cannot tell use one origin for all. */
  readonly origin: string;
};

/**
 * Slows down whoever guesses passwords, by the rules of domain/attempts.ts. Every guess is admitted in one atomic step
 * before the password is checked, so that sending many at once gains nothing over one after the other.
 * Every method throws `DatabaseUnavailable` when the counters cannot be reached: nobody is let in uncounted.
 */
export interface LoginThrottle {
  /**
   * Counts the guess as a failure and lets it pass (`undefined`), or refuses it: milliseconds to wait. One that is refused
   * is counted only at those of its names that by themselves would have let it pass.
   */
  admit(guess: Guess): Promise<number | undefined>;
  /** The guess was right: the origin is familiar from now on, and its failures are forgotten. */
  succeeded(guess: Guess): Promise<void>;
  /** The password was not checked (overloaded, no database), so the guess was no failure. */
  withdraw(guess: Guess): Promise<void>;
}

/** Judges how soon a password would be guessed. */
export interface PasswordStrength {
  /**
   * Whether somebody would guess it who tries common passwords, words and patterns first, and who knows the texts in `known`:
   * names of the account. Whatever its case; at least all that repeats one character, one of `known`, or `password`. Takes
   * any text of a password's length in the time of a hash or two, on the calling thread. Never throws.
   */
  isGuessable(password: string, known: readonly string[]): boolean;
}

/** What is limited for each origin. Every request that checks a password counts as a log-in, because it costs a hash. */
export type LimitedRequest = 'log-in' | 'registration';

/**
 * Limits how often one origin may ask for something costly, over all processes that share a Redis. Never throws and never
 * waits for longer than one deadline: without Redis each process counts by itself, and nobody is let through uncounted.
 */
export interface RequestLimits {
  /** Counts one request: `undefined` if it may go on, or the milliseconds to wait. */
  take(request: LimitedRequest, origin: string): Promise<number | undefined>;
}
