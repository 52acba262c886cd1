import type { Issue } from './issue.ts';

/** The stable code of each failure of a use case. HTTP has a row for each (adapters/http/answer/problem-table.ts). */
export type FailureCode = AnyFailure['code'];

/** The failure with this code, and what it carries. */
export type Failure<Code extends FailureCode> = Extract<AnyFailure, { readonly code: Code }>;

/** All failures there are, told apart by `code`. */
export type AnyFailure =
  | { readonly code: 'invalid-input'; readonly issues: readonly Issue[] }
  | { readonly code: 'email-taken' }
  | { readonly code: 'username-taken' }
  | { readonly code: 'phone-taken' }
  | { readonly code: 'invalid-credentials' }
  | { readonly code: 'too-many-attempts'; readonly retryAfterMs: number }
  | { readonly code: 'invalid-token' }
  | { readonly code: 'wrong-password' }
  | { readonly code: 'user-not-found' }
  | { readonly code: 'contact-not-found' }
  | { readonly code: 'contact-limit' }
  | { readonly code: 'idempotency-key-reused' }
  | { readonly code: 'version-conflict' }
  /** No cache holds what was asked for, and nothing but a cache was to be asked. */
  | { readonly code: 'not-cached' }
  | { readonly code: 'last-admin' };

export type InvalidInput = Failure<'invalid-input'>;
/** Another account has the identifier. */
export type IdentifierTaken = Failure<'email-taken' | 'username-taken' | 'phone-taken'>;

export const invalidInput = (issues: readonly Issue[]): InvalidInput => ({ code: 'invalid-input', issues });
