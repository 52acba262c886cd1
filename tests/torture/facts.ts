/** What clients saw, on one monotonic clock: the only thing that the checker believes besides the database's own log. */

/** Where an answer said that it came from; `unknown` for those that do not say. */
export type Source = 'memory' | 'redis' | 'database' | 'unknown';

/** One request and its answer. */
export type Call = {
  readonly name: string;
  /** The incarnation of the server that was asked. */
  readonly server: string;
  /** When it was sent. Whatever was acknowledged before must be in the answer. */
  readonly startMs: number;
  /** When the whole answer was there. */
  readonly endMs: number;
  /** 0: there was none, or not in time. */
  readonly status: number;
  readonly source: Source;
};

export type AliasKind = 'email' | 'username' | 'phone';

export type UserRead = {
  readonly type: 'user-read';
  readonly call: Call;
  /** What was asked for. */
  readonly key: { readonly kind: 'id' | AliasKind; readonly value: string };
  readonly id: string;
  readonly version: number;
  readonly username: string;
  /** Absent in what others see of a user. */
  readonly email?: string;
  readonly phone?: string | null;
  readonly marker: string | null;
};

/** An existing user's key found nobody. */
export type UserMissing = {
  readonly type: 'user-missing';
  readonly call: Call;
  readonly key: { readonly kind: 'id' | AliasKind; readonly value: string };
  /** Whose key it was, as far as the client knew. */
  readonly id: string;
  /** Whether a deactivated user is missing to this caller. */
  readonly hidesInactive: boolean;
};

export type ContactRead = {
  readonly type: 'contact-read';
  readonly call: Call;
  readonly ownerId: string;
  readonly askedId: string;
  readonly id: string;
  readonly version: number;
  readonly marker: string | null;
};

export type ContactMissing = {
  readonly type: 'contact-missing';
  readonly call: Call;
  readonly ownerId: string;
  readonly id: string;
};

export type PageRead = {
  readonly type: 'page-read';
  readonly call: Call;
  readonly ownerId: string;
  readonly skip: number;
  readonly limit: number;
  readonly total: number;
  readonly items: readonly { readonly id: string; readonly version: number }[];
};

/** A token was presented, and let in or refused (401). */
export type TokenUse = {
  readonly type: 'token-use';
  readonly call: Call;
  readonly userId: string;
  readonly tokenVersion: number;
  readonly accepted: boolean;
};

export type UserWrite = {
  readonly type: 'user-write';
  readonly call: Call;
  readonly id: string;
  /** `undefined` where the answer does not tell: then it is the first version whose tokens are newer. */
  readonly version: number | undefined;
  readonly tokenVersionBefore: number;
  readonly security: boolean;
  readonly marker?: string;
};

export type ContactWrite = {
  readonly type: 'contact-write';
  readonly call: Call;
  readonly ownerId: string;
  readonly id: string;
  readonly version: number | 'removed';
  readonly marker?: string;
};

/** Facts exist only for answers; writes only for acknowledgements. */
export type Fact =
  | UserRead
  | UserMissing
  | ContactRead
  | ContactMissing
  | PageRead
  | TokenUse
  | UserWrite
  | ContactWrite;

export type ViolationKind =
  | 'stale'
  | 'old token'
  | 'wrong owner'
  | 'lost write'
  | 'after quiescence'
  /** Something that is there was not found, or a good token refused. */
  | 'wrongly refused'
  /** A 500, or an instance that did not recover. */
  | 'error';

export type Violation = { readonly kind: ViolationKind; readonly text: string };

export type Bounds = { readonly maxStalenessMs: number; readonly boundMs: number };
