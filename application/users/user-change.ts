import type { Failure, IdentifierTaken } from '../../domain/failures.ts';
import { parseUserId, type UserId } from '../../domain/identifiers.ts';
import type { Clock } from '../../domain/ports/runtime.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { Account, User } from '../../domain/user.ts';
import type { ConfirmedUser } from '../application.ts';
import type { Confirmed, Locked, Work, Writes } from '../writes.ts';

/** What use cases need that change a user and nothing else. */
export type UserChangeNeeds = { readonly writes: Writes; readonly clock: Clock };

export type UserChange<F> = {
  /** Whether there may be one administrator less after it: `decide` is then told how many others there are. */
  readonly costsAdmin?: boolean;
  /** The next state of the locked account, or why there is none; the same account means that there is nothing to do. */
  readonly decide: (account: Account, otherAdmins: number) => Result<Account, F>;
};

type NotFound = Failure<'user-not-found'>;

/** Changes one user, also their email, username or phone, under the lock of the user and behind their fence. */
export const changeIdentity = <F>(
  writes: Writes,
  userId: UserId,
  change: UserChange<F>,
): Promise<Result<User, F | NotFound | IdentifierTaken>> =>
  writes.run(workOf(userId, change, false), lockedBy(userId, change));

/** Changes one user, but not their email, username or phone. */
export const changeUser = async <F>(
  writes: Writes,
  userId: UserId,
  change: UserChange<F>,
): Promise<Result<User, F | NotFound>> => withoutTaken(await changeIdentity(writes, userId, change));

/** `changeUser` for what ends rights: it resolves when no process serves the user as they were. */
export const secureUser = async <F>(
  writes: Writes,
  userId: UserId,
  change: UserChange<F>,
): Promise<Result<Confirmed<User>, F | NotFound>> =>
  withoutTaken(await writes.runSecurely(workOf(userId, change, true), lockedBy(userId, change)));

/** `changeUser` by an id as somebody sent it. A text that is no id finds nobody. */
export const changeUserById = async <F>(
  writes: Writes,
  userId: string,
  change: UserChange<F>,
): Promise<Result<User, F | NotFound>> => {
  const id = parseUserId(userId);
  return id.ok ? changeUser(writes, id.value, change) : fail({ code: 'user-not-found' });
};

/** `secureUser` by an id as somebody sent it. */
export const secureUserById = async <F>(
  writes: Writes,
  userId: string,
  change: UserChange<F>,
): Promise<Result<ConfirmedUser, F | NotFound>> => {
  const id = parseUserId(userId);
  if (!id.ok) return fail({ code: 'user-not-found' });
  const changed = await secureUser(writes, id.value, change);
  return changed.ok ? ok({ user: changed.value.value, confirmation: changed.value.confirmation }) : changed;
};

const lockedBy = (userId: UserId, { costsAdmin = false }: { readonly costsAdmin?: boolean }): Locked =>
  costsAdmin ? 'admins' : userId;

/**
 * `isSecure`: a fence is raised also if there is nothing to change. Somebody else may have made the same change a moment
 * ago, which is not seen everywhere yet. With a fence of its own this write is acknowledged only once it is.
 */
const workOf =
  <F>(
    userId: UserId,
    { costsAdmin = false, decide }: UserChange<F>,
    isSecure: boolean,
  ): Work<User, F | NotFound | IdentifierTaken> =>
  async (transaction, raiseFences) => {
    // Together with the user, who may have become an administrator a moment ago.
    const admins = costsAdmin ? await transaction.users.lockAdmins(userId) : [];
    const account = await transaction.users.lock(userId);
    if (account === undefined) return fail({ code: 'user-not-found' });
    const next = decide(account, admins.filter((id) => id !== userId).length);
    if (!next.ok) return next;
    if (next.value !== account || isSecure) await raiseFences([{ kind: 'user', userId }]);
    if (next.value === account) return ok(account.user);
    const updated = await transaction.users.update(next.value);
    return updated.ok ? ok(next.value.user) : updated;
  };

const withoutTaken = <T, F>(changed: Result<T, F | IdentifierTaken>): Result<T, F> => {
  if (changed.ok) return changed;
  const { error } = changed;
  if (isTaken(error)) throw new TypeError('a change that keeps the identifiers found one of them taken');
  return fail(error);
};

const takenCodes: Readonly<Record<IdentifierTaken['code'], true>> = {
  'email-taken': true,
  'username-taken': true,
  'phone-taken': true,
};

const isTaken = <F>(error: F | IdentifierTaken): error is IdentifierTaken =>
  typeof error === 'object' &&
  error !== null &&
  'code' in error &&
  typeof error.code === 'string' &&
  Object.hasOwn(takenCodes, error.code);
