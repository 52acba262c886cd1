import type { Failure } from '../../domain/failures.ts';
import { fail, ok, type Result } from '../../domain/result.ts';
import { type Account, deactivated, isLastAdmin } from '../../domain/user.ts';

/** The account, deactivated; unchanged if it was already. */
export const deactivate = (
  account: Account,
  otherAdmins: number,
  nowMs: number,
): Result<Account, Failure<'last-admin'>> => {
  const { user } = account;
  if (!user.isActive) return ok(account);
  if (isLastAdmin(user, otherAdmins)) return fail({ code: 'last-admin' });
  return ok({ ...account, user: deactivated(user, nowMs) });
};
