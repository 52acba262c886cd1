import type { Failure, IdentifierTaken } from '../../domain/failures.ts';
import type { UserId } from '../../domain/identifiers.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import type { Account, User } from '../../domain/user.ts';
import type { FencedWrites, WriteKind } from '../caching/protocol.ts';

export type UserChange<F> = {
  readonly kind: WriteKind;
  /** Whether the change may cost an administrator: it then sees how many others there are. */
  readonly costsAdmin?: boolean;
  /** The next state of the locked account, or why there is none; the same account means that there is nothing to do. */
  readonly decide: (account: Account, otherAdmins: number) => Result<Account, F>;
};

type NotFound = Failure<'user-not-found'>;

/** Changes one user, identifiers included, under its lock and behind its fence. */
export const changeIdentity = <F>(
  writes: FencedWrites,
  userId: UserId,
  { kind, costsAdmin = false, decide }: UserChange<F>,
): Promise<Result<User, F | NotFound | IdentifierTaken>> =>
  writes.run<User, F | NotFound | IdentifierTaken>(kind, async (transaction, raiseFences) => {
    // First of all locks, so that two transactions never wait for each other.
    const admins = costsAdmin ? await transaction.users.lockAdmins() : [];
    const account = await transaction.users.lock(userId);
    if (account === undefined) return fail({ code: 'user-not-found' });
    const next = decide(account, admins.filter((id) => id !== userId).length);
    if (!next.ok) return next;
    // Somebody else may have made a security change just now that is not acknowledged yet: no answer before it is.
    if (next.value !== account || kind === 'security') await raiseFences([{ kind: 'user', userId }]);
    if (next.value === account) return ok(account.user);
    const updated = await transaction.users.update(next.value);
    return updated.ok ? ok(next.value.user) : updated;
  });

/** Changes one user whose identifiers stay. */
export const changeUser = async <F>(
  writes: FencedWrites,
  userId: UserId,
  change: UserChange<F>,
): Promise<Result<User, F | NotFound>> => {
  const changed = await changeIdentity(writes, userId, change);
  if (changed.ok) return changed;
  const { error } = changed;
  if (isTaken(error)) throw new TypeError('a change that keeps the identifiers found one of them taken');
  return fail(error);
};

const takenCodes: ReadonlySet<unknown> = new Set<IdentifierTaken['code']>([
  'email-taken',
  'username-taken',
  'phone-taken',
]);

const isTaken = <F>(error: F | IdentifierTaken): error is IdentifierTaken =>
  typeof error === 'object' && error !== null && 'code' in error && takenCodes.has(error.code);
